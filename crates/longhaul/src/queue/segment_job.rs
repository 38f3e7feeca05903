//! The message of one segment of a giant object.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    ledger::SegmentRef,
    object::ObjectKey,
    queue::{
        format::{Malformed, VERSION, check_version, named_buckets, sendable},
        object_job::{DestinationSeen, Job, Jobs},
    },
};

/// One segment to be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentJob {
    /// Source bucket.
    pub src_bucket: String,
    /// DestinationSeen bucket.
    pub des_bucket: String,
    /// The segment.
    pub segment: Segment,
}

/// A segment of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Key at the source.
    pub src_key: ObjectKey,
    /// Key at the destination.
    pub des_key: ObjectKey,
    /// Bytes of the whole object.
    pub size: u64,
    /// Which segment of which upload.
    pub at: SegmentRef,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    longhaul: u64,
    src_bucket: String,
    des_bucket: String,
    segment: Segment,
}

impl SegmentJob {
    /// The message.
    pub fn body(&self) -> String {
        let Self { src_bucket, des_bucket, segment } = self;
        sendable(&json!({"longhaul": VERSION, "src_bucket": src_bucket, "des_bucket": des_bucket, "segment": segment}))
    }

    /// The message of the whole object, from which all of its segments begin anew or go on.
    pub fn object_body(&self) -> String {
        let Segment { src_key, des_key, size, .. } = self.segment.clone();
        let (etag, version_id, des_etag, token) = (None, None, DestinationSeen::Unknown, None);
        let job = Job { src_key, des_key, size, etag, version_id, des_etag, token, why: String::new() };
        let jobs = Jobs { src_bucket: self.src_bucket.clone(), des_bucket: self.des_bucket.clone(), jobs: vec![job] };
        jobs.body()
    }
}

/// Reads a message that names a segment.
pub(crate) fn parse(value: Value) -> Result<SegmentJob, Malformed> {
    let Envelope { longhaul, src_bucket, des_bucket, segment } =
        Envelope::deserialize(value).map_err(|error| Malformed(error.to_string()))?;
    check_version("a segment", longhaul)?;
    named_buckets(&src_bucket, &des_bucket)?;
    Ok(SegmentJob { src_bucket, des_bucket, segment })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::message::{self, Entry};

    fn segment() -> SegmentJob {
        let at = SegmentRef { generation: 2, upload_id: "u/1+=".into(), segment: 9_999 };
        let key = ObjectKey::new("a//b").unwrap();
        let segment = Segment { src_key: key.clone(), des_key: key, size: 5 << 40, at };
        SegmentJob { src_bucket: "src".into(), des_bucket: "des".into(), segment }
    }

    #[test]
    fn a_segment_is_read_as_it_was_written() {
        let message = message::parse(&segment().body()).unwrap();
        assert_eq!(message.entries, [Entry::Segment(Box::new(segment()))]);
        assert_eq!(message.only(&[0]), segment().body());
    }

    #[test]
    fn what_is_parked_of_a_segment_is_the_job_of_its_object() {
        let message = message::parse(&segment().body()).unwrap();
        let parked = message::parse(&message.parked(0)).unwrap();
        let [Entry::Job { src_bucket, des_bucket, job }] = parked.entries.as_slice() else { panic!("{parked:?}") };
        assert_eq!((src_bucket.as_str(), des_bucket.as_str()), ("src", "des"));
        assert_eq!((job.src_key.as_str(), job.size, &job.des_etag), ("a//b", 5 << 40, &DestinationSeen::Unknown));
    }

    #[test]
    fn a_segment_without_its_upload_is_malformed() {
        let body =
            r#"{"longhaul":1,"src_bucket":"src","des_bucket":"des","segment":{"src_key":"k","des_key":"k","size":1}}"#;
        assert!(message::parse(body).unwrap_err().0.contains("at"));
        let newer = segment().body().replace("\"longhaul\":1", "\"longhaul\":2");
        assert!(message::parse(&newer).unwrap_err().0.contains("update"));
    }
}
