//! One seed from its first draw to the last check.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use crate::{
    actors,
    counts::{Counts, Happening},
    executor::{End, ProcessId, Sim},
    faults::{Faults, Rates},
    judge,
    oracle::Oracle,
    scanning,
    scenario::Scenario,
    stage::Stage,
    trace::Trace,
    two_way,
    users::Users,
    world::{Cuts, World},
};

/// A seed that needs more polls than this goes round in circles.
const MAX_STEPS: u64 = 400_000;
/// When nothing goes wrong any more, everything settles within so much virtual time.
const SETTLED_AFTER: Duration = Duration::from_secs(24 * 3600);
/// The least that a seed means.
const LEAST_REQUESTS: u64 = 50;
/// The least that goes wrong in a seed.
const LEAST_FAULTS: u64 = 5;

/// How a seed ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// The promise that was broken, if one was.
    pub violation: Option<String>,
    /// The sums.
    pub counts: Counts,
    /// Equal for equal runs.
    pub hash: u64,
    /// The steps, where they were recorded.
    pub lines: Vec<String>,
    /// Polls.
    pub steps: u64,
    /// Virtual time.
    pub time: Duration,
    /// How many actions the seed has.
    pub actions: usize,
    /// The requests that something befell.
    pub struck: Vec<u64>,
}

/// Whether the words of the steps are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// They are.
    Kept,
    /// Only the hash.
    Hashed,
}

/// Runs a seed, without what is cut.
pub fn run(seed: u64, cuts: &Cuts, lines: Lines) -> Report {
    // Neighbouring seeds must not be alike.
    let mut random = fastrand::Rng::with_seed(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x9e37_79b9);
    let scenario = Scenario::draw(&mut random);
    let rates = Rates::draw(&mut random);
    let faults = Faults::new(random.u64(..), rates, scenario.latency, scenario.timeout, cuts.faults.clone());
    let trace = if lines == Lines::Kept { Trace::recorded() } else { Trace::hashed() };
    let sim = Sim::new();
    let world = World::new(sim.clone(), faults, Oracle::default(), trace);
    world.note(0, || format!("{scenario:?}"));
    let actions = scenario.actions.len();
    let (stage, second) = Stage::pair(world.clone(), scenario);
    let (stage, second) = (Arc::new(stage), second.map(Arc::new));
    let director = Director { stage, second, users: random.u64(..), lanes: random.u64(..), cuts: cuts.clone() };
    let ran = catch_unwind(AssertUnwindSafe(|| sim.run(&mut random, MAX_STEPS, Box::pin(director.direct()))));
    let steps = match ran {
        Ok((End::Finished, steps)) => steps,
        Ok((End::Deadlock, steps)) => {
            world.violated(|| "bounded work: everybody waits for somebody".to_owned());
            steps
        }
        Ok((End::TooManySteps, steps)) => {
            world.violated(|| format!("bounded work: more than {MAX_STEPS} steps"));
            steps
        }
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
            world.violated(|| format!("a panic: {}", words.unwrap_or_default()));
            0
        }
    };
    Report {
        violation: world.violation(),
        counts: world.counts().clone(),
        hash: world.hash(),
        lines: world.lines(),
        steps,
        time: world.now(),
        actions,
        struck: world.struck(),
    }
}

/// Leads a seed from its beginning to its end.
struct Director {
    stage: Arc<Stage>,
    /// The stack of the other direction.
    second: Option<Arc<Stage>>,
    users: u64,
    lanes: u64,
    cuts: Cuts,
}

impl Director {
    async fn direct(self) {
        let Self { stage, second, users, lanes, cuts } = self;
        let world = &stage.world;
        let stages: Vec<Arc<Stage>> = [&stage].into_iter().chain(&second).map(Arc::clone).collect();
        for (number, stack) in stages.iter().enumerate() {
            for queue in 0..stack.queues.len() {
                for lane in 0..stack.scenario.lanes {
                    let seed = lanes.wrapping_add((number * 10_000 + queue * 100 + lane) as u64);
                    world.sim().spawn(ProcessId::WORLD, actors::lane(Arc::clone(stack), queue, seed));
                }
            }
        }
        let mut users = Users::new(Arc::clone(&stage), users);
        for (place, action) in stage.scenario.actions.iter().enumerate() {
            let wait = action.at.saturating_sub(world.now());
            world.sim().sleep(wait).await;
            if cuts.actions.as_ref().is_none_or(|kept| kept.contains(&place)) {
                users.act(action.deed).await;
            }
        }
        if cuts.are_none() {
            until_large_enough(&stage, &mut users).await;
        }
        world.sim().sleep(Duration::from_secs(60)).await;
        world.faults().end(world.now());
        world.note(1, || "nothing goes wrong any more".to_owned());
        settle(&stages, &mut users).await;
        if world.violation().is_none() {
            world.judge(match &second {
                Some(second) => two_way::at_rest(&stage, second),
                None => judge::at_the_end(&stage),
            });
        }
    }
}

/// Goes on until the seed has gone through enough.
async fn until_large_enough(stage: &Arc<Stage>, users: &mut Users) {
    let world = &stage.world;
    for round in 0..40 {
        let requests = world.counts().requests();
        let faults = world.counts().all_faults();
        if requests >= LEAST_REQUESTS && faults >= LEAST_FAULTS {
            return;
        }
        if round == 3 {
            world.faults().raise(Rates::plenty());
        }
        let deed = users.more();
        users.act(deed).await;
        world.sim().sleep(Duration::from_secs(120)).await;
    }
    world.violated(|| "the seed is too small: fewer than fifty requests or five faults".to_owned());
}

/// Lets everything come to rest, helps what is parked, and scans twice.
async fn settle(stages: &[Arc<Stage>], users: &mut Users) {
    let stage = &stages[0];
    if !until_quiet(stages).await {
        return;
    }
    if stage.scenario.redrive {
        stages.iter().for_each(|stack| users.redrive_on(stack));
        if !until_quiet(stages).await {
            return;
        }
        stage.world.judge(stages.iter().try_for_each(|stack| judge::parked_rightly(stack)));
        if stages.len() == 1 {
            stage.world.judge(judge::before_the_scans(stage));
        }
    }
    for scan in 0..2 {
        let complete = |stage: &Stage| stage.world.counts().happenings.get(&Happening::ScanComplete).copied();
        let before = complete(stage);
        for attempt in 0..60 {
            scanning::start_jobsender(stage, scan * 1000 + attempt);
            if !until_quiet(stages).await {
                return;
            }
            if complete(stage) != before {
                break;
            }
            if stage.scenario.is_unordered() && stage.was_ended_by_name() {
                stage.put_in_order();
                continue;
            }
            // A lease, or the age of a scan that was broken off, stands in the way.
            stage.world.sim().sleep(Duration::from_secs(60)).await;
        }
        if complete(stage) == before {
            return stage.world.violated(|| "bounded work: no scan comes to its end".to_owned());
        }
    }
}

/// Whether nobody works and nothing waits, within the time.
async fn until_quiet(stages: &[Arc<Stage>]) -> bool {
    let stage = &stages[0];
    let began = stage.world.now();
    let (copies, open) = (stage.copies_told(), stages.iter().map(|stack| stack.open()).sum());
    loop {
        stage.world.sim().sleep(Duration::from_secs(20)).await;
        if stages.iter().all(|stack| stack.is_quiet()) {
            return true;
        }
        if let Err(words) = two_way::comes_to_rest(stage, copies, open) {
            stage.world.violated(|| words);
            return false;
        }
        if stage.world.now() - began > SETTLED_AFTER {
            let queues = stages.iter().flat_map(|stack| &stack.queues);
            let left: Vec<String> = queues.flat_map(|queue| queue.bodies()).collect();
            stage.world.violated(|| format!("bounded work: not quiet after a day: {left:?}"));
            return false;
        }
    }
}
