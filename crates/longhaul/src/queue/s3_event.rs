//! S3's event notifications, as they arrive in a queue.
//!
//! Keys come form-encoded (`+` is a space) and are decoded here, once. Every record is kept as it came, so that what is not
//! done can be sent again unchanged. (S3 User Guide, "Event message structure".)

use serde::Deserialize;
use serde_json::Value;

use crate::object::{ETag, ObjectKey, VersionId, form_decoded, problem_of_bucket};

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was written, in whatever way.
    Created,
    /// It was deleted, or hidden by a delete marker.
    Removed,
    /// Something that changes no bytes and no place: restored, tagged, expired from a class.
    Other,
}

/// Orders the events of one key. S3 gives hexadecimal numbers of varying length, to be compared as if padded with zeros on
/// the left; events of different keys do not compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequencer(String);

impl Sequencer {
    /// Takes S3's text.
    pub fn new(text: &str) -> Self {
        Self(text.trim_start_matches('0').to_ascii_uppercase())
    }

    /// The text, without leading zeros.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialOrd for Sequencer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sequencer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

/// One record of a notification.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectEvent {
    /// What happened.
    pub kind: EventKind,
    /// S3's name of it: `ObjectCreated:Put`.
    pub name: String,
    /// The bucket.
    pub bucket: String,
    /// The key, decoded.
    pub key: ObjectKey,
    /// Bytes; a delete event has none.
    pub size: Option<u64>,
    /// Its tag.
    pub etag: Option<ETag>,
    /// Its version, where the bucket keeps versions.
    pub version_id: Option<VersionId>,
    /// Its place among the events of the key.
    pub sequencer: Option<Sequencer>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    name: String,
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    key: String,
    size: Option<u64>,
    #[serde(rename = "eTag")]
    etag: Option<String>,
    version_id: Option<String>,
    sequencer: Option<String>,
}

/// Reads one element of `Records`. The error says what is wrong with it.
pub fn parse(record: &Value) -> Result<ObjectEvent, String> {
    let Record { name, s3 } = Record::deserialize(record).map_err(|error| error.to_string())?;
    if let Some(problem) = problem_of_bucket(&s3.bucket.name) {
        return Err(format!("the bucket: {problem}"));
    }
    let key =
        form_decoded(&s3.object.key).ok_or_else(|| format!("the key {:?} is not form-encoded UTF-8", s3.object.key))?;
    Ok(ObjectEvent {
        kind: kind(&name),
        bucket: s3.bucket.name,
        key: ObjectKey::new(key).map_err(|error| error.to_string())?,
        size: s3.object.size,
        etag: s3.object.etag.filter(|etag| !etag.is_empty()).map(|etag| ETag::new(&etag)),
        version_id: s3.object.version_id.as_deref().and_then(VersionId::new),
        sequencer: s3.object.sequencer.as_deref().map(Sequencer::new),
        name,
    })
}

fn kind(name: &str) -> EventKind {
    match name.strip_prefix("s3:").unwrap_or(name).split(':').next() {
        Some("ObjectCreated") => EventKind::Created,
        Some("ObjectRemoved" | "LifecycleExpiration") => EventKind::Removed,
        _ => EventKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn event(name: &str, key: &str) -> Value {
        json!({"eventVersion": "2.1", "eventName": name, "s3": {"bucket": {"name": "src"}, "object": {
            "key": key, "size": 3, "eTag": "abc", "versionId": "v1", "sequencer": "0A1"}}})
    }

    #[test]
    fn keys_are_form_encoded() {
        let parsed = parse(&event("ObjectCreated:Put", "a+b%2Bc//%E6%97%A5.txt")).unwrap();
        assert_eq!(parsed.key.as_str(), "a b+c//日.txt");
        assert_eq!(parsed.kind, EventKind::Created);
        assert_eq!(parsed.version_id, VersionId::new("v1"));
    }

    #[test]
    fn a_delete_event_has_neither_size_nor_tag() {
        let record = json!({"eventName": "ObjectRemoved:DeleteMarkerCreated", "s3": {"bucket": {"name": "src"},
            "object": {"key": "k", "versionId": "v", "sequencer": "1"}}});
        let parsed = parse(&record).unwrap();
        assert_eq!((parsed.kind, parsed.size, parsed.etag), (EventKind::Removed, None, None));
    }

    #[test]
    fn what_moves_no_bytes_is_neither_created_nor_removed() {
        assert_eq!(parse(&event("ObjectTagging:Put", "k")).unwrap().kind, EventKind::Other);
        assert_eq!(parse(&event("ObjectRestore:Completed", "k")).unwrap().kind, EventKind::Other);
    }

    #[test]
    fn a_record_that_is_none_says_what_is_missing() {
        let error = parse(&json!({"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "src"}}})).unwrap_err();
        assert!(error.contains("object"), "{error}");
        assert!(parse(&event("ObjectCreated:Put", "%FF")).unwrap_err().contains("UTF-8"));
        assert!(parse(&event("ObjectCreated:Put", "")).is_err());
    }

    #[test]
    fn sequencers_compare_as_numbers() {
        assert!(Sequencer::new("00B") < Sequencer::new("0A1"));
        assert_eq!(Sequencer::new("0055AED6DCD90281E5"), Sequencer::new("55aed6dcd90281e5"));
    }

    proptest! {
        #[test]
        fn any_key_survives_its_encoding(key in "\\PC{1,40}") {
            let encoded: String = percent_encoding::utf8_percent_encode(&key, percent_encoding::NON_ALPHANUMERIC)
                .to_string().replace("%20", "+");
            let parsed = parse(&event("ObjectCreated:Put", &encoded)).unwrap();
            prop_assert_eq!(parsed.key.as_str(), key);
        }
    }
}
