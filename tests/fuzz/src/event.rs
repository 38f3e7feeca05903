//! One record of an S3 event.

use longhaul::queue::{ObjectEvent, s3_event::parse};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

pub(crate) fn run(bytes: &[u8]) {
    let Ok(record) = serde_json::from_slice::<Value>(bytes) else { return };
    match parse(&record) {
        Ok(event) => assert_eq!(parse(&printed(&event)), Ok(event.clone())),
        Err(words) => assert!(words.chars().any(char::is_alphabetic), "an error without words: {words:?}"),
    }
}

fn printed(event: &ObjectEvent) -> Value {
    json!({"eventName": event.name, "s3": {"bucket": {"name": event.bucket}, "object": {
        "key": utf8_percent_encode(event.key.as_str(), NON_ALPHANUMERIC).to_string().replace("%20", "+"),
        "size": event.size,
        "eTag": event.etag.as_ref().map(|etag| etag.quoted()),
        "versionId": event.version_id.as_ref().map(|version| version.as_str()),
        "sequencer": event.sequencer.as_ref().map(|sequencer| sequencer.as_str()),
    }}})
}
