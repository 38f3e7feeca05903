//! A scan of ten million keys a side by many jobsenders, under virtual time: `make scale-scan`.
//!
//! Whole jobsenders of the core, with their queue of ranges, on buckets that exist as arithmetic. Exactly the objects that
//! differ must be sent, each once. Keys a second are those of the virtual clock, at the given latency; processor time and
//! memory are real.

use std::{
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use longhaul::{
    copy::{OpenStores, Silent},
    jobsender::{Gate, Jobsender, ScanQueues, ScanSettings},
    ledger::{Reason, ScanLedger},
    limits::RetryPolicy,
    memory::MemoryLedger,
    object::{MIB, Timestamp},
    queue::{Depth, Entry, JobQueue, Packing, QueueError, QueueMessage, Verdict, message},
    route::{Compare, IgnoreList, Mode, NamedRoute},
    scan::Lines,
};
use simulation::{
    clock::SimClock,
    executor::{End, ProcessId, Sim},
    faults::{Faults, Rates},
    oracle::Oracle,
    queue::{QueueSettings, SimQueue},
    stage::SCANS,
    synthetic::{Empty, Synthetic, differs, number},
    trace::Trace,
    world::World,
};
use tokio_util::sync::CancellationToken;

const LEG: Duration = Duration::from_secs(870);
const MARGIN: Duration = Duration::from_secs(5);

/// Scans synthetic buckets by ranges.
#[derive(Parser)]
#[command(name = "scale-scan")]
struct Args {
    /// Keys a side.
    #[arg(long, default_value_t = 10_000_000)]
    keys: u64,
    /// Ranges that may be open at once, and jobsenders.
    #[arg(long, default_value_t = 8)]
    ranges: usize,
    /// Milliseconds of a page of a listing: 80 are the 12,000 keys a second of S3.
    #[arg(long, default_value_t = 80)]
    page_ms: u64,
}

/// What was sent: counts, and a bit for each object.
struct Sent {
    seen: Vec<u64>,
    objects: u64,
    wrong: u64,
    messages: u64,
}

/// The queue of ranges, or the jobs, which are looked at and forgotten.
#[derive(Clone)]
enum Queue {
    Ranges(SimQueue),
    Jobs(Arc<Mutex<Sent>>),
}

impl Sent {
    fn take(&mut self, body: &str) {
        self.messages += 1;
        let entries = message::parse(body).map(|message| message.entries).unwrap_or_default();
        for entry in entries {
            let found = match &entry {
                Entry::Job { job, .. } => number(job.src_key.as_str()).filter(|number| differs(*number)),
                Entry::Event(_) | Entry::Segment(_) => None,
            };
            let place = found.and_then(|number| {
                let word = self.seen.get_mut(usize::try_from(number / 64).ok()?)?;
                let bit = 1 << (number % 64);
                let is_new = *word & bit == 0;
                *word |= bit;
                is_new.then_some(())
            });
            match place {
                Some(()) => self.objects += 1,
                None => self.wrong += 1,
            }
        }
    }
}

/// Only ranges are received again; the jobs are forgotten.
macro_rules! of_ranges {
    ($self:ident, $queue:ident => $answer:expr) => {
        match $self {
            Queue::Ranges($queue) => $answer,
            Queue::Jobs(_) => Ok(Default::default()),
        }
    };
}

impl JobQueue for Queue {
    fn name(&self) -> &str {
        match self {
            Self::Ranges(queue) => queue.name(),
            Self::Jobs(_) => "jobs",
        }
    }
    async fn send_batch(&self, bodies: &[String]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        match self {
            Self::Ranges(queue) => queue.send_batch(bodies).await,
            Self::Jobs(sent) => {
                let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
                bodies.iter().for_each(|body| sent.take(body));
                Ok(bodies.iter().map(|_| Ok(())).collect())
            }
        }
    }
    async fn park(&self, body: &str, reason: &Reason) -> Result<(), QueueError> {
        of_ranges!(self, queue => queue.park(body, reason).await)
    }
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<QueueMessage>, QueueError> {
        of_ranges!(self, queue => queue.receive(max, wait).await)
    }
    async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        of_ranges!(self, queue => queue.delete(receipt).await)
    }
    async fn set_visibility(&self, receipt: &str, after: Duration) -> Result<(), QueueError> {
        of_ranges!(self, queue => queue.set_visibility(receipt, after).await)
    }
    async fn depth(&self) -> Result<Depth, QueueError> {
        of_ranges!(self, queue => queue.depth().await)
    }
}

/// What all jobsenders share.
struct Scene {
    sim: Sim,
    keys: u64,
    page: Duration,
    settings: ScanSettings,
    scans: MemoryLedger,
    ranges: Queue,
    jobs: Queue,
    seed: AtomicU64,
}

struct Way(Arc<Scene>);

impl OpenStores for Way {
    type Source = Synthetic;
    type Destination = Synthetic;
    type Ledger = Empty;

    async fn source(&self, _bucket: &str) -> Result<Synthetic, String> {
        Ok(Synthetic::source(self.0.keys, self.0.sim.clone(), self.0.page))
    }
    async fn destination(&self, _bucket: &str) -> Result<Synthetic, String> {
        Ok(Synthetic::destination(self.0.keys, self.0.sim.clone(), self.0.page))
    }
    fn ledger(&self, _owner: &str, _until: Timestamp) -> Empty {
        Empty::new(self.0.sim.clone(), Duration::from_millis(10))
    }
    fn credentials_refused(&self) {}
}

fn jobsender(scene: &Arc<Scene>) -> Jobsender<Way, MemoryLedger, SimClock> {
    let seed = scene.seed.fetch_add(1, Ordering::Relaxed);
    let scans = scene.scans.another_owner(&format!("jobsender {seed}"));
    let clock = Arc::new(SimClock::new(scene.sim.clone(), 0));
    Jobsender::new(Way(Arc::clone(scene)), scans, clock, scene.settings.clone(), Arc::new(Silent), seed)
}

/// One jobsender after the other, each for the message of a range.
async fn lane(scene: Arc<Scene>) {
    let Queue::Ranges(queue) = &scene.ranges else { return };
    loop {
        queue.something_to_receive().await;
        let received = scene.ranges.receive(1, Duration::ZERO).await.unwrap_or_default();
        let Some(message) = received.first() else { continue };
        let jobsender = jobsender(&scene);
        let leg = jobsender.leg(LEG, MARGIN, CancellationToken::new());
        let ignore = IgnoreList::none();
        let handled = jobsender.handle_scan_message(&scene.ranges, &scene.jobs, message, &ignore, &leg);
        if Box::pin(handled).await == Verdict::Acknowledge {
            // A message that stays comes again, and finds nothing to do.
            let _ = scene.ranges.delete(&message.receipt).await;
        }
    }
}

async fn scan(scene: Arc<Scene>, lanes: usize) {
    // With one range there is one jobsender: the scheduled run, and whoever goes on when its time is up.
    for _ in 0..lanes.max(1) {
        scene.sim.spawn(ProcessId::WORLD, lane(Arc::clone(&scene)));
    }
    let jobsender = jobsender(&scene);
    let leg = jobsender.leg(LEG, MARGIN, CancellationToken::new());
    let queues = ScanQueues { jobs: &scene.jobs, scan: Some(&scene.ranges) };
    let route = NamedRoute {
        src_bucket: "source".to_owned(),
        des_bucket: "destination".to_owned(),
        des_prefix: "p".to_owned(),
        ..NamedRoute::default()
    };
    Box::pin(jobsender.run_scheduled(Mode::Copy, queues, &[route], &IgnoreList::none(), &leg)).await;
    loop {
        let record = scene.scans.load_scan("jobsender").await.ok().flatten();
        if record.is_some_and(|(record, _)| record.finished.is_some()) {
            return;
        }
        scene.sim.sleep(Duration::from_millis(100)).await;
    }
}

/// Both sides, the queues and the ledger, on a line that never fails.
fn scene(args: &Args, sim: &Sim, sent: &Arc<Mutex<Sent>>) -> Scene {
    let mut faults = Faults::new(1, Rates::plenty(), Duration::from_millis(10), LEG, None);
    faults.end(Duration::ZERO);
    let world = World::new(sim.clone(), faults, Oracle::default(), Trace::hashed());
    let visibility = Duration::from_secs(1020);
    let settings = QueueSettings { visibility, max_receives: 60, delay: Duration::ZERO, twice: 0 };
    Scene {
        sim: sim.clone(),
        keys: args.keys,
        page: Duration::from_millis(args.page_ms),
        settings: ScanSettings {
            compare: Compare::Size,
            versions: Lines::Objects,
            packing: Packing::of_small(16 * MIB),
            gate: Gate::with_max_age(Duration::from_secs(6 * 3600)),
            policy: RetryPolicy::default(),
            timeout: Duration::from_secs(60),
            max_receives: 60,
            max_ranges: args.ranges,
            split_after: ScanSettings::DEFAULT_SPLIT_AFTER,
            save_every: ScanSettings::DEFAULT_SAVE_EVERY,
        },
        scans: MemoryLedger::new("scans"),
        ranges: Queue::Ranges(SimQueue::new(world, "scans", SCANS, settings, Arc::default())),
        jobs: Queue::Jobs(Arc::clone(sent)),
        seed: AtomicU64::new(1),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let sim = Sim::new();
    let words = usize::try_from(args.keys / 64 + 1).unwrap_or(0);
    let sent = Arc::new(Mutex::new(Sent { seen: vec![0; words], objects: 0, wrong: 0, messages: 0 }));
    let scene = Arc::new(scene(&args, &sim, &sent));
    let began = Instant::now();
    let random = &mut fastrand::Rng::with_seed(1);
    let (end, _) = sim.run(random, u64::MAX, Box::pin(scan(Arc::clone(&scene), args.ranges)));
    let (real, virtual_time) = (began.elapsed(), sim.now());
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = (0..args.keys).filter(|number| differs(*number)).count() as u64;
    println!("{} keys a side, {} ranges, {} ms a page", args.keys, args.ranges, args.page_ms);
    println!(
        "sent: {} of {wanted} that differ, {} twice or wrongly, in {} messages",
        sent.objects, sent.wrong, sent.messages
    );
    println!(
        "virtual time: {:.0} s, {:.0} keys a second",
        virtual_time.as_secs_f64(),
        args.keys as f64 / virtual_time.as_secs_f64()
    );
    println!("real time: {:.1} s; peak memory: {} MiB", real.as_secs_f64(), peak_mib().unwrap_or(0));
    let well = end == End::Finished && sent.objects == wanted && sent.wrong == 0;
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The kernel's high-water mark of this process (proc(5), VmHWM).
fn peak_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? / 1024)
}
