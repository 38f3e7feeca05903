//! What is acknowledged, given back, sent on and parked.

use std::time::Duration;

use longhaul::{
    ledger::State,
    object::Headers,
    queue::{JobQueue, QueueMessage, Verdict},
    route::Route,
    worker::{DeletePolicy, Rules},
};
use serde_json::json;

use crate::{
    shared::{PART, job},
    working::world::{World, event, put_events, whole_bucket, with_single},
};

#[tokio::test]
async fn every_record_of_an_event_is_copied_and_recorded() {
    let world = World::new();
    for key in ["a b+c", "a//b", "/lead"] {
        world.source.insert(key, key.as_bytes().to_vec());
    }
    let body = put_events(&[("a+b%2Bc", 5), ("a//b", 4), ("/lead", 5)]);
    world.assert_acknowledged(&body, &whole_bucket(DeletePolicy::Ignore)).await;
    assert_eq!(world.destination.keys(), ["p//lead", "p/a b+c", "p/a//b"]);
    assert!(world.ledger.records().iter().all(|record| record.state == State::Done));
}

#[tokio::test]
async fn what_is_not_understood_is_parked_unchanged() {
    let world = World::new();
    world.assert_acknowledged("{\"hello\": 1}", &whole_bucket(DeletePolicy::Ignore)).await;
    let parked = world.queue.parked();
    assert_eq!((parked[0].0.as_str(), parked[0].1.code.as_str()), ("{\"hello\": 1}", "malformed"));
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_gives_the_message_back_until_its_last_delivery() {
    let world = World::new();
    let body = job(("elsewhere", "k"), ("destination", "k"), 1);
    let message = world.send(&body).await;
    let default = Some(("destination".to_owned(), Route::keeping_names("", "")));
    let rules = Rules { default, ..whole_bucket(DeletePolicy::Ignore) };
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
    let mut rules = whole_bucket(DeletePolicy::Ignore);
    rules.default = Some(("destination".into(), Route::keeping_names("", "q")));
    world.assert_acknowledged(&json!({"Records": records}).to_string(), &rules).await;
    assert_eq!(world.destination.keys(), ["p/here"]);
    let left = world.queue.bodies();
    let rest = longhaul::queue::message::parse(left.last().unwrap()).unwrap();
    assert_eq!(rest.entries.len(), 1, "{left:?}");
    assert!(left.last().unwrap().contains("unreachable"));
}

#[tokio::test]
async fn an_event_of_what_is_already_there_sends_nothing() {
    let world = World::new();
    let etag = world.source.insert("k", "x");
    let body = json!({"Records": [event("ObjectCreated:Put", "source", "k", 1, etag.as_str())]}).to_string();
    let message = world.send(&body).await;
    let rules = whole_bucket(DeletePolicy::Ignore);
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
    let rules = whole_bucket(DeletePolicy::Ignore);
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
    let propagate = whole_bucket(DeletePolicy::Propagate);
    world.handle(&put, &propagate).await;
    world.source.remove("k");
    let removed = json!({"Records": [event("ObjectRemoved:Delete", "source", "k", 0, "")]}).to_string();
    let message = world.send(&removed).await;
    assert_eq!(world.handle(&message, &whole_bucket(DeletePolicy::Ignore)).await, Verdict::Acknowledge);
    assert_eq!(world.destination.keys(), ["p/k"]);
    assert_eq!(world.handle(&message, &propagate).await, Verdict::Acknowledge);
    assert!(world.destination.keys().is_empty());
    assert_eq!(world.ledger.records()[0].state, State::Gone);
}

#[tokio::test]
async fn a_late_delete_event_harms_no_object_that_was_written_again() {
    let world = World::new();
    world.source.insert("k", "new");
    let propagate = whole_bucket(DeletePolicy::Propagate);
    let put = world.send(&put_events(&[("k", 3)])).await;
    world.handle(&put, &propagate).await;
    let removed = json!({"Records": [event("ObjectRemoved:Delete", "source", "k", 0, "")]}).to_string();
    world.assert_acknowledged(&removed, &propagate).await;
    assert_eq!(world.destination.keys(), ["p/k"]);
}

#[tokio::test]
async fn a_place_that_another_source_has_is_parked_as_a_collision() {
    let world = World::new();
    world.source.insert("a", "1");
    world.source.insert("b", "2");
    let rules = with_single(with_single(whole_bucket(DeletePolicy::Ignore), "a", "same"), "b", "same");
    for key in ["a", "b"] {
        world.assert_acknowledged(&job(("source", key), ("destination", "same"), 1), &rules).await;
    }
    assert_eq!(world.destination.bytes("same").unwrap(), "1");
    assert_eq!(world.queue.parked()[0].1.code, "collision");
    assert_eq!(world.ledger.records()[0].state, State::Done);
}

#[tokio::test]
async fn a_warm_worker_remembers_what_the_destination_keeps_of_headers() {
    let world = World::new();
    let worker = world.worker();
    let headers = Headers { content_language: Some("de".into()), ..Headers::default() };
    for key in ["a", "b", "c", "d"] {
        world.source.insert_with(key, key.as_bytes().to_vec(), headers.clone());
        let message = world.send(&put_events(&[(key, 1)])).await;
        let verdict = world.handle_by(&worker, &message, &whole_bucket(DeletePolicy::Ignore)).await;
        assert_eq!(verdict, Verdict::Acknowledge);
        world.queue.delete(&message.receipt).await.unwrap();
    }
    let mut requests: Vec<u64> = world.ledger.records().iter().map(|record| record.requests).collect();
    requests.sort_unstable();
    assert_eq!(requests, [2, 2, 3, 3], "GET and PUT, and a HEAD for the first two");
}
