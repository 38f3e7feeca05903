//! Two stores, a ledger and a queue, and a worker and a jobsender between them.

use std::time::Duration;

use contract::TestClock;
use longhaul::{
    copy::Settings,
    jobsender::{SendSettings, send_range::send_route},
    ledger::SendReport,
    memory::{Memory, MemoryLedger},
    queue::{JobQueue, Packing, QueueMessage, Verdict},
    route::{Compare, IgnoreList, Mode, Route, ScanSpec, Selection},
    scan::Lines,
    worker::{DeletePolicy, Queues, Rules, Worker},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::shared::{
    PART, Stores, TestQueue, bucket_route, engine, handle, key, queue, rules, worker, worker_settings,
};

/// Two stores, a ledger and a queue.
#[derive(Clone)]
pub struct World {
    pub source: Memory,
    pub destination: Memory,
    pub ledger: MemoryLedger,
    pub queue: TestQueue,
}

impl World {
    pub fn new() -> Self {
        Self {
            source: Memory::new("source"),
            destination: Memory::new("destination"),
            ledger: MemoryLedger::new("test"),
            queue: queue(),
        }
    }

    fn stores(&self) -> Stores {
        let Self { source, destination, ledger, .. } = self.clone();
        Stores { source, destination, ledger }
    }

    pub fn worker(&self) -> Worker<Stores, TestClock> {
        worker(self.stores(), worker_settings())
    }

    pub async fn handle(&self, message: &QueueMessage, rules: &Rules) -> Verdict {
        self.handle_by(&self.worker(), message, rules).await
    }

    pub async fn handle_by(
        &self,
        worker: &Worker<Stores, TestClock>,
        message: &QueueMessage,
        rules: &Rules,
    ) -> Verdict {
        let queues = Queues { own: &self.queue, jobs: &self.queue, segments: None };
        handle(worker, queues, message, rules, CancellationToken::new()).await
    }

    /// Sends a message and sees it acknowledged.
    pub async fn assert_acknowledged(&self, body: &str, rules: &Rules) {
        let message = self.send(body).await;
        assert_eq!(self.handle(&message, rules).await, Verdict::Acknowledge, "{body}");
    }

    pub async fn send(&self, body: &str) -> QueueMessage {
        self.queue.send_batch(&[body.to_owned()]).await.unwrap().pop().unwrap().unwrap();
        self.receive().await
    }

    async fn receive(&self) -> QueueMessage {
        self.queue.receive(1, Duration::from_secs(5)).await.unwrap().pop().expect("a message was sent")
    }

    /// Scans the whole bucket and sends what differs.
    pub async fn scan(&self, versions: Lines, ignore: &str) -> SendReport {
        let ledger = self.ledger.another_owner("jobsender");
        let engine = engine(&self.source, &self.destination, ledger, Settings::default());
        let ignore = IgnoreList::parse(ignore).unwrap();
        let scan = ScanSpec {
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
    pub async fn drain(&self, rules: &Rules) {
        loop {
            let received = self.queue.receive(1, Duration::ZERO).await.unwrap();
            let Some(message) = received.first() else { return };
            if self.handle(message, rules).await == Verdict::Acknowledge {
                self.queue.delete(&message.receipt).await.unwrap();
            }
        }
    }
}

/// The whole bucket, below `p`.
pub fn whole_bucket(deletes: DeletePolicy) -> Rules {
    Rules { deletes, ..rules(vec![bucket_route(Route::keeping_names("", "p"))]) }
}

/// Also one object more of the source for a place.
pub fn with_single(mut rules: Rules, from: &str, to: &str) -> Rules {
    rules.routes.push(bucket_route(Route::single(key(from), key(to))));
    rules
}

pub fn event(name: &str, bucket: &str, key: &str, size: u64, etag: &str) -> serde_json::Value {
    json!({"eventName": name, "s3": {"bucket": {"name": bucket},
        "object": {"key": key, "size": size, "eTag": etag, "sequencer": "01"}}})
}

pub fn put_events(keys: &[(&str, u64)]) -> String {
    let records: Vec<_> =
        keys.iter().map(|(key, size)| event("ObjectCreated:Put", "source", key, *size, "x")).collect();
    json!({"Records": records}).to_string()
}
