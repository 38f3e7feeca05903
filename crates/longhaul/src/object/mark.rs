//! The mark that a copy can carry: of which object, in which state, it is the copy.
//!
//! Where stores name no checksums that could be compared, it alone tells the stack of the other direction that an object came
//! from the very place to which it would be sent. It is user metadata, so it is written only on request.

use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::object::{
    checksum,
    info::{Headers, ObjectInfo},
    key::{Location, ObjectKey},
};

/// The name of the mark among the user metadata: `x-amz-meta-longhaul-source`.
pub const NAME: &str = "longhaul-source";

/// The most bytes of user metadata, names and values together (S3 User Guide, "Working with object metadata").
const MAX_METADATA: usize = 2048;

/// The most bytes that a place takes of them; of a longer one a digest is written.
const MAX_PLACE: usize = 512;

/// The most bytes of a tag, or of an endpoint.
const MAX_FIELD: usize = 256;

/// What may stand in a header as it is, and separates no fields.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b':');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A bucket and a key, so written that it fits. The endpoint is none of it: one store has many addresses.
fn place(bucket: &str, key: &ObjectKey) -> String {
    let whole = format!("{}/{}", encoded(bucket), encoded(key.as_str()));
    if whole.len() <= MAX_PLACE {
        return whole;
    }
    let digest = checksum::Md5(Md5::digest(key.as_str().as_bytes()).into());
    format!("{}/~md5:{}", encoded(bucket), digest.to_hex())
}

/// The mark of a copy of this object, unless its tag is too long for one.
fn mark_of(location: &Location, key: &ObjectKey, info: &ObjectInfo) -> Option<String> {
    let (etag, endpoint) = (encoded(info.etag.as_str()), encoded(&location.endpoint));
    if etag.len() > MAX_FIELD {
        return None;
    }
    let mut mark = format!("etag={etag} size={} place={}", info.size, place(&location.bucket, key));
    if endpoint.len() <= MAX_FIELD {
        mark.push_str(&format!(" at={endpoint}"));
    }
    Some(mark)
}

/// The headers of a copy, with its mark in the place of any that the source carries. An object whose own metadata leave no
/// room goes without.
pub(crate) fn marked(location: &Location, key: &ObjectKey, info: &ObjectInfo) -> Headers {
    let mut headers = unmarked(&info.headers);
    let used: usize = headers.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    match mark_of(location, key, info).filter(|mark| used + NAME.len() + mark.len() <= MAX_METADATA) {
        Some(mark) => {
            headers.metadata.insert(NAME.to_owned(), mark);
        }
        None => tracing::debug!(%key, "the metadata of the object leave no room for the mark of its copy"),
    }
    headers
}

/// The headers without the mark.
pub fn unmarked(headers: &Headers) -> Headers {
    let mut headers = headers.clone();
    headers.metadata.remove(NAME);
    headers
}

/// The description of an object without its mark.
pub(crate) fn unmarked_info(info: &ObjectInfo) -> ObjectInfo {
    ObjectInfo { headers: unmarked(&info.headers), ..info.clone() }
}

/// Whether the headers say that their object is the copy of the one that is there, as it is now.
pub(crate) fn names(headers: &Headers, location: &Location, key: &ObjectKey, there: &ObjectInfo) -> bool {
    let Some(mark) = headers.metadata.get(NAME) else { return false };
    let has = |field: &str, value: &str| {
        mark.split(' ').filter_map(|part| part.split_once('=')).any(|(name, told)| (name, told) == (field, value))
    };
    has("place", &place(&location.bucket, key))
        && has("etag", &encoded(there.etag.as_str()))
        && has("size", &there.size.to_string())
}

/// Whether the headers say that their object is a copy of what is, or was, at that place.
pub(crate) fn is_from(headers: &Headers, location: &Location, key: &ObjectKey) -> bool {
    let place = place(&location.bucket, key);
    headers
        .metadata
        .get(NAME)
        .is_some_and(|mark| mark.split(' ').any(|part| part.strip_prefix("place=") == Some(place.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::version::{ETag, Timestamp};

    fn info(etag: &str, metadata: &[(&str, &str)]) -> ObjectInfo {
        let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ObjectInfo {
            size: 7,
            etag: ETag::new(etag),
            version_id: None,
            modified: Timestamp(1),
            crc64nvme: None,
            headers: Headers { metadata, ..Headers::default() },
            storage_class: None,
            tags: 0,
            not_carried: Vec::new(),
        }
    }

    fn key(text: &str) -> ObjectKey {
        ObjectKey::new(text).unwrap()
    }

    fn there() -> Location {
        Location::new("https://s3.eu-west-1.amazonaws.com", "photos")
    }

    #[test]
    fn a_copy_names_the_object_that_it_was_made_from_and_no_other() {
        let source = info("e1", &[("colour", "red")]);
        let copy = marked(&there(), &key("a b/日"), &source);
        let mark = "etag=e1 size=7 place=photos/a%20b/%E6%97%A5 at=https://s3.eu-west-1.amazonaws.com";
        assert_eq!(copy.metadata[NAME], mark);
        assert_eq!(copy.metadata["colour"], "red");
        assert!(names(&copy, &there(), &key("a b/日"), &source));
        assert!(names(&copy, &Location::new("http://by-another-address", "photos"), &key("a b/日"), &source));
        assert!(!names(&copy, &Location::new("x", "films"), &key("a b/日"), &source));
        assert!(!names(&copy, &there(), &key("a b"), &source));
        assert!(!names(&copy, &there(), &key("a b/日"), &info("e2", &[])), "the original has changed");
        assert!(!names(&copy, &there(), &key("a b/日"), &ObjectInfo { size: 8, ..source.clone() }));
        assert!(!names(&source.headers, &there(), &key("a b/日"), &source));
        assert_eq!(unmarked(&copy), source.headers);
    }

    #[test]
    fn a_mark_replaces_the_one_that_the_source_carries() {
        let first = marked(&there(), &key("k"), &info("e1", &[]));
        let second = marked(&Location::new("x", "films"), &key("k"), &ObjectInfo { headers: first, ..info("e2", &[]) });
        assert!(is_from(&second, &Location::new("y", "films"), &key("k")) && !is_from(&second, &there(), &key("k")));
    }

    #[test]
    fn a_mark_is_legal_in_a_header_and_within_its_limit_whatever_the_key() {
        for text in ["\u{1}\r\nx: y".to_owned(), "日".repeat(341), "k".repeat(1024), "a=b c=d".to_owned()] {
            let copy = marked(&there(), &key(&text), &info("\"odd tag\"", &[]));
            let mark = &copy.metadata[NAME];
            assert!(mark.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && mark.len() < 1100, "{mark}");
            assert!(names(&copy, &there(), &key(&text), &info("\"odd tag\"", &[])));
        }
        let full = "v".repeat(2000);
        assert_eq!(marked(&there(), &key("k"), &info("e", &[("own", &full)])).metadata.len(), 1);
        assert!(!marked(&there(), &key("k"), &info(&"e".repeat(300), &[])).metadata.contains_key(NAME));
    }
}
