//! A giant over many workers, on adapters in memory: cut up, filled by messages, completed once.

use std::time::Duration;

use longhaul::{
    copy::Settings,
    ledger::{Record, State},
    memory::{Memory, MemoryLedger},
    object::ProofLevel,
    queue::{Entry, JobQueue, QueueMessage, Verdict, message},
    route::Route,
    store::Destination,
    worker::Queues,
};
use tokio_util::sync::CancellationToken;

use crate::shared::{
    PART, Stores, TestQueue, bucket_route, content, handle, job, key, queue, rules, worker, worker_settings,
};

/// Ten segments of two parts, the last of one part that is not full.
const SIZE: u64 = 19 * PART - 24;

#[derive(Clone)]
struct Giant {
    source: Memory,
    destination: Memory,
    ledger: MemoryLedger,
    jobs: TestQueue,
    segments: TestQueue,
}

impl Giant {
    fn new() -> Self {
        let world = Self {
            source: Memory::new("source"),
            destination: Memory::new("destination"),
            ledger: MemoryLedger::new("test"),
            jobs: queue(),
            segments: queue(),
        };
        world.source.insert("giant", content(SIZE, 0));
        world
    }

    async fn handle(&self, own: &TestQueue, message: &QueueMessage) -> Verdict {
        self.handle_until(own, message, CancellationToken::new()).await
    }

    async fn handle_until(&self, own: &TestQueue, message: &QueueMessage, stop: CancellationToken) -> Verdict {
        let Self { source, destination, ledger, .. } = self.clone();
        let copy = Settings { segment_size: Some(2 * PART), ..worker_settings() };
        let worker = worker(Stores { source, destination, ledger }, copy);
        let route = |source: &str| bucket_route(Route::single(key(source), key("giant")));
        // Both lead to one place: the first to come keeps it.
        let rules = rules(vec![route("giant"), route("another")]);
        let queues = Queues { own, jobs: &self.jobs, segments: Some(&self.segments) };
        handle(&worker, queues, message, &rules, stop).await
    }

    async fn one(&self, queue: &TestQueue) -> Option<QueueMessage> {
        queue.receive(1, Duration::ZERO).await.unwrap().pop()
    }

    /// Handles a message and ends it as the queue would.
    async fn settle(&self, queue: &TestQueue, message: &QueueMessage) {
        if self.handle(queue, message).await == Verdict::Acknowledge {
            queue.delete(&message.receipt).await.unwrap();
        }
    }

    /// The job of the giant, handled: its segments wait.
    async fn cut(&self) {
        let job = job(("source", "giant"), ("destination", "giant"), SIZE);
        self.jobs.send_batch(&[job]).await.unwrap().remove(0).unwrap();
        let message = self.one(&self.jobs).await.unwrap();
        self.settle(&self.jobs, &message).await;
    }

    /// Handles whatever can be received, segments first, until nothing can.
    async fn drain(&self) {
        for _ in 0..200 {
            let (queue, message) = match self.one(&self.segments).await {
                Some(message) => (&self.segments, message),
                None => match self.one(&self.jobs).await {
                    Some(message) => (&self.jobs, message),
                    None => return,
                },
            };
            self.settle(queue, &message).await;
        }
        panic!("the queues do not run empty");
    }

    fn record(&self) -> Record {
        self.ledger.records().pop().expect("one object was begun")
    }

    fn assert_arrived(&self, bytes: Vec<u8>) {
        assert_eq!(self.destination.bytes("giant").unwrap(), bytes);
        assert_eq!((self.record().state, self.destination.uploads()), (State::Done, vec![]));
        assert_eq!(self.record().proof.unwrap().level, ProofLevel::FullCrc);
        assert_eq!(self.record().segments, None);
        assert!(self.segments.bodies().is_empty() && self.jobs.bodies().is_empty());
    }
}

#[tokio::test]
async fn a_giant_is_cut_into_segments_and_the_last_one_completes() {
    let world = Giant::new();
    world.cut().await;
    let bodies = world.segments.bodies();
    assert_eq!((bodies.len(), world.jobs.bodies().len()), (10, 0));
    assert_eq!(world.record().lease, None, "whoever comes last need not wait for the first");
    assert!(bodies.iter().all(|body| matches!(message::parse(body).unwrap().entries[..], [Entry::Segment(_)])));
    world.drain().await;
    world.assert_arrived(content(SIZE, 0));
    assert_eq!(world.record().proof.unwrap().transport_only_parts, 0);
    assert_eq!(world.record().generation, 1);
}

#[tokio::test]
async fn every_segment_may_be_handled_twice_and_at_once() {
    let world = Giant::new();
    world.cut().await;
    world.segments.send_batch(&world.segments.bodies()).await.unwrap();
    let mut messages = Vec::new();
    while let Some(message) = world.one(&world.segments).await {
        messages.push(message);
    }
    assert_eq!(messages.len(), 20);
    for pair in messages.chunks(2) {
        tokio::join!(world.settle(&world.segments, &pair[0]), world.settle(&world.segments, &pair[1]));
    }
    for message in &messages {
        world.handle(&world.segments, message).await;
    }
    assert_eq!(world.destination.bytes("giant").unwrap(), content(SIZE, 0));
    assert_eq!((world.record().state, world.record().generation), (State::Done, 1));
}

#[tokio::test]
async fn a_second_message_of_the_object_sends_no_segments_while_they_are_under_way() {
    let world = Giant::new();
    world.cut().await;
    world.cut().await;
    assert_eq!((world.segments.bodies().len(), world.jobs.bodies().len()), (10, 1), "and waits for their end");
    world.drain().await;
    assert_eq!(world.record().state, State::Done);
    // It was received once; with this it is visible again, as time would have it.
    world.jobs.set_visibility("2-1", Duration::ZERO).await.unwrap();
    world.drain().await;
    world.assert_arrived(content(SIZE, 0));
}

#[tokio::test]
async fn a_source_that_changes_begins_again_and_the_old_segments_end() {
    let world = Giant::new();
    world.cut().await;
    for _ in 0..3 {
        let message = world.one(&world.segments).await.unwrap();
        world.settle(&world.segments, &message).await;
    }
    world.source.insert("giant", content(SIZE, 9));
    world.drain().await;
    world.assert_arrived(content(SIZE, 9));
    assert_eq!(world.record().generation, 2);
}

#[tokio::test]
async fn an_upload_that_others_abort_begins_again() {
    let world = Giant::new();
    world.cut().await;
    let message = world.one(&world.segments).await.unwrap();
    world.settle(&world.segments, &message).await;
    world.destination.abort_multipart_upload(&world.destination.uploads()[0]).await.unwrap();
    world.drain().await;
    world.assert_arrived(content(SIZE, 0));
    assert_eq!(world.record().generation, 2);
}

#[tokio::test]
async fn a_source_that_is_deleted_leaves_no_upload_and_no_message() {
    let world = Giant::new();
    world.cut().await;
    world.source.remove("giant");
    world.drain().await;
    assert_eq!((world.record().state, world.destination.uploads()), (State::Gone, vec![]));
    assert_eq!((world.segments.bodies().len(), world.segments.parked()), (0, vec![]));
}

#[tokio::test]
async fn a_segment_that_is_given_up_without_its_stores_is_parked_as_it_came_and_the_others_go_on() {
    let world = Giant::new();
    world.cut().await;
    let cut_off = Giant { source: Memory::new("nowhere"), ..world.clone() };
    let last = QueueMessage { receives: 3, ..world.one(&world.segments).await.unwrap() };
    assert_eq!(cut_off.handle(&world.segments, &last).await, Verdict::Acknowledge);
    world.segments.delete(&last.receipt).await.unwrap();
    world.drain().await;
    assert_eq!(world.record().state, State::Copying);
    assert_eq!(world.segments.parked()[0].0, last.body);
    world.segments.send_batch(&[last.body]).await.unwrap();
    world.drain().await;
    world.assert_arrived(content(SIZE, 0));
    assert_eq!(world.record().generation, 1);
}

#[tokio::test]
async fn a_segment_that_is_given_up_parks_its_object_and_a_redrive_keeps_what_is_there() {
    let world = Giant::new();
    world.cut().await;
    let message = world.one(&world.segments).await.unwrap();
    world.settle(&world.segments, &message).await;
    let last = QueueMessage { receives: 3, ..world.one(&world.segments).await.unwrap() };
    let stopped = CancellationToken::new();
    stopped.cancel();
    assert_eq!(world.handle_until(&world.segments, &last, stopped).await, Verdict::Acknowledge);
    world.segments.delete(&last.receipt).await.unwrap();
    assert_eq!((world.record().state, world.record().reason.unwrap().code), (State::Parked, "interrupted".into()));
    world.drain().await;
    let parked = world.segments.parked();
    assert_eq!(parked.len(), 1, "one message for the object, not one for each segment");
    assert_eq!((world.record().state, world.destination.uploads().len()), (State::Parked, 1));
    world.jobs.send_batch(&[parked[0].0.clone()]).await.unwrap();
    let redriven = world.one(&world.jobs).await.unwrap();
    world.settle(&world.jobs, &redriven).await;
    assert_eq!(world.segments.bodies().len(), 9, "the segment that is done is not sent again");
    world.drain().await;
    world.assert_arrived(content(SIZE, 0));
    assert_eq!(world.record().generation, 1);
}

#[tokio::test]
async fn a_segment_that_names_another_source_than_its_upload_has_is_parked_and_the_giant_arrives() {
    let world = Giant::new();
    world.cut().await;
    let segment = world.one(&world.segments).await.unwrap();
    let forged = segment.body.replace("\"src_key\":\"giant\"", "\"src_key\":\"another\"");
    assert_ne!(forged, segment.body);
    world.source.insert("another", content(SIZE, 9));
    let forged = QueueMessage { body: forged, ..segment.clone() };
    assert_eq!(world.handle(&world.segments, &forged).await, Verdict::Acknowledge);
    let elsewhere = forged.body.replace("\"des_key\":\"giant\"", "\"des_key\":\"elsewhere\"");
    let elsewhere = QueueMessage { body: elsewhere, ..segment.clone() };
    assert_eq!(world.handle(&world.segments, &elsewhere).await, Verdict::Acknowledge);
    let parked: Vec<_> = world.segments.parked().into_iter().map(|(_, reason)| reason.code).collect();
    assert_eq!(parked, ["no-route", "no-route"]);
    assert_eq!(world.segments.parked()[1].0, elsewhere.body, "behind a new route it would go on as it came");
    world.settle(&world.segments, &segment).await;
    world.drain().await;
    assert_eq!(world.destination.bytes("giant").unwrap(), content(SIZE, 0));
}
