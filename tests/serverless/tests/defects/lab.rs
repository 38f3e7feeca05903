//! What the tests of defects have in common: objects of two sizes, legs that end in the middle, looks at the copies.

use std::time::Duration;

use serde_json::Value;
use serverless::{
    Answer, Cloud, Delivery, Environment, Function, OTHER_BUCKET, OWN_BUCKET, Program, Queue, S3Record, Setup, deliver,
    notification,
};
use test_s3::{FaultKind, FaultRule, Options, PutOptions};

pub const MIB: u64 = 1 << 20;
/// Two parts of the smallest size.
pub const LARGE: u64 = 6 * MIB;
/// Time enough for any leg or run of these tests.
pub const MINUTE: Duration = Duration::from_secs(60);

/// A cloud for large objects: their ETags are made without MD5, which takes long.
pub async fn cloud(test: &str) -> Option<Cloud> {
    let options = Options { cheap_etags: true, ..Options::default() };
    Cloud::required_as(test, Setup { own: options.clone(), other: options, ..Setup::default() }).await
}

/// A worker that cuts objects above a MiB into parts of 5 MiB, and copies them one after the other.
pub fn in_parts(cloud: &Cloud) -> Environment {
    let environment = cloud.worker_environment().with("MaxThread", "1").with("MultipartThreshold", MIB.to_string());
    environment.with("ChunkSize", (5 * MIB).to_string())
}

/// The same; a part that fails ends the leg.
pub fn impatient(cloud: &Cloud) -> Environment {
    in_parts(cloud).with("MaxRetry", "0")
}

pub async fn worker(environment: &Environment) -> Function {
    Function::start(Program::Worker, environment).await
}

/// Lets one part fail, once, behind the first one.
pub fn end_leg_after_one_part(cloud: &Cloud, key: &str) {
    let rule = FaultRule::new(FaultKind::Status500).on("UploadPart").of_key(key);
    cloud.other.faults().add(rule.after(1).times(1));
}

/// A small object, and its event in the queue.
pub async fn put_and_tell(cloud: &Cloud, key: &str, content: &str) {
    cloud.own.store().put(OWN_BUCKET, key, content.to_owned(), PutOptions::default());
    tell(cloud, key).await;
}

/// A large object, and its event in the queue.
pub async fn put_large_and_tell(cloud: &Cloud, key: &str, seed: u64, size: u64) {
    cloud.own.store().put_synthetic_with_crc(OWN_BUCKET, key, seed, size);
    tell(cloud, key).await;
}

/// The event of an object as it is now.
pub async fn tell(cloud: &Cloud, key: &str) {
    let object = cloud.own.store().get(OWN_BUCKET, key).expect("the test made it");
    let record = S3Record::created(OWN_BUCKET, key, object.size()).etag(&object.etag);
    cloud.events.send(notification(&[record])).await;
}

/// A leg that does not bring its object to an end, and says so in time.
pub async fn broken_off(function: &Function, queue: &Queue, deadline: Duration) -> Delivery {
    let leg = deliver(function, queue, 1, deadline).await.expect("a message waits");
    assert!(matches!(leg.answer, Answer::Response(_)), "no answer in time: {:?}", leg.answer);
    assert_eq!(leg.failed.len(), 1, "the message was acknowledged: {:?}", leg.answer);
    leg
}

/// A delivery after which nothing is left to do.
pub async fn acknowledged(function: &Function, queue: &Queue) {
    let delivery = deliver(function, queue, 10, MINUTE).await.expect("a message waits");
    assert!(delivery.failed.is_empty(), "not acknowledged: {:?}", delivery.answer);
}

/// The copy has the bytes of its source and was written once.
pub fn is_whole(cloud: &Cloud, key: &str) {
    let source = cloud.own.store().sha256(OWN_BUCKET, key);
    assert!(source.is_some(), "there is no source {key}");
    assert_eq!(cloud.other.store().sha256(OTHER_BUCKET, key), source, "{key} is not its source as it is now");
    assert_eq!(cloud.other.store().versions(OTHER_BUCKET, key).len(), 1, "{key} was written more than once");
}

/// No upload was left behind.
pub fn no_uploads(cloud: &Cloud) {
    let uploads = cloud.other.store().uploads(OTHER_BUCKET);
    assert!(uploads.is_empty(), "left behind: {uploads:?}");
}

/// The content of a copy.
pub fn copy(cloud: &Cloud, key: &str) -> Option<String> {
    let bytes = cloud.other.store().read(OTHER_BUCKET, key)?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last that a worker said of an object.
pub fn line_of(function: &Function, key: &str) -> Value {
    let last = function.events("object").into_iter().rfind(|line| line["src_key"] == key);
    last.unwrap_or_else(|| panic!("nothing is said of {key}:\n{}", function.output()))
}

/// The key of a copy's row in the table.
pub fn row_key(cloud: &Cloud, key: &str) -> String {
    format!("{}/{OTHER_BUCKET}/{key}", cloud.other.endpoint())
}
