//! The worker and the jobsender on adapters in memory: what is acknowledged, given back, sent on and parked.

use std::{sync::Arc, time::Duration};

use contract::TestClock;
use longhaul::{
    compare::Compare,
    ending::Verdict,
    engine::{Collisions, Engine, Patience, Settings, Silent},
    gate::{Gate, OpenRanges, Turn, Wish, take_turn},
    ignore::IgnoreList,
    job,
    listing::Lines,
    memory::Memory,
    memory_ledger::MemoryLedger,
    memory_queue::MemoryQueue,
    object::{Headers, ObjectKey, Timestamp},
    pack::Packing,
    ports::Ledger,
    queue::{JobQueue, QueueMessage},
    record::{Lease, State, Token},
    retry::RetryPolicy,
    route::Route,
    rules::{BucketRoute, DeletePolicy, Rules},
    scan::{Mode, Scan, Selection},
    send::{SendReport, SendSettings, send_route},
    work::{Queues, Surroundings, WorkSettings, Worker},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

#[path = "working/meanwhile.rs"]
mod meanwhile;
#[path = "working/routed.rs"]
mod routed;

/// Two stores, a ledger and a queue.
#[derive(Clone)]
struct World {
    source: Memory,
    destination: Memory,
    ledger: MemoryLedger,
    queue: MemoryQueue<TestClock>,
}

impl Surroundings for World {
    type Source = Memory;
    type Destination = Memory;
    type Ledger = MemoryLedger;

    async fn source(&self, bucket: &str) -> Result<Memory, String> {
        if bucket == "source" { Ok(self.source.clone()) } else { Err(format!("no way to {bucket}")) }
    }
    async fn destination(&self, _bucket: &str) -> Result<Memory, String> {
        Ok(self.destination.clone())
    }
    fn ledger(&self, owner: &str, _until: Timestamp) -> MemoryLedger {
        self.ledger.another_owner(owner)
    }
    fn credentials_refused(&self) {}
}

const PART: u64 = 1024;

impl World {
    fn new() -> Self {
        let clock = Arc::new(TestClock::new());
        Self {
            source: Memory::new("source"),
            destination: Memory::new("destination"),
            ledger: MemoryLedger::new("test"),
            queue: MemoryQueue::new(clock, Duration::from_secs(60)),
        }
    }

    fn worker(&self) -> Worker<Self, TestClock> {
        let copy = Settings {
            part_size: PART,
            multipart_threshold: PART,
            concurrency: 4,
            server_side: false,
            collisions: Collisions::Park,
            max_idle_legs: Some(3),
            ..Settings::default()
        };
        let policy = RetryPolicy { max_retries: 2, base: Duration::from_millis(1), cap: Duration::from_millis(2) };
        let settings = WorkSettings { copy, policy, timeout: Duration::from_secs(10), max_receives: 3 };
        Worker::new(self.clone(), TestClock::new(), settings, Arc::new(Silent), 7)
    }

    async fn handle(&self, message: &QueueMessage, rules: &Rules) -> Verdict {
        let worker = self.worker();
        let leg = worker.leg(Duration::from_secs(30), Duration::from_secs(1), CancellationToken::new());
        let queues = Queues { own: &self.queue, jobs: &self.queue, segments: None };
        worker.handle(&queues, message, rules, &leg).await
    }

    async fn send(&self, body: &str) -> QueueMessage {
        self.queue.send_batch(&[body.to_owned()]).await.unwrap().pop().unwrap().unwrap();
        self.receive().await
    }

    async fn receive(&self) -> QueueMessage {
        self.queue.receive(1, Duration::from_secs(5)).await.unwrap().pop().expect("a message was sent")
    }

    /// Scans the whole bucket and sends what differs.
    async fn scan(&self, versions: Lines, ignore: &str) -> SendReport {
        let patience = Patience::new(
            TestClock::new(),
            RetryPolicy { max_retries: 2, base: Duration::from_millis(1), cap: Duration::from_millis(2) },
            Duration::from_secs(10),
            7,
            Arc::new(Silent),
        );
        let engine = Engine::new(
            self.source.clone(),
            self.destination.clone(),
            self.ledger.another_owner("jobsender"),
            patience,
            Settings::default(),
        );
        let ignore = IgnoreList::parse(ignore).unwrap();
        let scan = Scan {
            route: Route::keeping_names("", "p"),
            selection: Selection { ignore, ..Selection::all() },
            compare: Compare::Size,
        };
        let settings = SendSettings { versions, packing: Packing::of_small(PART), mode: Mode::Copy };
        let (report, ended) = send_route(&engine, &scan, &self.queue, settings).await;
        ended.unwrap();
        assert!(report.complete);
        report
    }

    /// Handles messages until the queue has none that can be received now.
    async fn drain(&self, rules: &Rules) {
        loop {
            let received = self.queue.receive(1, Duration::ZERO).await.unwrap();
            let Some(message) = received.first() else { return };
            if self.handle(message, rules).await == Verdict::Acknowledge {
                self.queue.delete(&message.receipt).await.unwrap();
            }
        }
    }
}

fn rules(deletes: DeletePolicy) -> Rules {
    let route = BucketRoute {
        source_bucket: "source".into(),
        destination_bucket: "destination".into(),
        route: Route::keeping_names("", "p"),
    };
    Rules { routes: vec![route], default: None, ignore: IgnoreList::none(), deletes }
}

/// Also one object more of the source for a place.
fn with_single(mut rules: Rules, from: &str, to: &str) -> Rules {
    let route = Route::single(ObjectKey::new(from).unwrap(), ObjectKey::new(to).unwrap());
    let (source_bucket, destination_bucket) = ("source".into(), "destination".into());
    rules.routes.push(BucketRoute { source_bucket, destination_bucket, route });
    rules
}

fn event(name: &str, bucket: &str, key: &str, size: u64, etag: &str) -> serde_json::Value {
    json!({"eventName": name, "s3": {"bucket": {"name": bucket},
        "object": {"key": key, "size": size, "eTag": etag, "sequencer": "01"}}})
}

fn put_events(keys: &[(&str, u64)]) -> String {
    let records: Vec<_> =
        keys.iter().map(|(key, size)| event("ObjectCreated:Put", "source", key, *size, "x")).collect();
    json!({"Records": records}).to_string()
}

#[tokio::test]
async fn every_record_of_an_event_is_copied_and_recorded() {
    let world = World::new();
    for key in ["a b+c", "a//b", "/lead"] {
        world.source.insert(key, key.as_bytes().to_vec());
    }
    let body = put_events(&[("a+b%2Bc", 5), ("a//b", 4), ("/lead", 5)]);
    let message = world.send(&body).await;
    assert_eq!(world.handle(&message, &rules(DeletePolicy::Ignore)).await, Verdict::Acknowledge);
    assert_eq!(world.destination.keys(), ["p//lead", "p/a b+c", "p/a//b"]);
    assert!(world.ledger.records().iter().all(|record| record.state == State::Done));
}

#[tokio::test]
async fn what_is_not_understood_is_parked_unchanged() {
    let world = World::new();
    let message = world.send("{\"hello\": 1}").await;
    assert_eq!(world.handle(&message, &rules(DeletePolicy::Ignore)).await, Verdict::Acknowledge);
    let parked = world.queue.parked();
    assert_eq!((parked[0].0.as_str(), parked[0].1.code.as_str()), ("{\"hello\": 1}", "malformed"));
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_gives_the_message_back_until_its_last_delivery() {
    let world = World::new();
    let body =
        json!({"Src_bucket": "elsewhere", "Src_key": "k", "Des_bucket": "destination", "Des_key": "k", "Size": 1});
    let body = body.to_string();
    let message = world.send(&body).await;
    let default = Some(("destination".to_owned(), Route::keeping_names("", "")));
    let rules = Rules { default, ..rules(DeletePolicy::Ignore) };
    assert_eq!(world.handle(&message, &rules).await, Verdict::Return);
    assert_eq!(world.queue.parked(), []);
    let last = QueueMessage { receives: 3, ..message };
    assert_eq!(world.handle(&last, &rules).await, Verdict::Acknowledge);
    let parked = world.queue.parked();
    assert_eq!((parked[0].0.as_str(), parked[0].1.code.as_str()), (body.as_str(), "unreachable"));
}

#[tokio::test]
async fn of_a_packed_message_only_what_is_not_done_is_sent_on() {
    let world = World::new();
    world.source.insert("here", "x");
    let records =
        [event("ObjectCreated:Put", "source", "here", 1, "x"), event("ObjectCreated:Put", "source", "gone", 1, "x")];
    let mut records = records.to_vec();
    records.push(event("ObjectCreated:Put", "unreachable", "k", 1, "x"));
    let mut rules = rules(DeletePolicy::Ignore);
    rules.default = Some(("destination".into(), Route::keeping_names("", "q")));
    let message = world.send(&json!({"Records": records}).to_string()).await;
    assert_eq!(world.handle(&message, &rules).await, Verdict::Acknowledge);
    assert_eq!(world.destination.keys(), ["p/here"]);
    let left = world.queue.bodies();
    let rest = job::parse(left.last().unwrap()).unwrap();
    assert_eq!(rest.entries.len(), 1, "{left:?}");
    assert!(left.last().unwrap().contains("unreachable"));
}

#[tokio::test]
async fn an_event_of_what_is_already_there_sends_nothing() {
    let world = World::new();
    let etag = world.source.insert("k", "x");
    let body = json!({"Records": [event("ObjectCreated:Put", "source", "k", 1, etag.as_str())]}).to_string();
    let message = world.send(&body).await;
    let rules = rules(DeletePolicy::Ignore);
    world.handle(&message, &rules).await;
    let first = world.ledger.records();
    assert_eq!(world.handle(&message, &rules).await, Verdict::Acknowledge);
    assert_eq!(world.ledger.records(), first, "the second delivery wrote nothing");
}

#[tokio::test]
async fn two_deliveries_at_once_leave_one_object_and_one_record() {
    let world = World::new();
    world.source.insert("small", vec![1; 100]);
    world.source.insert("large", vec![2; 10 * PART as usize]);
    let message = world.send(&put_events(&[("small", 100), ("large", 10 * PART)])).await;
    let rules = rules(DeletePolicy::Ignore);
    let (one, two) = tokio::join!(world.handle(&message, &rules), world.handle(&message, &rules));
    assert!([one, two].contains(&Verdict::Acknowledge));
    for message in world.queue.receive(10, Duration::ZERO).await.unwrap() {
        world.handle(&message, &rules).await;
    }
    assert_eq!(world.destination.bytes("p/small").unwrap(), vec![1; 100]);
    assert_eq!(world.destination.uploads(), []);
}

#[tokio::test]
async fn a_copy_whose_source_is_deleted_is_deleted_by_policy_only() {
    let world = World::new();
    world.source.insert("k", "x");
    let put = world.send(&put_events(&[("k", 1)])).await;
    let propagate = rules(DeletePolicy::Propagate);
    world.handle(&put, &propagate).await;
    world.source.remove("k");
    let removed = json!({"Records": [event("ObjectRemoved:Delete", "source", "k", 0, "")]}).to_string();
    let message = world.send(&removed).await;
    assert_eq!(world.handle(&message, &rules(DeletePolicy::Ignore)).await, Verdict::Acknowledge);
    assert_eq!(world.destination.keys(), ["p/k"]);
    assert_eq!(world.handle(&message, &propagate).await, Verdict::Acknowledge);
    assert!(world.destination.keys().is_empty());
    assert_eq!(world.ledger.records()[0].state, State::Gone);
}

#[tokio::test]
async fn a_late_delete_event_harms_no_object_that_was_written_again() {
    let world = World::new();
    world.source.insert("k", "new");
    let propagate = rules(DeletePolicy::Propagate);
    let put = world.send(&put_events(&[("k", 3)])).await;
    world.handle(&put, &propagate).await;
    let removed = json!({"Records": [event("ObjectRemoved:Delete", "source", "k", 0, "")]}).to_string();
    let message = world.send(&removed).await;
    assert_eq!(world.handle(&message, &propagate).await, Verdict::Acknowledge);
    assert_eq!(world.destination.keys(), ["p/k"]);
}

#[tokio::test]
async fn a_place_that_another_source_has_is_parked_as_a_collision() {
    let world = World::new();
    world.source.insert("a", "1");
    world.source.insert("b", "2");
    let job = |key: &str| {
        json!({"Src_bucket": "source", "Src_key": key, "Des_bucket": "destination", "Des_key": "same", "Size": 1})
            .to_string()
    };
    let rules = with_single(with_single(rules(DeletePolicy::Ignore), "a", "same"), "b", "same");
    for key in ["a", "b"] {
        let message = world.send(&job(key)).await;
        assert_eq!(world.handle(&message, &rules).await, Verdict::Acknowledge);
    }
    assert_eq!(world.destination.bytes("same").unwrap(), "1");
    assert_eq!(world.queue.parked()[0].1.code, "collision");
    assert_eq!(world.ledger.records()[0].state, State::Done);
}

#[tokio::test]
async fn what_a_scan_sends_arrives_and_the_next_scan_sends_nothing() {
    let world = World::new();
    for index in 0..250 {
        world.source.insert(&format!("dir//{index}"), vec![0; index]);
    }
    world.source.insert("large", vec![1; 5 * PART as usize]);
    world.source.insert("x.tmp", "x");
    let report = world.scan(Lines::Objects, "*.tmp").await;
    assert_eq!((report.objects, report.sent, report.skipped["ignored"]), (251, 251, 1));
    assert_eq!(report.messages, 4, "250 small objects in three messages, a large one alone");
    world.drain(&rules(DeletePolicy::Ignore)).await;
    assert_eq!(world.destination.keys().len(), 251);
    let again = world.scan(Lines::Objects, "*.tmp").await;
    assert_eq!((again.same, again.sent), (251, 0));
}

#[tokio::test]
async fn an_overwrite_of_equal_size_is_found_by_version_and_not_by_size() {
    for versioned in [true, false] {
        let mut world = World::new();
        if versioned {
            world.source = world.source.versioned();
        }
        world.source.insert("k", "old");
        world.scan(Lines::Versions, "").await;
        world.drain(&rules(DeletePolicy::Ignore)).await;
        assert_eq!(world.scan(Lines::Versions, "").await.sent, 0);
        world.source.insert("k", "new");
        assert_eq!(world.scan(Lines::Objects, "").await.sent, 0, "by size alone it cannot be seen");
        let report = world.scan(Lines::Versions, "").await;
        assert_eq!((report.sent, report.why["version"]), (1, 1), "versioned: {versioned}");
        world.drain(&rules(DeletePolicy::Ignore)).await;
        assert_eq!(world.destination.bytes("p/k").unwrap(), "new");
    }
}

#[tokio::test]
async fn what_is_parked_or_in_progress_is_left_alone_until_it_changes() {
    let world = World::new();
    let etag = world.source.insert("k", "x");
    world.scan(Lines::Objects, "").await;
    world.drain(&rules(DeletePolicy::Ignore)).await;
    world.destination.remove("p/k");
    let mut record = world.ledger.records().pop().unwrap();
    let (_, token) = world.ledger.load(&record.key).await.unwrap().unwrap();
    record.state = State::Parked;
    record.source.pin.etag = etag;
    world.ledger.save(&record, Some(&token), &Token("parked".into())).await.unwrap();
    let report = world.scan(Lines::Objects, "").await;
    assert_eq!((report.sent, report.skipped["parked"]), (0, 1));
    world.source.insert("k", "y");
    assert_eq!(world.scan(Lines::Objects, "").await.sent, 1, "another version is another matter");
}

#[tokio::test]
async fn the_gate_opens_when_the_queue_is_empty_or_the_last_scan_is_old() {
    let world = World::new();
    let clock = TestClock::new();
    let gate = |max_age| Gate { max_age, empty_reads: 3, pause: Duration::from_millis(1) };
    let held = Lease { owner: "run".into(), until: Some(Timestamp(i64::MAX)) };
    let over = Lease { until: Some(Timestamp(0)), ..held.clone() };
    let turn = |max_age: Duration, name: &'static str, lease: &Lease| {
        let (world, clock, gate, lease, token) = (&world, &clock, gate(max_age), lease.clone(), Token(name.into()));
        async move {
            let wish = Wish { lease: &lease, routes: &[], token: &token, open: OpenRanges::Wait };
            take_turn(&gate, &world.ledger, &world.queue, clock, wish).await.unwrap()
        }
    };
    let hour = Duration::from_secs(3600);
    let Turn::Ours(_) = turn(hour, "1", &over).await else { panic!("the first scan has nothing to wait for") };
    world.queue.send_batch(&["waiting".to_owned()]).await.unwrap();
    assert!(matches!(turn(hour, "2", &over).await, Turn::NotNow("jobs-waiting")));
    let Turn::Ours(forced) = turn(Duration::ZERO, "3", &held).await else { panic!("an old scan holds nothing up") };
    assert!(matches!(turn(Duration::ZERO, "4", &held).await, Turn::NotNow("another-run")));
    assert!(forced.forced);
}

#[tokio::test]
async fn a_warm_worker_remembers_what_the_destination_keeps_of_headers() {
    let world = World::new();
    let worker = world.worker();
    let headers = Headers { content_language: Some("de".into()), ..Headers::default() };
    for key in ["a", "b", "c", "d"] {
        world.source.insert_with(key, key.as_bytes().to_vec(), headers.clone());
        let message = world.send(&put_events(&[(key, 1)])).await;
        let leg = worker.leg(Duration::from_secs(30), Duration::from_secs(1), CancellationToken::new());
        let queues = Queues { own: &world.queue, jobs: &world.queue, segments: None };
        let verdict = worker.handle(&queues, &message, &rules(DeletePolicy::Ignore), &leg).await;
        assert_eq!(verdict, Verdict::Acknowledge);
        world.queue.delete(&message.receipt).await.unwrap();
    }
    let mut requests: Vec<u64> = world.ledger.records().iter().map(|record| record.requests).collect();
    requests.sort_unstable();
    assert_eq!(requests, [2, 2, 3, 3], "GET and PUT, and a HEAD for the first two");
}
