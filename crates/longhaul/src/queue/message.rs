//! The messages of the queues: S3's events, the jobsender's jobs, and the jobs of the system that longhaul replaces.
//!
//! [`parse`] understands all of them and keeps each entry as it came, so that [`Message::only`] can send what is not done
//! again. What it does not understand is an error with words for the person who finds it among the parked messages.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    object::{ObjectKey, VersionId},
    queue::{
        format::{Malformed, check_version, named_buckets, sendable},
        object_job::{DestinationSeen, Job, Jobs},
        s3_event::{self, ObjectEvent},
        segment_job::{self, SegmentJob},
    },
};

/// One thing that a message asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// Something happened to a source object.
    Event(ObjectEvent),
    /// An object may need copying.
    Job {
        /// Source bucket.
        src_bucket: String,
        /// DestinationSeen bucket.
        des_bucket: String,
        /// The object.
        job: Box<Job>,
    },
    /// A segment of a giant.
    Segment(Box<SegmentJob>),
}

/// A message that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What it asks for; nothing, if it was only S3's test of the queue.
    pub entries: Vec<Entry>,
    form: Form,
}

/// How a message came.
#[derive(Clone, Debug, PartialEq)]
enum Form {
    Test,
    Events(Vec<Value>),
    Jobs { src_bucket: String, des_bucket: String },
    Original(String),
    Segment(Box<SegmentJob>),
}

/// A job as the system that longhaul replaces sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Original {
    #[serde(rename = "Src_bucket")]
    src_bucket: String,
    #[serde(rename = "Src_key")]
    src_key: ObjectKey,
    #[serde(rename = "Des_bucket")]
    des_bucket: String,
    #[serde(rename = "Des_key")]
    des_key: ObjectKey,
    #[serde(rename = "Size", default)]
    size: u64,
    #[serde(rename = "versionId", default)]
    version_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    longhaul: u64,
    src_bucket: String,
    des_bucket: String,
    jobs: Vec<Job>,
}

/// Reads a message of any kind.
pub fn parse(body: &str) -> Result<Message, Malformed> {
    let value: Value = serde_json::from_str(body).map_err(|error| Malformed(format!("no JSON: {error}")))?;
    if value.get("longhaul").is_some() {
        return if value.get("segment").is_some() { of_segment(value) } else { of_jobs(value) };
    }
    if value.get("Src_bucket").is_some() {
        return of_original(body, value);
    }
    match value.get("Records").and_then(Value::as_array) {
        Some(records) => of_events(records),
        None if value.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") => {
            Ok(Message { entries: Vec::new(), form: Form::Test })
        }
        None => Err(Malformed("neither an S3 event, nor jobs, nor a job of the earlier system".to_owned())),
    }
}

fn of_jobs(value: Value) -> Result<Message, Malformed> {
    let envelope = Envelope::deserialize(value).map_err(|error| Malformed(error.to_string()))?;
    check_version("jobs", envelope.longhaul)?;
    let Envelope { src_bucket, des_bucket, jobs, .. } = envelope;
    let entry = |job| Entry::Job { src_bucket: src_bucket.clone(), des_bucket: des_bucket.clone(), job: Box::new(job) };
    named_buckets(&src_bucket, &des_bucket)?;
    let entries = jobs.into_iter().map(entry).collect();
    Ok(Message { entries, form: Form::Jobs { src_bucket, des_bucket } })
}

fn of_segment(value: Value) -> Result<Message, Malformed> {
    let job = Box::new(segment_job::parse(value)?);
    Ok(Message { entries: vec![Entry::Segment(job.clone())], form: Form::Segment(job) })
}

fn of_original(body: &str, value: Value) -> Result<Message, Malformed> {
    let job = Original::deserialize(value).map_err(|error| Malformed(error.to_string()))?;
    named_buckets(&job.src_bucket, &job.des_bucket)?;
    let entry = Entry::Job {
        src_bucket: job.src_bucket,
        des_bucket: job.des_bucket,
        job: Box::new(Job {
            src_key: job.src_key,
            des_key: job.des_key,
            size: job.size,
            etag: None,
            version_id: job.version_id.as_deref().and_then(VersionId::new),
            des_etag: DestinationSeen::Unknown,
            token: None,
            why: String::new(),
        }),
    };
    Ok(Message { entries: vec![entry], form: Form::Original(body.to_owned()) })
}

fn of_events(records: &[Value]) -> Result<Message, Malformed> {
    let parsed = records.iter().enumerate().map(|(index, record)| {
        let parsed = s3_event::parse(record).map(Entry::Event);
        parsed.map_err(|error| Malformed(format!("record {index} of the S3 event: {error}")))
    });
    Ok(Message { entries: parsed.collect::<Result<_, _>>()?, form: Form::Events(records.to_vec()) })
}

impl Message {
    /// Whether the message asks for more than one thing.
    pub fn is_packed(&self) -> bool {
        self.entries.len() > 1
    }

    /// What is put into the queue of parked messages for the entry at this place: the entry as it came. Of a segment it is the job
    /// of its object, since a segment alone could not take up again what is parked.
    pub fn parked(&self, place: usize) -> String {
        match self.entries.get(place) {
            Some(Entry::Segment(job)) => job.object_body(),
            _ => self.only(&[place]),
        }
    }

    /// The body of a message that asks for the entries at these places and nothing else.
    pub fn only(&self, places: &[usize]) -> String {
        let chosen = || places.iter().filter_map(|&place| self.entries.get(place));
        match &self.form {
            Form::Test => json!({"Event": "s3:TestEvent"}).to_string(),
            Form::Original(body) => body.clone(),
            Form::Segment(job) => job.body(),
            Form::Events(records) => {
                let records: Vec<&Value> = places.iter().filter_map(|&place| records.get(place)).collect();
                sendable(&json!({"Records": records}))
            }
            Form::Jobs { src_bucket, des_bucket } => {
                let (src_bucket, des_bucket) = (src_bucket.clone(), des_bucket.clone());
                let jobs = chosen().filter_map(|entry| match entry {
                    Entry::Job { job, .. } => Some(job.as_ref().clone()),
                    Entry::Event(_) | Entry::Segment(_) => None,
                });
                Jobs { src_bucket, des_bucket, jobs: jobs.collect() }.body()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::object::ETag;

    fn job(key: &str) -> Job {
        let key = ObjectKey::new(key).unwrap();
        Job {
            src_key: key.clone(),
            des_key: key,
            size: 7,
            etag: Some(ETag::new("e")),
            version_id: None,
            des_etag: DestinationSeen::Absent,
            token: None,
            why: "absent".into(),
        }
    }

    fn jobs(keys: &[&str]) -> Jobs {
        Jobs { src_bucket: "src".into(), des_bucket: "des".into(), jobs: keys.iter().map(|key| job(key)).collect() }
    }

    #[test]
    fn jobs_are_read_as_they_were_written() {
        let message = parse(&jobs(&["a", "b//c"]).body()).unwrap();
        let keys = message.entries.iter().map(|entry| match entry {
            Entry::Job { src_bucket, des_bucket, job } => {
                (src_bucket.as_str(), des_bucket.as_str(), job.as_ref().clone())
            }
            Entry::Event(_) | Entry::Segment(_) => panic!("jobs were sent"),
        });
        assert_eq!(keys.collect::<Vec<_>>(), [("src", "des", job("a")), ("src", "des", job("b//c"))]);
    }

    #[test]
    fn null_is_absent_and_nothing_is_unknown() {
        for known in [DestinationSeen::Unknown, DestinationSeen::Absent, DestinationSeen::Is(ETag::new("x"))] {
            let job = Job { des_etag: known.clone(), ..job("k") };
            let read: Job = serde_json::from_str(&serde_json::to_string(&job).unwrap()).unwrap();
            assert_eq!(read.des_etag, known);
        }
    }

    #[test]
    fn a_job_of_the_earlier_system_is_accepted_as_it_stands() {
        let body =
            r#"{"Src_bucket":"src","Src_key":"a/b","Des_bucket":"des","Des_key":"p/a/b","Size":12,"versionId":"null"}"#;
        let message = parse(body).unwrap();
        let [Entry::Job { src_bucket, job, .. }] = message.entries.as_slice() else { panic!("{message:?}") };
        assert_eq!((src_bucket.as_str(), job.size, &job.version_id), ("src", 12, &None));
        assert_eq!(message.only(&[0]), body);
    }

    #[test]
    fn the_test_of_a_new_notification_asks_for_nothing() {
        let body = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}"#;
        assert_eq!(parse(body).unwrap().entries, []);
    }

    #[test]
    fn what_is_not_done_of_an_event_is_sent_again_unchanged() {
        let record = |key: &str| json!({"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "src"}, "object": {"key": key}}});
        let message = parse(&json!({"Records": [record("a"), record("b+c"), record("d")]}).to_string()).unwrap();
        let rest: Value = serde_json::from_str(&message.only(&[1, 2])).unwrap();
        assert_eq!(rest, json!({"Records": [record("b+c"), record("d")]}));
    }

    #[test]
    fn a_message_of_no_jobs_stays_one() {
        let body = jobs(&[]).body();
        assert_eq!(parse(&body).unwrap().only(&[]), body);
    }

    #[test]
    fn anything_else_is_malformed_and_says_why() {
        assert!(parse("{").unwrap_err().0.starts_with("no JSON"));
        assert!(parse("[]").is_err());
        assert!(
            parse(r#"{"longhaul":2,"src_bucket":"src","des_bucket":"des","jobs":[]}"#)
                .unwrap_err()
                .0
                .contains("update")
        );
        assert!(parse(r#"{"longhaul":1,"src_bucket":"..","des_bucket":"des","jobs":[]}"#).is_err());
        let broken = r#"{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"src"}}}]}"#;
        assert!(parse(broken).unwrap_err().0.starts_with("record 0"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(body in "\\PC*") {
            let _ = parse(&body);
        }

        #[test]
        fn any_key_can_be_sent(key in proptest::collection::vec(any::<char>(), 1..20)) {
            let key: String = key.into_iter().collect();
            let body = jobs(&[&key]).body();
            let refused = |char: char| char < ' ' || matches!(char, '\u{fffe}' | '\u{ffff}');
            prop_assert!(!body.chars().any(refused));
            let message = parse(&body).unwrap();
            let [Entry::Job { job, .. }] = message.entries.as_slice() else { panic!("one job") };
            prop_assert_eq!(job.src_key.as_str(), key);
        }
    }
}
