//! Those who call the product's jobsender: by schedule, and behind the queue of ranges.

use std::{sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use longhaul::{
    copy::{OpenStores, Silent},
    jobsender::{Gate, Jobsender, ScanQueues, ScanSettings},
    limits::{Clock, LegTime},
    object::Timestamp,
    queue::{JobQueue, Packing, QueueMessage, Verdict},
    route::{Compare, IgnoreList, Mode},
};
use tokio_util::sync::CancellationToken;

use crate::{
    actors::{GRACE, LEASE_MARGIN, clock, count_while_alive, policy, process},
    clock::SimClock,
    counts::Happening,
    executor::ProcessId,
    judge,
    ledger::SimLedger,
    stage::{JOBS, SCANS, Stage, Ways},
};

type SimJobsender = Jobsender<Ways, SimLedger, SimClock>;

fn jobsender(stage: &Arc<Stage>, process: ProcessId, random: &mut fastrand::Rng) -> SimJobsender {
    let scenario = &stage.scenario;
    let settings = ScanSettings {
        compare: Compare::Size,
        versions: scenario.lines,
        packing: Packing { max_objects: 3, ..Packing::of_small(scenario.threshold) },
        gate: Gate { max_age: Duration::from_secs(1800), empty_reads: 2, pause: Duration::from_secs(1) },
        policy: policy(stage),
        timeout: scenario.timeout,
        max_receives: scenario.max_receives,
        max_ranges: scenario.ranges,
        split_after: scenario.split_after,
        save_every: Duration::from_secs(5),
    };
    let clock = Arc::new(clock(stage, random));
    let ways = Ways::new(Arc::clone(stage));
    let until = Timestamp(clock.now().0.saturating_add(millis(scenario.leg + LEASE_MARGIN)));
    let scans = ways.ledger(&format!("jobsender-{}", process.0), until);
    Jobsender::new(ways, scans, clock, settings, Arc::new(Silent), random.u64(..))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Starts a scheduled run, which asks the gate first.
pub fn start_jobsender(stage: &Arc<Stage>, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let process = process(stage, &mut random);
    let jobsender = jobsender(stage, process, &mut random);
    let leg = jobsender.leg(stage.scenario.leg, LEASE_MARGIN, CancellationToken::new());
    let inner = Arc::clone(stage);
    stage.world.sim().spawn(process, async move { Box::pin(scheduled(inner, jobsender, leg)).await });
    watch(stage, process);
}

async fn scheduled(stage: Arc<Stage>, jobsender: SimJobsender, leg: LegTime) {
    let (world, process) = (&stage.world, stage.world.sim().current());
    let queues = ScanQueues { jobs: &stage.queues[JOBS], scan: Some(&stage.queues[SCANS]) };
    let routes = [stage.named_route()];
    let report = jobsender.run_scheduled(Mode::Copy, queues, &routes, &IgnoreList::none(), &leg).await;
    world.judge(judge::sent(&stage, process, &report));
    let happening = match report.gate {
        "open" | "forced" => Happening::ScanBegun,
        _ => Happening::ScanHeldUp,
    };
    world.happened(happening, || format!("{report:?}"));
    if report.handed_over > 0 {
        world.happened(Happening::RangesHandedOver, || report.handed_over.to_string());
    }
}

/// One invocation for messages of ranges, as the mapping of a queue makes it.
pub async fn invoke(stage: &Arc<Stage>, messages: Vec<QueueMessage>, random: &mut fastrand::Rng) {
    for message in messages {
        let process = process(stage, random);
        let jobsender = jobsender(stage, process, random);
        let leg = jobsender.leg(stage.scenario.leg, LEASE_MARGIN, CancellationToken::new());
        let inner = Arc::clone(stage);
        let handled = async move {
            let (scans, jobs) = (&inner.queues[SCANS], &inner.queues[JOBS]);
            let verdict =
                Box::pin(jobsender.handle_scan_message(scans, jobs, &message, &IgnoreList::none(), &leg)).await;
            if verdict == Verdict::Acknowledge {
                inner.world.happened(Happening::RangeHandled, || message.receipt.clone());
                // What cannot be deleted comes again.
                let _ = scans.delete(&message.receipt).await;
            }
        };
        stage.world.sim().spawn(process, handled);
        watch(stage, process);
    }
}

/// Ends a process some time after its leg should be over.
fn watch(stage: &Arc<Stage>, process: ProcessId) {
    count_while_alive(stage, process);
    let (watcher, rest) = (Arc::clone(stage), stage.scenario.leg + GRACE);
    stage.world.sim().spawn(ProcessId::WORLD, async move {
        let sim = watcher.world.sim();
        if let Either::Right(_) = select(Box::pin(sim.ended(process)), sim.sleep(rest)).await {
            watcher.world.happened(Happening::KilledAtDeadline, || format!("jobsender {}", process.0));
            sim.kill(process);
        }
    });
}
