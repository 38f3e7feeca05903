//! What these tests have in common: patience, engines, and workers that reach two buckets and a ledger.

use std::{sync::Arc, time::Duration};

use contract::{POLICY, TIMEOUT, TestClock};
use longhaul::{
    copy::{Collisions, Engine, OpenStores, Settings, Silent},
    limits::RequestPolicy,
    memory::{Memory, MemoryLedger, MemoryQueue},
    object::{ObjectKey, Timestamp},
    queue::{QueueMessage, Verdict},
    route::{IgnoreList, Route},
    store::{Capabilities, ChecksumSupport, Destination, Source},
    worker::{BucketRoute, DeletePolicy, Queues, Rules, WorkSettings, Worker},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// The size of a part.
pub const PART: u64 = 1024;
/// A store that computes no checksums, and whose tags are digests.
pub const PLAIN: Capabilities =
    Capabilities { conditional_writes: false, checksums: ChecksumSupport::Md5ETag, headers: true, min_part_size: 1 };

/// An engine of these tests.
pub type TestEngine<S = Memory, D = Memory> = Engine<(S, D, MemoryLedger, TestClock)>;
/// A queue of these tests.
pub type TestQueue = MemoryQueue<TestClock>;

pub fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

/// Bytes that differ with every seed.
pub fn content(size: u64, seed: u8) -> Vec<u8> {
    (0..size).map(|byte| (byte % 251) as u8 ^ seed).collect()
}

pub fn queue() -> TestQueue {
    MemoryQueue::new(Arc::new(TestClock::new()), Duration::from_secs(60))
}

pub fn patience() -> RequestPolicy<TestClock> {
    contract::patience()
}

/// Everything in parts of [`PART`] bytes.
pub fn in_parts() -> Settings {
    Settings { part_size: PART, multipart_threshold: PART, server_side: false, ..Settings::default() }
}

/// An engine between two stores, with this ledger.
pub fn engine<S, D>(source: &S, destination: &D, ledger: MemoryLedger, settings: Settings) -> Arc<TestEngine<S, D>>
where
    S: Source + Clone,
    D: Destination + Clone,
{
    Arc::new(Engine::new(source.clone(), destination.clone(), ledger, patience(), settings))
}

/// What a worker reaches: the bucket that its source is, any bucket as its destination, and a ledger.
#[derive(Clone)]
pub struct Stores {
    pub source: Memory,
    pub destination: Memory,
    pub ledger: MemoryLedger,
}

impl OpenStores for Stores {
    type Source = Memory;
    type Destination = Memory;
    type Ledger = MemoryLedger;

    async fn source(&self, bucket: &str) -> Result<Memory, String> {
        let is_known = self.source.location().bucket == bucket;
        is_known.then(|| self.source.clone()).ok_or_else(|| format!("no way to {bucket}"))
    }
    async fn destination(&self, _bucket: &str) -> Result<Memory, String> {
        Ok(self.destination.clone())
    }
    fn ledger(&self, owner: &str, _until: Timestamp) -> MemoryLedger {
        self.ledger.another_owner(owner)
    }
    fn credentials_refused(&self) {}
}

/// How workers copy.
pub fn worker_settings() -> Settings {
    Settings { concurrency: 4, collisions: Collisions::Park, max_idle_legs: Some(3), ..in_parts() }
}

/// A worker for which a third delivery is the last.
pub fn worker(stores: Stores, copy: Settings) -> Worker<Stores, TestClock> {
    let settings = WorkSettings { copy, policy: POLICY, timeout: TIMEOUT, max_receives: 3 };
    Worker::new(stores, TestClock::new(), settings, Arc::new(Silent), 7)
}

/// Handles a message in a leg of its own.
pub async fn handle(
    worker: &Worker<Stores, TestClock>,
    queues: Queues<'_, TestQueue>,
    message: &QueueMessage,
    rules: &Rules,
    stop: CancellationToken,
) -> Verdict {
    let leg = worker.leg(Duration::from_secs(30), Duration::from_secs(1), stop);
    worker.handle(&queues, message, rules, &leg).await
}

/// From the bucket `source` to the bucket `destination`.
pub fn bucket_route(route: Route) -> BucketRoute {
    BucketRoute { source_bucket: "source".into(), destination_bucket: "destination".into(), route }
}

/// These routes and nothing else.
pub fn rules(routes: Vec<BucketRoute>) -> Rules {
    Rules { routes, default: None, ignore: IgnoreList::none(), deletes: DeletePolicy::Ignore }
}

/// A job as the system that longhaul replaces sends it, from and to a bucket and a key.
pub fn job(source: (&str, &str), destination: (&str, &str), size: u64) -> String {
    json!({"Src_bucket": source.0, "Src_key": source.1, "Des_bucket": destination.0, "Des_key": destination.1,
        "Size": size})
    .to_string()
}
