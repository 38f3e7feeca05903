//! What the stack is deployed between: both accounts' S3, and the objects that are to be copied.

use std::time::Instant;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use emulator::Emulator;
use serde_json::json;
use serverless::{Clients, Parameters, Queue, Stack, Table, other_account, until};
use test_s3::{Options, Server, Versioning, synthetic_bytes};

use crate::scene::EMPTY;

/// The stack makes it, with versions; what is put into it arrives by notification.
pub const NEW: &str = "new-bucket";
/// It is there before the stack, filled and without versions; its objects arrive by the schedule.
pub const OLD: &str = "old-bucket";
/// The bucket of the other account.
pub const MIRROR: &str = "mirror";
/// The name of the stack, with which the names of its queues begin.
pub const STACK: &str = "replica";
/// Objects that the ignore list names, one in each bucket.
pub const IGNORED: [(&str, &str); 2] = [(NEW, "ignored/new"), (OLD, "ignored/old")];
/// An object of the new bucket that the other account does not accept.
pub const DENIED: &str = "denied.txt";
/// What it holds.
pub const DENIED_BYTES: &[u8] = b"not wanted there";

const NEW_OBJECTS: [(&str, usize); 9] = [
    ("small.txt", 1000),
    ("empty", 0),
    ("a b+c%20/ü?.txt", 7),
    ("twice//slashed", 9),
    ("/lead", 3),
    ("folder/", 0),
    ("..", 2),
    ("日本語/名前", 11),
    // Three parts: up to 16 MiB is one request, and a part has 8 MiB.
    ("multipart.bin", (20 << 20) + 5),
];
const OLD_OBJECTS: [(&str, usize); 2] = [("one.txt", 300), ("two/ü 2", 500)];

/// An object of the own account, and where its copy belongs.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The bucket that it is in.
    pub bucket: &'static str,
    /// Its key.
    pub key: &'static str,
    /// The key of its copy in [`MIRROR`].
    pub copy: String,
    /// What it holds.
    pub bytes: Bytes,
}

/// What arrives by notification.
pub fn new_objects() -> Vec<Sample> {
    (1..).zip(NEW_OBJECTS).map(|(seed, (key, size))| sample(NEW, "new", key, synthetic_bytes(seed, 0, size))).collect()
}

/// What arrives by the schedule.
pub fn old_objects() -> Vec<Sample> {
    (101..)
        .zip(OLD_OBJECTS)
        .map(|(seed, (key, size))| sample(OLD, "old", key, synthetic_bytes(seed, 0, size)))
        .collect()
}

/// Both.
pub fn all_objects() -> Vec<Sample> {
    new_objects().into_iter().chain(old_objects()).collect()
}

fn sample(bucket: &'static str, folder: &str, key: &'static str, bytes: Bytes) -> Sample {
    Sample { bucket, key, copy: format!("{folder}/{key}"), bytes }
}

/// The deployed stack and what is around it.
pub struct Place {
    /// The SDK's clients of the own account.
    pub clients: Clients,
    /// The S3 of the other account.
    pub other: Server,
    /// The stack.
    pub stack: Stack,
    /// When it was deployed.
    pub deployed: Instant,
    /// Its queue of notifications.
    pub events: Queue,
    /// Its queue of jobs.
    pub jobs: Queue,
    /// Its queue of parked messages.
    pub parked: Queue,
    /// Its table.
    pub table: Table,
    /// The own account. The last, so that it ends after all that talks to it.
    pub emulator: Emulator,
}

impl Place {
    /// Fills the old bucket, and deploys the template.
    pub async fn deploy(emulator: Emulator) -> Self {
        let clients = Clients::new(&emulator);
        let other = other_account(Options::default()).await;
        other.store().create_bucket(MIRROR, Versioning::Enabled);
        Parameters::new(&clients.ssm).set_other_account(&other).await;
        fill_old_bucket(&clients).await;
        let stack = deploy(&emulator).await;
        let queue = async |output: &str| Queue::at(&clients.sqs, stack.output(output)).await;
        let events = queue("EventsQueueUrl").await;
        let jobs = queue("JobsQueueUrl").await;
        let parked = queue("ParkedQueueUrl").await;
        let table = Table::named(&clients.dynamodb, stack.output("TableName"));
        Self { clients, other, stack, deployed: Instant::now(), events, jobs, parked, table, emulator }
    }

    /// Writes an object of the own account.
    pub async fn put(&self, bucket: &str, key: &str, bytes: Bytes) {
        put(&self.clients, bucket, key, bytes).await;
    }

    /// What the copy of an object holds, if it is there.
    pub fn copy_of(&self, sample: &Sample) -> Option<Vec<u8>> {
        self.other.store().read(MIRROR, &sample.copy)
    }

    /// The key of a copy's row in the table.
    pub fn row_key(&self, copy: &str) -> String {
        format!("{}/{MIRROR}/{copy}", self.other.endpoint())
    }

    /// Waits until nothing is in the queues of work.
    pub async fn assert_idle(&self) {
        until("nothing is left to do", async || {
            (self.events.depth().await == EMPTY && self.jobs.depth().await == EMPTY).then_some(())
        })
        .await;
    }
}

async fn fill_old_bucket(clients: &Clients) {
    clients.s3.create_bucket().bucket(OLD).send().await.expect("a bucket can be made");
    for Sample { key, bytes, .. } in old_objects() {
        put(clients, OLD, key, bytes).await;
    }
    for (bucket, key) in IGNORED {
        if bucket == OLD {
            put(clients, OLD, key, Bytes::from_static(b"to be ignored")).await;
        }
    }
}

async fn put(clients: &Clients, bucket: &str, key: &str, bytes: Bytes) {
    let request = clients.s3.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes));
    request.send().await.unwrap_or_else(|error| panic!("{bucket}/{key} cannot be written: {error:?}"));
}

async fn deploy(emulator: &Emulator) -> Stack {
    // With the "/" at the end of `des_prefix` that made the original send everything again every hour.
    let route = json!({ "src_bucket": OLD, "src_prefix": "", "des_bucket": MIRROR, "des_prefix": "old/" });
    let routes = json!([route]).to_string();
    let ignored = IGNORED.map(|(bucket, key)| format!("{bucket}/{key}")).join("\n");
    let ignored = format!("# What stays here.\n{ignored}");
    let old_bucket = format!("arn:aws:s3:::{OLD}");
    let parameters = [
        ("NewBucketName", NEW),
        ("NewBucketVersioning", "true"),
        ("OwnBucketArns", old_bucket.as_str()),
        ("DesBucketDefault", MIRROR),
        ("DesPrefixDefault", "new"),
        ("BucketPara", routes.as_str()),
        ("IgnoreList", ignored.as_str()),
        ("ScheduleExpression", "rate(1 minute)"),
    ];
    Stack::deploy(emulator, STACK, &parameters).await
}
