//! Stores, a ledger and queues whose every call takes a while, and what is seen of them from outside.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt;
use longhaul::{
    copy::Silent,
    jobsender::{Gate, Jobsender, RunReport, ScanQueues, ScanSettings},
    ledger::{LedgerError, Reason, ScanLedger, ScanRecord, Token},
    limits::{Clock, RetryPolicy},
    memory::{Memory, MemoryLedger, MemoryQueue},
    queue::{Depth, Entry, Job, JobQueue, Packing, QueueError, QueueMessage, Verdict, message},
    route::{Compare, IgnoreList, Mode, NamedRoute},
    scan::Lines,
};
use tokio_util::sync::CancellationToken;

use crate::{
    scanning::time::{Crash, Process, VirtualClock},
    shared::Stores,
};

/// How long a received message is hidden: longer than a leg.
const VISIBILITY: Duration = Duration::from_secs(960);
/// The time of a leg.
pub const LEG: Duration = Duration::from_secs(900);

/// What takes time, and where processes may die.
#[derive(Clone)]
struct Wear {
    clock: VirtualClock,
    random: Arc<Mutex<fastrand::Rng>>,
    slowest: Duration,
    crash: Arc<Crash>,
}

impl Wear {
    async fn around<T>(&self, effect: impl Future<Output = T>) -> T {
        self.some_time().await;
        self.crash.moment().await;
        let answer = effect.await;
        self.crash.moment().await;
        self.some_time().await;
        answer
    }

    async fn some_time(&self) {
        let part = self.random.lock().unwrap().f64();
        self.clock.sleep(self.slowest.mul_f64(part)).await;
    }
}

/// A queue whose calls take time.
#[derive(Clone)]
pub struct WornQueue {
    pub inner: MemoryQueue<VirtualClock>,
    wear: Wear,
}

impl JobQueue for WornQueue {
    fn name(&self) -> &str {
        self.inner.name()
    }
    async fn send_batch(&self, bodies: &[String]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        self.wear.around(self.inner.send_batch(bodies)).await
    }
    async fn park(&self, body: &str, reason: &Reason) -> Result<(), QueueError> {
        self.wear.around(self.inner.park(body, reason)).await
    }
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<QueueMessage>, QueueError> {
        self.wear.around(self.inner.receive(max, wait)).await
    }
    async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        self.wear.around(self.inner.delete(receipt)).await
    }
    async fn set_visibility(&self, receipt: &str, after: Duration) -> Result<(), QueueError> {
        self.wear.around(self.inner.set_visibility(receipt, after)).await
    }
    async fn depth(&self) -> Result<Depth, QueueError> {
        self.inner.depth().await
    }
}

/// What was seen of scans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How often a scan came to its end.
    pub ends: u32,
    /// The most ranges that were open at once.
    pub most_open: usize,
    /// Saves.
    pub saves: u32,
    /// How often a scan took the place of one whose ranges were open.
    pub replaced: u32,
    /// How far ranges were known to have come in between.
    pub places: BTreeSet<String>,
}

/// The scans' rows, whose calls take time and are watched.
#[derive(Clone)]
pub struct WornScans {
    pub inner: MemoryLedger,
    wear: Wear,
    pub seen: Arc<Mutex<Seen>>,
}

impl ScanLedger for WornScans {
    async fn load_scan(&self, route: &str) -> Result<Option<(ScanRecord, Token)>, LedgerError> {
        self.wear.around(self.inner.load_scan(route)).await
    }
    async fn save_scan(
        &self,
        route: &str,
        record: &ScanRecord,
        expected: Option<&Token>,
        token: &Token,
    ) -> Result<bool, LedgerError> {
        let save = async {
            let before = self.inner.load_scan(route).await?;
            let stored = self.inner.save_scan(route, record, expected, token).await?;
            if stored {
                let mut seen = self.seen.lock().unwrap();
                let open = before.filter(|(before, _)| !before.ranges.is_empty());
                let was_open = open.as_ref().is_some_and(|(before, _)| before.id == record.id);
                seen.replaced += u32::from(open.is_some() && !was_open);
                seen.places.extend(record.ranges.values().map(|row| row.range.after.clone()));
                seen.ends += u32::from(was_open && record.ranges.is_empty() && record.finished >= record.started);
                seen.most_open = seen.most_open.max(record.ranges.len());
                seen.saves += 1;
            }
            Ok(stored)
        };
        self.wear.around(save).await
    }
}

/// Everything that outlives processes.
#[derive(Clone)]
pub struct ScanWorld {
    pub clock: VirtualClock,
    pub source: Memory,
    pub destination: Memory,
    pub scans: WornScans,
    pub jobs: WornQueue,
    pub scan_queue: WornQueue,
    pub settings: ScanSettings,
    /// Messages whose objects were copied.
    copied: Arc<Mutex<Vec<String>>>,
}

fn jobs_of(body: &str) -> Vec<Job> {
    let jobs = message::parse(body).unwrap().entries.into_iter().map(|entry| match entry {
        Entry::Job { job, .. } => *job,
        other => panic!("{other:?} is no job"),
    });
    jobs.collect()
}

/// What scans are tested with: small pages, ranges and waits.
pub fn settings() -> ScanSettings {
    ScanSettings {
        compare: Compare::Size,
        versions: Lines::Objects,
        packing: Packing { max_objects: 5, ..Packing::of_small(1000) },
        gate: Gate { max_age: Duration::from_secs(48 * 3600), empty_reads: 2, pause: Duration::from_secs(1) },
        policy: RetryPolicy { max_retries: 2, ..RetryPolicy::default() },
        timeout: Duration::from_secs(60),
        max_receives: 6,
        max_ranges: 6,
        split_after: 100,
        save_every: Duration::from_secs(20),
    }
}

/// One route with the prefix `p` at both sides' root.
pub fn route(src_bucket: &str, src_prefix: &str) -> NamedRoute {
    NamedRoute {
        src_bucket: src_bucket.into(),
        src_prefix: src_prefix.into(),
        des_bucket: "destination".into(),
        des_prefix: "copy".into(),
        strip_src_prefix: false,
        keys_from: None,
    }
}

impl ScanWorld {
    /// Empty stores; each call takes up to `slowest`.
    pub fn new(seed: u64, slowest: Duration, crash: &Arc<Crash>) -> Self {
        let clock = VirtualClock::default();
        let random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        let wear = Wear { clock: clock.clone(), random, slowest, crash: Arc::clone(crash) };
        let queue = || WornQueue { inner: MemoryQueue::new(Arc::new(clock.clone()), VISIBILITY), wear: wear.clone() };
        let (jobs, scan_queue) = (queue(), queue());
        let scans = WornScans { inner: MemoryLedger::new("table"), wear, seen: Arc::default() };
        let source = Memory::new("source").with_page_size(10);
        let destination = Memory::new("destination").with_page_size(10);
        Self { clock, source, destination, scans, jobs, scan_queue, settings: settings(), copied: Arc::default() }
    }

    /// A thousand objects of two routes, awkward ones among them, every third of which is missing or different.
    pub fn filled(self) -> Self {
        for number in 0..1000_u32 {
            let key = match number % 4 {
                0 => format!("a/{number:05}"),
                1 => format!("a/{}{number:05}", "same/".repeat(60)),
                2 => format!("b/日本語/{number:x}"),
                _ => format!("b/\u{1}😀{number}/"),
            };
            self.source.insert(&key, vec![0; 3]);
            if number % 3 > 0 {
                self.destination.insert(&format!("copy/{key}"), vec![0; 3]);
            } else if number % 2 > 0 {
                self.destination.insert(&format!("copy/{key}"), "");
            }
        }
        self
    }

    /// The keys that differ.
    pub fn differing(&self) -> Vec<String> {
        let differs = |key: &String| self.destination.bytes(&format!("copy/{key}")) != self.source.bytes(key);
        self.source.keys().into_iter().filter(differs).collect()
    }

    /// The source keys that were sent, sorted, as often as they were.
    pub fn sent(&self) -> Vec<String> {
        let mut bodies = self.jobs.inner.bodies();
        bodies.extend(self.copied.lock().unwrap().iter().cloned());
        let mut keys: Vec<String> =
            bodies.iter().flat_map(|body| jobs_of(body)).map(|job| job.src_key.into()).collect();
        keys.sort();
        keys
    }

    /// A process that copies what jobs ask for, as fast as they come.
    pub fn copier(&self) -> Process<'_> {
        Process::new(move |_| {
            async move {
                for message in self.jobs.inner.receive(10, Duration::ZERO).await.unwrap() {
                    for job in jobs_of(&message.body) {
                        self.destination.insert(job.des_key.as_str(), self.source.bytes(job.src_key.as_str()).unwrap());
                    }
                    self.jobs.inner.delete(&message.receipt).await.unwrap();
                    self.copied.lock().unwrap().push(message.body);
                }
                self.clock.sleep(Duration::from_secs(1)).await;
            }
            .boxed_local()
        })
    }

    pub fn seen(&self) -> Seen {
        self.scans.seen.lock().unwrap().clone()
    }

    pub fn record(&self) -> ScanRecord {
        let loaded = self.scans.inner.load_scan("jobsender").now_or_never().unwrap().unwrap();
        loaded.map(|(record, _)| record).unwrap_or_default()
    }

    pub fn jobsender(&self, seed: u64) -> Jobsender<Stores, WornScans, VirtualClock> {
        let clock = Arc::new(self.clock.clone());
        let (source, destination) = (self.source.clone(), self.destination.clone());
        let stores = Stores { source, destination, ledger: self.scans.inner.clone() };
        Jobsender::new(stores, self.scans.clone(), clock, self.settings.clone(), Arc::new(Silent), seed)
    }

    /// One scheduled run.
    pub async fn scheduled(&self, seed: u64, routes: &[NamedRoute], leg: Duration) -> RunReport {
        let jobsender = self.jobsender(seed);
        let leg = jobsender.leg(leg, Duration::from_secs(5), CancellationToken::new());
        let queues = ScanQueues { jobs: &self.jobs, scan: Some(&self.scan_queue) };
        jobsender.run_scheduled(Mode::Copy, queues, routes, &IgnoreList::none(), &leg).await
    }

    /// One delivery, if there is one.
    pub async fn deliver(&self, seed: u64, leg: Duration) -> Option<Verdict> {
        let message = self.scan_queue.receive(1, Duration::ZERO).await.unwrap().pop()?;
        let jobsender = self.jobsender(seed);
        let leg = jobsender.leg(leg, Duration::from_secs(5), CancellationToken::new());
        let (scan, jobs) = (&self.scan_queue, &self.jobs);
        let verdict = jobsender.handle_scan_message(scan, jobs, &message, &IgnoreList::none(), &leg).await;
        if verdict == Verdict::Acknowledge {
            self.scan_queue.delete(&message.receipt).await.unwrap();
        }
        Some(verdict)
    }

    /// A run an hour, and `workers` that handle messages.
    pub fn processes<'a>(
        &'a self,
        seed: u64,
        workers: u64,
        routes: &'a [NamedRoute],
        leg: Duration,
    ) -> Vec<Process<'a>> {
        let scheduler = Process::new(move |start| {
            async move {
                if start > 0 {
                    self.clock.sleep(Duration::from_secs(3600)).await;
                }
                self.scheduled(seed ^ (start << 8), routes, leg).await;
            }
            .boxed_local()
        });
        let worker = |number: u64| {
            Process::new(move |start| {
                async move {
                    let seed = seed ^ (start << 8) ^ ((number + 1) << 32);
                    if self.deliver(seed, leg).await.is_none() {
                        self.clock.sleep(Duration::from_secs(5)).await;
                    }
                }
                .boxed_local()
            })
        };
        std::iter::once(scheduler).chain((0..workers).map(worker)).collect()
    }

    /// Why messages were parked.
    pub fn parked(&self) -> BTreeMap<String, usize> {
        let mut reasons = BTreeMap::new();
        for (_, reason) in self.scan_queue.inner.parked() {
            *reasons.entry(reason.code).or_default() += 1;
        }
        reasons
    }
}
