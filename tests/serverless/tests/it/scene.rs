//! What these tests have in common: what lies there before a delivery, the delivery, and what it left behind.

mod rows;
mod sent;

use std::{collections::BTreeSet, slice, time::Duration};

use aws_sdk_sqs::types::Message;
use serde_json::{Value, json};
use serverless::{
    Answer, Cloud, Depth, Environment, Function, Invocation, OTHER_BUCKET, OWN_BUCKET, Program, Queue, S3Record,
    deliver, notification, other_credentials, sqs_event,
};
use test_s3::{FaultKind, PutOptions};

pub use rows::{known_row, recorded, row_key, state, text};
pub use sent::{assert_arrived, assert_no_accepted_part_is_sent_again, assert_no_uploads, assert_whole, bodies};

/// 2^20 bytes.
pub const MIB: u64 = 1 << 20;
/// The smallest part that S3 takes.
pub const PART: u64 = 5 * MIB;
/// Two of them.
pub const LARGE: u64 = 6 * MIB;
/// The time of an invocation that is not about time.
pub const PLENTY: Duration = Duration::from_secs(100);
/// A queue without any message.
pub const EMPTY: Depth = Depth { visible: 0, in_flight: 0 };
/// A queue whose only message waits for its next delivery.
pub const WAITING: Depth = Depth { visible: 0, in_flight: 1 };

/// Starts a worker.
pub async fn worker(environment: &Environment) -> Function {
    Function::start(Program::Worker, environment).await
}

/// For a worker that cuts objects above a MiB into the smallest parts, and copies them one after the other.
pub fn in_parts(cloud: &Cloud) -> Environment {
    let environment = cloud.worker_environment().with("MaxThread", "1").with("MultipartThreshold", MIB.to_string());
    environment.with("ChunkSize", PART.to_string())
}

/// The same; a part that fails ends the leg.
pub fn impatient(cloud: &Cloud) -> Environment {
    in_parts(cloud).with("MaxRetry", "0")
}

/// Starts a jobsender with nothing but defaults.
pub async fn jobsender(cloud: &Cloud) -> Function {
    Function::start(Program::Jobsender, &cloud.jobsender_environment()).await
}

/// The report of a jobsender's run without errors.
pub async fn run(jobsender: &Function) -> Value {
    jobsender.invoke(&json!({}), PLENTY).await.response()
}

/// A route of `s3_migration_bucket_para`.
pub fn route(src_bucket: &str, src_prefix: &str, des_bucket: &str, des_prefix: &str) -> Value {
    json!({ "src_bucket": src_bucket, "src_prefix": src_prefix, "des_bucket": des_bucket, "des_prefix": des_prefix })
}

/// Has the credentials of the other account with another value of this field.
pub async fn set_credential(cloud: &Cloud, field: &str, value: &str) {
    let mut credentials = other_credentials(&cloud.other);
    credentials[field] = value.into();
    cloud.parameters.set_credentials(&credentials).await;
}

/// An error of S3.
pub fn refusal(status: u16, code: &str, message: &str) -> FaultKind {
    FaultKind::ErrorCode { status, code: code.to_owned(), message: message.to_owned() }
}

/// What a policy says.
pub fn denied() -> FaultKind {
    refusal(403, "AccessDenied", "Access Denied")
}

/// What a store says that is too busy.
pub fn slow_down() -> FaultKind {
    FaultKind::SlowDown503 { retry_after_seconds: None }
}

/// Puts an object into a bucket of the own account.
pub fn put_into(cloud: &Cloud, bucket: &str, key: &str, content: &str) {
    cloud.own.store().put(bucket, key, content.to_owned(), PutOptions::default());
}

/// Puts an object into the source bucket.
pub fn put(cloud: &Cloud, key: &str, content: &str) {
    put_into(cloud, OWN_BUCKET, key, content);
}

/// What S3 says of an object of the source bucket as it is now.
pub fn created(cloud: &Cloud, key: &str) -> S3Record {
    let object = cloud.own.store().get(OWN_BUCKET, key).expect("an object that was put");
    S3Record::created(OWN_BUCKET, key, object.size()).etag(&object.etag)
}

/// Sends the notification of an object of the source bucket as it is now.
pub async fn tell(cloud: &Cloud, key: &str) {
    cloud.events.send(notification(&[created(cloud, key)])).await;
}

/// Puts an object into the source bucket and sends its notification.
pub async fn put_and_tell(cloud: &Cloud, key: &str, content: &str) {
    put(cloud, key, content);
    tell(cloud, key).await;
}

/// Makes a large object in the source bucket, whose checksum is known, and sends its notification.
pub async fn put_large_and_tell(cloud: &Cloud, key: &str, seed: u64, size: u64) {
    cloud.own.store().put_synthetic_with_crc(OWN_BUCKET, key, seed, size);
    tell(cloud, key).await;
}

/// The content of a copy.
pub fn copy(cloud: &Cloud, key: &str) -> Option<String> {
    let bytes = cloud.other.store().read(OTHER_BUCKET, key);
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// There is a copy with this content, and the table has it as done.
pub async fn assert_copied(cloud: &Cloud, key: &str, content: &str) {
    assert_eq!(copy(cloud, key).as_deref(), Some(content), "{key}");
    assert_eq!(state(cloud, key).await.as_deref(), Some("done"), "{key}");
}

/// A job as the system that longhaul replaces sends it.
pub fn job(src_key: &str, des_key: &str, size: u64) -> String {
    json!({
        "Src_bucket": OWN_BUCKET,
        "Src_key": src_key,
        "Des_bucket": OTHER_BUCKET,
        "Des_key": des_key,
        "Size": size,
        "versionId": "null",
    })
    .to_string()
}

/// The ids of messages.
pub fn ids(messages: &[Message]) -> BTreeSet<String> {
    messages.iter().filter_map(Message::message_id).map(str::to_owned).collect()
}

/// Delivers what waits, at most ten messages, and sees all of it acknowledged.
pub async fn assert_acknowledged(function: &Function, queue: &Queue) {
    let delivery = deliver(function, queue, 10, PLENTY).await.expect("a message waits");
    assert_eq!(delivery.failed, BTreeSet::new(), "not acknowledged: {:?}", delivery.answer);
}

/// Delivers one message, and sees the function give it back in time.
pub async fn assert_given_back(function: &Function, queue: &Queue) -> Message {
    let mut delivery = deliver(function, queue, 1, PLENTY).await.expect("a message waits");
    assert!(matches!(delivery.answer, Answer::Response(_)), "no answer in time: {:?}", delivery.answer);
    assert_eq!(delivery.failed, ids(&delivery.messages), "the message is acknowledged");
    delivery.messages.remove(0)
}

/// Receives the message that waits.
pub async fn receive(queue: &Queue) -> Message {
    queue.receive(1).await.pop().expect("a message waits")
}

/// Puts a received message before a function.
pub fn begin(function: &Function, queue: &Queue, message: &Message, deadline: Duration) -> Invocation {
    function.begin(&sqs_event(queue.arn(), slice::from_ref(message)), deadline)
}

/// How many messages a response gives back.
pub fn failures(response: &Value) -> usize {
    response["batchItemFailures"].as_array().map_or(0, Vec::len)
}

/// Waits for the end of an invocation, and sees its message acknowledged.
pub async fn assert_ends_well(call: Invocation) {
    let response = call.answer().await.response();
    assert_eq!(failures(&response), 0, "{response}");
}

/// Ends the wait of a received message for its next delivery, as time would.
pub async fn come_again(cloud: &Cloud, queue: &Queue, message: &Message) {
    let handle = message.receipt_handle().expect("a received message has a handle");
    let request = cloud.clients.sqs.change_message_visibility().queue_url(queue.url()).receipt_handle(handle);
    request.visibility_timeout(0).send().await.expect("the message is in the queue");
}

/// The last that a function said of an object.
pub fn line_of(function: &Function, key: &str) -> Value {
    let last = function.events("object").into_iter().rfind(|line| line["src_key"] == key);
    last.unwrap_or_else(|| panic!("nothing is said of {key}:\n{}", function.output()))
}

/// A parked message.
#[derive(Debug, PartialEq, Eq)]
pub struct Parked {
    /// What was sent.
    pub body: String,
    /// The reason's code.
    pub reason: String,
    /// The reason's words.
    pub words: String,
    /// The queue that it came from.
    pub queue: String,
}

impl Parked {
    fn of(message: &Message) -> Self {
        let attributes = message.message_attributes();
        let text = |name: &str| {
            let value = attributes.and_then(|attributes| attributes.get(name)?.string_value());
            value.unwrap_or_else(|| panic!("a parked message without {name}: {message:?}")).to_owned()
        };
        let body = message.body().expect("a message has a body").to_owned();
        Self { body, reason: text("reason"), words: text("message"), queue: text("queue") }
    }
}

/// Takes the one message that is parked.
pub async fn only_parked(cloud: &Cloud) -> Parked {
    let messages = cloud.parked.drain().await;
    let [message] = messages.as_slice() else { panic!("not one parked message: {messages:?}") };
    Parked::of(message)
}
