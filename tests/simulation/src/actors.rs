//! Those who call the product's worker: behind queues, as Lambdas and as machines.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::{Either, select};
use longhaul::{
    copy::{Collisions, Settings, Silent},
    limits::{LegTime, RetryPolicy},
    queue::{JobQueue, QueueMessage, Verdict},
    worker::{Queues, WorkSettings, Worker},
};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::SimClock,
    counts::Happening,
    executor::ProcessId,
    judge,
    queue::SimQueue,
    scanning,
    stage::{JOBS, SCANS, SEGMENTS, Stage, Ways},
};

/// How much longer than a leg its leases hold.
pub(crate) const LEASE_MARGIN: Duration = Duration::from_secs(5);
/// How much longer than a leg a Lambda lives.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

type SimWorker = Worker<Ways, SimClock>;
type Verdicts = Arc<Mutex<Vec<(usize, Verdict)>>>;

pub(crate) fn policy(stage: &Stage) -> RetryPolicy {
    RetryPolicy { max_retries: stage.scenario.retries, base: Duration::from_millis(200), cap: Duration::from_secs(5) }
}

fn settings(stage: &Stage) -> Settings {
    let scenario = &stage.scenario;
    Settings {
        objects: scenario.concurrency,
        concurrency: scenario.concurrency,
        part_size: scenario.part_size,
        multipart_threshold: scenario.threshold,
        segment_size: scenario.segment,
        verify: scenario.verify,
        server_side: false,
        read_versions: scenario.read_versions,
        collisions: Collisions::Park,
        mark_copies: scenario.marked,
        max_idle_legs: Some(6),
        ..Settings::default()
    }
}

pub(crate) fn clock(stage: &Stage, random: &mut fastrand::Rng) -> SimClock {
    let skew = stage.scenario.skew;
    SimClock::new(stage.world.sim().clone(), random.i64(-skew..=skew))
}

/// A new process, which may be killed at any moment.
pub(crate) fn process(stage: &Stage, random: &mut fastrand::Rng) -> ProcessId {
    let polls = random.u32(1..300);
    let sudden = stage.world.happens(stage.scenario.sudden);
    if sudden {
        stage.world.happened(Happening::KilledBetweenRequests, || format!("after {polls} polls"));
    }
    let process = stage.world.sim().new_process(sudden.then_some(polls));
    stage.world.oracle().process_begins(process, stage.world.now());
    process
}

/// Takes messages from a queue for ever, one invocation after the other.
pub async fn lane(stage: Arc<Stage>, queue: usize, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut warm = None;
    loop {
        stage.queues[queue].something_to_receive().await;
        let most = random.usize(1..=stage.scenario.batch);
        match stage.queues[queue].receive(most, Duration::ZERO).await {
            Ok(messages) if !messages.is_empty() => {
                invoke(&stage, queue, messages, (&mut warm, &mut random)).await;
            }
            Ok(_) | Err(_) => stage.world.sim().sleep(Duration::from_secs(1)).await,
        }
    }
}

/// One invocation: every message in a task of its own, all of them on one worker. One that ended well is kept warm: the next
/// invocation goes on with its budget and with what it has learned.
async fn invoke(
    stage: &Arc<Stage>,
    queue: usize,
    messages: Vec<QueueMessage>,
    (warm, random): (&mut Option<Arc<SimWorker>>, &mut fastrand::Rng),
) {
    if queue == SCANS {
        return scanning::invoke(stage, messages, random).await;
    }
    let process = process(stage, random);
    let worker = warm.take().unwrap_or_else(|| Arc::new(cold(stage, random)));
    let stop = CancellationToken::new();
    let leg = worker.leg(stage.scenario.leg, LEASE_MARGIN, stop.clone());
    let verdicts = begin_each(stage, (process, &worker), queue, &messages, &leg);
    stage.queues[queue].handed_to(process, &messages);
    count_while_alive(stage, process);
    let sim = stage.world.sim();
    if random.u8(..20) == 0 {
        // Somebody asks the process to stop.
        sim.sleep(stage.scenario.leg.mul_f64(random.f64())).await;
        stop.cancel();
    }
    let ended = select(Box::pin(sim.ended(process)), sim.sleep(stage.scenario.leg + GRACE)).await;
    match ended {
        Either::Left(_) => *warm = Some(worker).filter(|_| !sim.is_killed(process)),
        // The machine is forgotten by those who watch it, and goes on when it can: a zombie.
        Either::Right(_) if stage.scenario.fleet => {
            return stage.world.happened(Happening::Zombie, || format!("process {}", process.0));
        }
        Either::Right(_) => {
            stage.world.happened(Happening::KilledAtDeadline, || format!("process {}", process.0));
            sim.kill(process);
        }
    }
    if !stage.scenario.fleet && !sim.is_killed(process) {
        delete_acknowledged(&stage.queues[queue], &messages, &verdicts).await;
    }
}

/// Begins a task for each message.
fn begin_each(
    stage: &Arc<Stage>,
    (process, worker): (ProcessId, &Arc<SimWorker>),
    queue: usize,
    messages: &[QueueMessage],
    leg: &LegTime,
) -> Verdicts {
    let verdicts: Verdicts = Arc::default();
    stage.world.note(960, || {
        let receipts: Vec<_> = messages.iter().map(|message| message.receipt.as_str()).collect();
        format!("process {} takes {receipts:?}", process.0)
    });
    for (place, message) in messages.iter().enumerate() {
        let attend = attend(Arc::clone(stage), Arc::clone(worker), queue, message.clone(), leg.clone());
        let verdicts = Arc::clone(&verdicts);
        stage.world.sim().spawn(process, async move {
            let verdict = attend.await;
            verdicts.lock().unwrap_or_else(PoisonError::into_inner).push((place, verdict));
        });
    }
    verdicts
}

/// Lambda deletes what a function that has returned did not report as failed.
async fn delete_acknowledged(queue: &SimQueue, messages: &[QueueMessage], verdicts: &Verdicts) {
    let verdicts = std::mem::take(&mut *verdicts.lock().unwrap_or_else(PoisonError::into_inner));
    for (place, verdict) in verdicts {
        if verdict == Verdict::Acknowledge {
            // What cannot be deleted comes again.
            let _ = queue.delete(&messages[place].receipt).await;
        }
    }
}

fn cold(stage: &Arc<Stage>, random: &mut fastrand::Rng) -> SimWorker {
    let work = WorkSettings {
        copy: settings(stage),
        policy: policy(stage),
        timeout: stage.scenario.timeout,
        max_receives: stage.scenario.max_receives,
    };
    let clock = clock(stage, random);
    Worker::new(Ways::new(Arc::clone(stage)), clock, work, Arc::new(Silent), random.u64(..))
}

/// One message's way through the worker. A machine deletes it by itself.
async fn attend(
    stage: Arc<Stage>,
    worker: Arc<SimWorker>,
    queue: usize,
    message: QueueMessage,
    leg: LegTime,
) -> Verdict {
    let began = stage.world.now();
    let queues =
        Queues { own: &stage.queues[queue], jobs: &stage.queues[JOBS], segments: Some(&stage.queues[SEGMENTS]) };
    let verdict = Box::pin(worker.handle(&queues, &message, &stage.rules(), &leg)).await;
    stage.world.note(970 + u64::from(verdict == Verdict::Acknowledge), || format!("{}: {verdict:?}", message.receipt));
    if verdict == Verdict::Acknowledge {
        stage.world.judge(judge::acknowledged(&stage, &message, began));
        if stage.scenario.fleet {
            let _ = stage.queues[queue].delete(&message.receipt).await;
        }
    }
    verdict
}

pub(crate) fn count_while_alive(stage: &Arc<Stage>, process: ProcessId) {
    stage.begin();
    let watcher = Arc::clone(stage);
    stage.world.sim().spawn(ProcessId::WORLD, async move {
        watcher.world.sim().ended(process).await;
        watcher.end();
    });
}
