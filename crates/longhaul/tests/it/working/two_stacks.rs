//! Two stacks, one in each direction between two buckets that tell of every write: they come to rest.

use std::time::Duration;

use longhaul::{
    copy::Settings,
    ledger::State,
    memory::{Memory, MemoryLedger},
    object::{Headers, ObjectInfo, Verify, mark},
    queue::{JobQueue, Verdict},
    route::Route,
    store::{Capabilities, Source},
    worker::{BucketRoute, Queues, Rules},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::shared::{PART, PLAIN, Stores, TestQueue, content, handle, queue, rules, worker, worker_settings};

const SMALL: u64 = 100;
const LARGE: u64 = 10 * PART + 5;

/// What both stores can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Checksums and conditions.
    Checksums,
    /// Digests as tags, and conditions.
    Digests,
    /// Digests as tags, and every write replaces what is there.
    Blind,
    /// Nothing that could be compared: copies are marked.
    Marked,
}

const KINDS: [Kind; 4] = [Kind::Checksums, Kind::Digests, Kind::Blind, Kind::Marked];

fn bucket(kind: Kind, name: &str) -> Memory {
    let conditional = Capabilities { conditional_writes: true, ..PLAIN };
    match kind {
        Kind::Checksums => Memory::new(name),
        Kind::Digests => Memory::new(name).with_capabilities(conditional),
        Kind::Blind => Memory::new(name).with_capabilities(PLAIN).lenient(),
        Kind::Marked => Memory::new(name).with_capabilities(PLAIN).lenient().with_opaque_tags(),
    }
}

/// One direction.
#[derive(Clone)]
struct Stack {
    source: Memory,
    destination: Memory,
    ledger: MemoryLedger,
    queue: TestQueue,
    marks: bool,
    verify: Verify,
}

async fn info(bucket: &Memory, key: &str) -> Option<ObjectInfo> {
    bucket.head_object(&crate::shared::key(key)).await.ok()
}

impl Stack {
    fn new(source: &Memory, destination: &Memory, kind: Kind, verify: Verify) -> Self {
        let (source, destination) = (source.clone(), destination.clone());
        Self {
            source,
            destination,
            ledger: MemoryLedger::new("test"),
            queue: queue(),
            marks: kind == Kind::Marked,
            verify,
        }
    }

    fn rules(&self) -> Rules {
        let route = BucketRoute {
            source_bucket: self.source.location().bucket.clone(),
            destination_bucket: self.destination.location().bucket.clone(),
            route: Route::keeping_names("", ""),
        };
        rules(vec![route])
    }

    /// Handles what its source tells of an object as it is now. Whether the destination was written.
    async fn told_of(&self, key: &str) -> bool {
        let now = info(&self.source, key).await.expect("an object that was written");
        let record = json!({"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": self.source.location().bucket},
            "object": {"key": key, "size": now.size, "eTag": now.etag.as_str(), "sequencer": "01"}}});
        let body = json!({ "Records": [record] }).to_string();
        self.queue.send_batch(&[body]).await.unwrap().remove(0).unwrap();
        let before = info(&self.destination, key).await.map(|there| there.modified);
        let message = self.queue.receive(1, Duration::from_secs(5)).await.unwrap().pop().expect("a message was sent");
        let Self { source, destination, ledger, marks, verify, .. } = self.clone();
        // A look that reads has to find a place among the bodies in flight.
        let copy = Settings { concurrency: 1, mark_copies: marks, verify, ..worker_settings() };
        let worker = worker(Stores { source, destination, ledger }, copy);
        let queues = Queues { own: &self.queue, jobs: &self.queue, segments: None };
        let verdict = handle(&worker, queues, &message, &self.rules(), CancellationToken::new()).await;
        assert_eq!(verdict, Verdict::Acknowledge);
        self.queue.delete(&message.receipt).await.unwrap();
        assert_eq!(self.queue.parked(), []);
        info(&self.destination, key).await.map(|there| there.modified) != before
    }
}

/// Two buckets and the stacks between them.
struct Pair {
    here: Memory,
    there: Memory,
    to: Stack,
    back: Stack,
}

impl Pair {
    fn new(kind: Kind, verify: Verify) -> Self {
        let (here, there) = (bucket(kind, "here"), bucket(kind, "there"));
        let (to, back) = (Stack::new(&here, &there, kind, verify), Stack::new(&there, &here, kind, verify));
        Self { here, there, to, back }
    }

    /// How often the object is written behind a write of a user, until nothing more is told.
    async fn hops(&self, key: &str, written_here: bool) -> u32 {
        let (mut hops, mut at_here) = (0, written_here);
        loop {
            let stack = if at_here { &self.to } else { &self.back };
            if !stack.told_of(key).await {
                return hops;
            }
            (hops, at_here) = (hops + 1, !at_here);
            assert!(hops <= 3, "{key} goes to and fro for ever");
        }
    }

    async fn assert_at_rest(&self, key: &str, bytes: &[u8]) {
        assert_eq!(self.here.bytes(key).unwrap(), bytes);
        assert_eq!(self.there.bytes(key).unwrap(), bytes);
        let (here, there) = (info(&self.here, key).await.unwrap(), info(&self.there, key).await.unwrap());
        assert_eq!(mark::unmarked(&here.headers), mark::unmarked(&there.headers));
        for stack in [&self.to, &self.back] {
            assert!(stack.ledger.records().iter().all(|record| record.state == State::Done), "nothing is left open");
            assert!(stack.destination.uploads().is_empty());
        }
    }
}

fn red() -> Headers {
    Headers { metadata: [("colour".to_owned(), "red".to_owned())].into(), ..Headers::default() }
}

#[tokio::test]
async fn a_new_object_comes_to_rest_on_each_kind_of_store() {
    for kind in KINDS {
        for size in [SMALL, LARGE] {
            let pair = Pair::new(kind, Verify::Auto);
            pair.here.insert_with("k", content(size, 1), red());
            let hops = pair.hops("k", true).await;
            // Where tags are digests, a large object gets the other one's tag with the first copy back.
            let back = u32::from(size == LARGE && matches!(kind, Kind::Digests | Kind::Blind));
            assert_eq!(hops, 1 + back, "{kind:?} {size}");
            pair.assert_at_rest("k", &content(size, 1)).await;
        }
    }
}

#[tokio::test]
async fn an_object_that_is_written_again_with_the_same_bytes_comes_to_rest() {
    for kind in KINDS {
        for size in [SMALL, LARGE] {
            let pair = Pair::new(kind, Verify::Auto);
            pair.here.insert("k", content(size, 1));
            pair.hops("k", true).await;
            for here in [true, false] {
                let bucket = if here { &pair.here } else { &pair.there };
                bucket.insert("k", content(size, 1));
                pair.hops("k", here).await;
                bucket.insert_with("k", content(size, 1), red());
                assert!(pair.hops("k", here).await > 0, "{kind:?} {size}: new headers are carried over");
                pair.assert_at_rest("k", &content(size, 1)).await;
                bucket.insert("k", content(size, 1));
                pair.hops("k", here).await;
            }
        }
    }
}

#[tokio::test]
async fn edits_of_both_sides_in_turn_come_to_rest() {
    for kind in KINDS {
        let pair = Pair::new(kind, Verify::Auto);
        for (edit, size) in [SMALL, LARGE, LARGE, SMALL, SMALL, LARGE].into_iter().enumerate() {
            let (bytes, here) = (content(size, edit as u8), edit % 2 == 0);
            let bucket = if here { &pair.here } else { &pair.there };
            bucket.insert("k", bytes.clone());
            assert!(pair.hops("k", here).await > 0, "{kind:?}: edit {edit} is carried over");
            pair.assert_at_rest("k", &bytes).await;
        }
    }
}

#[tokio::test]
async fn what_is_read_back_comes_to_rest_too() {
    for kind in KINDS {
        for size in [SMALL, LARGE] {
            let pair = Pair::new(kind, Verify::ReadBack);
            pair.here.insert("k", content(size, 1));
            pair.hops("k", true).await;
            pair.here.insert("k", content(size, 1));
            pair.hops("k", true).await;
            pair.assert_at_rest("k", &content(size, 1)).await;
        }
    }
}

#[tokio::test]
async fn an_object_of_the_same_size_is_not_taken_for_the_same() {
    for kind in KINDS {
        for size in [SMALL, LARGE] {
            let pair = Pair::new(kind, Verify::Auto);
            pair.there.insert("k", content(size, 2));
            pair.here.insert("k", content(size, 1));
            assert!(pair.to.told_of("k").await, "{kind:?} {size}");
            assert_eq!(pair.there.bytes("k").unwrap(), content(size, 1));
        }
    }
}
