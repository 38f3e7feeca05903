//! What travels with an object's bytes, and whether a store has kept it. Pure.
//!
//! A store may write the same value in another way, and that is kept: `TEXT/HTML;charset="UTF-8"` is
//! `text/html; charset=utf-8`, a list may have other spaces, a date another form, metadata more entries than were sent. A value
//! that was cut, or replaced by another one, is not.

use crate::object::info::{Headers, ObjectInfo};

/// Something that was sent along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Carried {
    CacheControl,
    ContentDisposition,
    ContentEncoding,
    ContentLanguage,
    ContentType,
    Expires,
    Metadata,
    StorageClass,
}

/// What a store says of an object whose type nobody named.
const NO_TYPES: [&str; 2] = ["application/octet-stream", "binary/octet-stream"];

/// The class that a store need not name.
const STANDARD: &str = "STANDARD";

impl Carried {
    /// Those that [`Headers`] hold.
    pub const OF_HEADERS: [Self; 7] = [
        Self::CacheControl,
        Self::ContentDisposition,
        Self::ContentEncoding,
        Self::ContentLanguage,
        Self::ContentType,
        Self::Expires,
        Self::Metadata,
    ];

    /// The word for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::CacheControl => "cache-control",
            Self::ContentDisposition => "content-disposition",
            Self::ContentEncoding => "content-encoding",
            Self::ContentLanguage => "content-language",
            Self::ContentType => "content-type",
            Self::Expires => "expires",
            Self::Metadata => "metadata",
            Self::StorageClass => "storage-class",
        }
    }

    /// What a copy of `info` in this class carries.
    pub fn by(info: &ObjectInfo, class: Option<&str>) -> Vec<Self> {
        let all = Self::OF_HEADERS.into_iter().chain([Self::StorageClass]);
        all.filter(|what| what.is_carried(info, class)).collect()
    }

    fn is_carried(self, info: &ObjectInfo, class: Option<&str>) -> bool {
        match self {
            Self::Metadata => !info.headers.metadata.is_empty(),
            Self::StorageClass => class.is_some(),
            // What is no date is not sent, and is reported as such.
            Self::Expires => info.headers.expires.is_some() && !info.not_carried.contains(&self.name()),
            _ => self.text(&info.headers).is_some(),
        }
    }

    /// Whether what was sent with `sent`, in this class, is there.
    pub fn is_kept(self, sent: &Headers, class: Option<&str>, there: &ObjectInfo) -> bool {
        match self {
            Self::Metadata => keeps_metadata(sent, &there.headers),
            Self::StorageClass => class.unwrap_or(STANDARD) == there.storage_class.as_deref().unwrap_or(STANDARD),
            _ => match (self.text(sent), self.text(&there.headers)) {
                (Some(sent), Some(there)) => self.is_same_text(sent, there),
                (sent, _) => sent.is_none(),
            },
        }
    }

    fn is_same_text(self, sent: &str, there: &str) -> bool {
        match self {
            Self::ContentDisposition => sent.trim() == there.trim(),
            Self::Expires => match (httpdate::parse_http_date(sent), httpdate::parse_http_date(there)) {
                (Ok(sent), Ok(there)) => sent == there,
                _ => sent.trim() == there.trim(),
            },
            _ => plain(sent).eq(plain(there)),
        }
    }

    fn text(self, headers: &Headers) -> Option<&str> {
        match self {
            Self::CacheControl => headers.cache_control.as_deref(),
            Self::ContentDisposition => headers.content_disposition.as_deref(),
            Self::ContentEncoding => headers.content_encoding.as_deref(),
            Self::ContentLanguage => headers.content_language.as_deref(),
            Self::ContentType => headers.content_type.as_deref().filter(|text| !NO_TYPES.contains(text)),
            Self::Expires => headers.expires.as_deref(),
            Self::Metadata | Self::StorageClass => None,
        }
    }
}

fn keeps_metadata(sent: &Headers, there: &Headers) -> bool {
    sent.metadata.iter().all(|(name, value)| there.metadata.get(name).is_some_and(|there| there.trim() == value.trim()))
}

/// A text whose case, spaces and quotes mean nothing.
fn plain(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'"').map(|byte| byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::version::{ETag, Timestamp};

    fn object(headers: Headers) -> ObjectInfo {
        ObjectInfo {
            size: 1,
            etag: ETag::new("e"),
            version_id: None,
            modified: Timestamp(0),
            crc64nvme: None,
            headers,
            storage_class: None,
            tags: 0,
            not_carried: Vec::new(),
        }
    }

    fn with_type(text: &str) -> Headers {
        Headers { content_type: Some(text.to_owned()), ..Headers::default() }
    }

    fn with_expires(text: &str) -> Headers {
        Headers { expires: Some(text.to_owned()), ..Headers::default() }
    }

    #[test]
    fn another_way_to_write_a_value_is_no_loss() {
        let sent = with_type("text/html; charset=utf-8");
        assert!(Carried::ContentType.is_kept(&sent, None, &object(with_type("Text/HTML;charset=\"UTF-8\""))));
        assert!(!Carried::ContentType.is_kept(&sent, None, &object(with_type("text/html"))));
        let sent = with_expires("Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(Carried::Expires.is_kept(&sent, None, &object(with_expires("Sunday, 06-Nov-94 08:49:37 GMT"))));
        assert!(!Carried::Expires.is_kept(&sent, None, &object(with_expires("Sun, 06 Nov 1994 08:49:38 GMT"))));
    }

    #[test]
    fn of_metadata_every_entry_counts_and_more_do_no_harm() {
        let with = |entries: &[(&str, &str)]| Headers {
            metadata: entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Headers::default()
        };
        let sent = with(&[("a", "1"), ("b", "2")]);
        assert!(Carried::Metadata.is_kept(&sent, None, &object(with(&[("a", "1"), ("b", "2 "), ("mtime", "3")]))));
        assert!(!Carried::Metadata.is_kept(&sent, None, &object(with(&[("a", "1")]))));
        assert!(!Carried::Metadata.is_kept(&sent, None, &object(with(&[("a", "1"), ("b", "x")]))));
    }

    #[test]
    fn a_class_that_is_not_named_is_the_standard_one() {
        let there = object(Headers::default());
        assert!(Carried::StorageClass.is_kept(&Headers::default(), Some("STANDARD"), &there));
        assert!(!Carried::StorageClass.is_kept(&Headers::default(), Some("GLACIER"), &there));
    }

    #[test]
    fn what_nobody_named_and_what_cannot_be_sent_is_not_carried() {
        assert_eq!(Carried::by(&object(with_type("binary/octet-stream")), None), []);
        assert_eq!(
            Carried::by(&object(with_type("image/png")), Some("GLACIER")),
            [Carried::ContentType, Carried::StorageClass]
        );
        let never = ObjectInfo { not_carried: vec!["expires"], ..object(with_expires("never")) };
        assert_eq!(Carried::by(&never, None), []);
    }
}
