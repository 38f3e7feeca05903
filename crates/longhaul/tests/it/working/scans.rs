//! What a scan sends, and when one may begin.

use std::time::Duration;

use contract::TestClock;
use longhaul::{
    jobsender::{Gate, OpenRanges, Turn, Wish, gate::take_turn},
    ledger::{Lease, Ledger, State, Token},
    object::Timestamp,
    queue::JobQueue,
    scan::Lines,
    worker::DeletePolicy,
};

use crate::{
    shared::PART,
    working::world::{World, whole_bucket},
};

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
    world.drain(&whole_bucket(DeletePolicy::Ignore)).await;
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
        world.drain(&whole_bucket(DeletePolicy::Ignore)).await;
        assert_eq!(world.scan(Lines::Versions, "").await.sent, 0);
        world.source.insert("k", "new");
        assert_eq!(world.scan(Lines::Objects, "").await.sent, 0, "by size alone it cannot be seen");
        let report = world.scan(Lines::Versions, "").await;
        assert_eq!((report.sent, report.why["version"]), (1, 1), "versioned: {versioned}");
        world.drain(&whole_bucket(DeletePolicy::Ignore)).await;
        assert_eq!(world.destination.bytes("p/k").unwrap(), "new");
    }
}

#[tokio::test]
async fn what_is_parked_or_in_progress_is_left_alone_until_it_changes() {
    let world = World::new();
    let etag = world.source.insert("k", "x");
    world.scan(Lines::Objects, "").await;
    world.drain(&whole_bucket(DeletePolicy::Ignore)).await;
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
