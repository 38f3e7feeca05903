//! The messages that S3 sends about changes of objects.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// What stands in keys as it is; a space becomes `+`, all else is percent-encoded.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b' ');

/// One change of one object.
#[derive(Clone, Debug)]
pub struct S3Record {
    name: &'static str,
    bucket: String,
    key: String,
    size: Option<u64>,
    etag: Option<String>,
    version_id: Option<String>,
    sequencer: String,
}

impl S3Record {
    /// An object was written.
    #[must_use]
    pub fn created(bucket: &str, key: &str, size: u64) -> Self {
        Self { size: Some(size), ..Self::new("ObjectCreated:Put", bucket, key) }
    }

    /// An object was removed. Such events carry neither size nor ETag.
    #[must_use]
    pub fn removed(bucket: &str, key: &str) -> Self {
        Self::new("ObjectRemoved:Delete", bucket, key)
    }

    fn new(name: &'static str, bucket: &str, key: &str) -> Self {
        let sequencer = "0055AED6DCD90281E5".to_owned();
        Self {
            name,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            size: None,
            etag: None,
            version_id: None,
            sequencer,
        }
    }

    /// With an event of this name, such as `ObjectCreated:CompleteMultipartUpload`.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// With an ETag, without quotes.
    #[must_use]
    pub fn etag(self, etag: &str) -> Self {
        Self { etag: Some(etag.to_owned()), ..self }
    }

    /// With the version that was written.
    #[must_use]
    pub fn version(self, version_id: &str) -> Self {
        Self { version_id: Some(version_id.to_owned()), ..self }
    }

    /// With a sequencer: hexadecimal, and later ones are larger.
    #[must_use]
    pub fn sequencer(self, sequencer: &str) -> Self {
        Self { sequencer: sequencer.to_owned(), ..self }
    }

    fn json(&self) -> Value {
        let mut object = json!({ "key": encode(&self.key), "sequencer": self.sequencer });
        let optional = [
            ("size", self.size.map(Value::from)),
            ("eTag", self.etag.clone().map(Value::from)),
            ("versionId", self.version_id.clone().map(Value::from)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                object[name] = value;
            }
        }
        json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2026-01-01T00:00:00.000Z",
            "eventName": self.name,
            "userIdentity": { "principalId": "AWS:EXAMPLE" },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": { "x-amz-request-id": "EXAMPLE", "x-amz-id-2": "EXAMPLE" },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "longhaul",
                "bucket": {
                    "name": self.bucket,
                    "ownerIdentity": { "principalId": "EXAMPLE" },
                    "arn": format!("arn:aws:s3:::{}", self.bucket),
                },
                "object": object,
            },
        })
    }
}

fn encode(key: &str) -> String {
    utf8_percent_encode(key, ENCODED).to_string().replace(' ', "+")
}

/// The body of a message with these records.
#[must_use]
pub fn notification(records: &[S3Record]) -> String {
    json!({ "Records": records.iter().map(S3Record::json).collect::<Vec<_>>() }).to_string()
}

/// The body of the first message of a new notification.
#[must_use]
pub fn test_event(bucket: &str) -> String {
    json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": "2026-01-01T00:00:00.000Z",
        "Bucket": bucket,
        "RequestId": "EXAMPLE",
        "HostId": "EXAMPLE",
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_as_s3_encodes_them() {
        assert_eq!(encode("a/with space+ü.txt"), "a/with+space%2B%C3%BC.txt");
        assert_eq!(encode("100%/-_.*"), "100%25/-_.*");
    }

    #[test]
    fn a_removed_object_has_neither_size_nor_etag() {
        let body: Value = serde_json::from_str(&notification(&[S3Record::removed("b", "k")])).unwrap();
        let object = &body["Records"][0]["s3"]["object"];
        assert_eq!(*object, json!({ "key": "k", "sequencer": "0055AED6DCD90281E5" }));
    }
}
