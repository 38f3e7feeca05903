//! Between S3's types and ours.

use std::{sync::Arc, time::SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use s3s::{
    S3Request, S3Result,
    dto::{self, ETag, Timestamp, TimestampFormat},
    s3_error,
};

use crate::{
    object::{ContentHeaders, PutOptions},
    operation::Target,
    record::Exchange,
};

/// What S3 leaves as it is when it URL-encodes listings.
const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/').remove(b'*').remove(b' ');

/// A key as `encoding-type=url` shows it: form encoding, where a space is `+`.
pub(crate) fn url_encode(key: &str) -> String {
    utf8_percent_encode(key, UNRESERVED).to_string().replace(' ', "+")
}

/// Encodes the strings of a listing if its request asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Url,
}

impl Encoding {
    pub fn of(asked: Option<&dto::EncodingType>) -> Self {
        match asked.map(dto::EncodingType::as_str) {
            Some("url") => Self::Url,
            _ => Self::Plain,
        }
    }

    pub fn text(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Url => url_encode(text),
        }
    }
}

/// A key as an XML answer may echo it: XML cannot hold control characters, so such an echo is left out.
pub(crate) fn echoed_key(key: &str) -> Option<String> {
    (!key.chars().any(|character| character.is_control())).then(|| key.to_owned())
}

pub(crate) fn strong(etag: &str) -> ETag {
    ETag::Strong(etag.to_owned())
}

pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::from(time)
}

/// A timestamp in the form of HTTP headers.
pub(crate) fn http_date(time: &Timestamp) -> Option<String> {
    let mut text = Vec::new();
    time.format(TimestampFormat::HttpDate, &mut text).ok()?;
    String::from_utf8(text).ok()
}

pub(crate) fn parse_http_date(text: &str) -> Option<Timestamp> {
    Timestamp::parse(TimestampFormat::HttpDate, text).ok()
}

/// Without `aws-chunked`, which says how the body travelled and not what it is.
pub(crate) fn stored_encoding(header: Option<String>) -> Option<String> {
    let kept: Vec<String> = header?
        .split(',')
        .map(|encoding| encoding.trim().to_owned())
        .filter(|encoding| !encoding.is_empty() && encoding != "aws-chunked")
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// The tags of an `x-amz-tagging` header.
pub(crate) fn parse_tags(header: Option<&str>) -> S3Result<Vec<(String, String)>> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().map(|text| text.into_owned())
    };
    let pairs = header.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let tags = pairs.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Ok(key), Ok(value)) = (decode(key), decode(value)) else {
            return Err(s3_error!(InvalidTag, "The x-amz-tagging header is not valid"));
        };
        Ok((key, value))
    });
    tags.collect()
}

/// What the headers of a write say, of any of the requests that have these fields.
macro_rules! put_options {
    ($input:expr) => {
        $crate::wire::PutFields {
            headers: $crate::object::ContentHeaders {
                content_type: $input.content_type.take(),
                cache_control: $input.cache_control.take(),
                content_disposition: $input.content_disposition.take(),
                content_encoding: $crate::wire::stored_encoding($input.content_encoding.take()),
                content_language: $input.content_language.take(),
                expires: $input.expires.take().as_ref().and_then($crate::wire::http_date),
            },
            metadata: $input.metadata.take(),
            storage_class: $input.storage_class.take(),
            tagging: $input.tagging.take(),
        }
    };
}

pub(crate) use put_options;

pub(crate) struct PutFields {
    pub headers: ContentHeaders,
    pub metadata: Option<dto::Metadata>,
    pub storage_class: Option<dto::StorageClass>,
    pub tagging: Option<String>,
}

impl PutFields {
    pub fn parse(self) -> S3Result<PutOptions> {
        Ok(PutOptions {
            headers: self.headers,
            metadata: self.metadata.unwrap_or_default().into_iter().collect(),
            storage_class: self
                .storage_class
                .map(|class| class.as_str().to_owned())
                .filter(|class| class != dto::StorageClass::STANDARD),
            tags: parse_tags(self.tagging.as_deref())?,
        })
    }
}

/// The exchange a request belongs to.
pub(crate) fn exchange<T>(request: &S3Request<T>) -> Arc<Exchange> {
    let found = request.extensions.get::<Arc<Exchange>>().cloned();
    found.unwrap_or_else(|| Arc::new(Exchange::new(0, Target::default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_encode_all_but_the_plainest_characters() {
        assert_eq!(url_encode("a b+c%/\u{1}é~"), "a+b%2Bc%25/%01%C3%A9%7E");
    }

    #[test]
    fn aws_chunked_is_no_content_encoding() {
        assert_eq!(stored_encoding(Some("aws-chunked".to_owned())), None);
        assert_eq!(stored_encoding(Some("aws-chunked, gzip".to_owned())).as_deref(), Some("gzip"));
    }

    #[test]
    fn tags_are_form_encoded() {
        let tags = parse_tags(Some("a=1&b%20c=x+y")).unwrap();
        assert_eq!(tags, [("a".to_owned(), "1".to_owned()), ("b c".to_owned(), "x y".to_owned())]);
    }
}
