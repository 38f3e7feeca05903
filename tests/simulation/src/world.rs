//! What everybody in a seed shares: time, faults, the one who watches, and the trace.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use longhaul::store::ErrorKind;

use crate::{
    counts::{Counts, Fault, Happening, Op},
    executor::{ProcessId, Sim},
    faults::{Draw, Faults},
    oracle::Oracle,
    trace::Trace,
};

/// What of a seed is left out, so that a failing one becomes smaller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts {
    /// Only these actions of users.
    pub actions: Option<BTreeSet<usize>>,
    /// Only these requests may go wrong.
    pub faults: Option<BTreeSet<u64>>,
}

impl Cuts {
    /// Whether nothing is left out.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Shared by all adapters and actors of a seed. Clones are the same.
#[derive(Clone)]
pub struct World(Arc<Shared>);

struct Shared {
    sim: Sim,
    faults: Mutex<Faults>,
    oracle: Mutex<Oracle>,
    counts: Mutex<Counts>,
    trace: Mutex<Trace>,
    violation: Mutex<Option<String>>,
    /// Numbers of what went wrong, for shrinking.
    struck: Mutex<Vec<u64>>,
    /// Requests that were given up and are still to be carried out.
    late: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error of a request, as the world made it up.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// What it says.
    pub kind: ErrorKind,
    /// Whether the effect may have happened.
    pub in_doubt: bool,
}

/// One request on its way.
pub struct Call<'a> {
    world: &'a World,
    op: Op,
    process: ProcessId,
    draw: Draw,
}

impl World {
    /// Puts the parts together.
    pub fn new(sim: Sim, faults: Faults, oracle: Oracle, trace: Trace) -> Self {
        Self(Arc::new(Shared {
            sim,
            faults: Mutex::new(faults),
            oracle: Mutex::new(oracle),
            counts: Mutex::default(),
            trace: Mutex::new(trace),
            violation: Mutex::default(),
            struck: Mutex::default(),
            late: AtomicUsize::new(0),
        }))
    }

    /// Time and processes.
    pub fn sim(&self) -> &Sim {
        &self.0.sim
    }

    /// Virtual time since the beginning.
    pub fn now(&self) -> Duration {
        self.0.sim.now()
    }

    /// The one who watches.
    pub fn oracle(&self) -> MutexGuard<'_, Oracle> {
        lock(&self.0.oracle)
    }

    /// What goes wrong.
    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.0.faults)
    }

    /// The sums.
    pub fn counts(&self) -> MutexGuard<'_, Counts> {
        lock(&self.0.counts)
    }

    /// The first promise that was broken.
    pub fn violation(&self) -> Option<String> {
        lock(&self.0.violation).clone()
    }

    /// Numbers of the requests that something befell.
    pub fn struck(&self) -> Vec<u64> {
        lock(&self.0.struck).clone()
    }

    /// A promise is broken: the world ends. The first one counts.
    pub fn violated(&self, words: impl FnOnce() -> String) {
        let mut violation = lock(&self.0.violation);
        if violation.is_none() {
            let words = words();
            self.note(u64::MAX, || format!("VIOLATION: {words}"));
            *violation = Some(words);
            self.0.sim.stop();
        }
    }

    /// Hands what the oracle found on.
    pub fn judge(&self, found: Result<(), String>) {
        if let Err(words) = found {
            self.violated(|| words);
        }
    }

    /// Writes a step into the trace.
    pub fn note(&self, code: u64, words: impl FnOnce() -> String) {
        let (now, process) = (self.now(), self.0.sim.current());
        lock(&self.0.trace).add(now, process, code, words);
    }

    /// Counts what happened, and notes it.
    pub fn happened(&self, happening: Happening, words: impl FnOnce() -> String) {
        *self.counts().happenings.entry(happening).or_default() += 1;
        self.note(1000 + happening as u64, || format!("{happening:?} {}", words()));
    }

    /// Whether something goes wrong here that is no request's fault.
    pub fn happens(&self, rate: u16) -> bool {
        let now = self.now();
        let happens = self.faults().happens(rate, now);
        lock(&self.0.struck).extend(happens);
        happens.is_some()
    }

    /// The trace's hash.
    pub fn hash(&self) -> u64 {
        lock(&self.0.trace).hash()
    }

    /// The recorded lines.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.0.trace).lines()
    }

    /// Carries something out later, whatever becomes of the process that asked for it.
    pub fn later(&self, pause: Duration, effect: impl Future<Output = ()> + Send + 'static) {
        self.0.late.fetch_add(1, Ordering::Relaxed);
        let world = self.clone();
        self.0.sim.spawn(ProcessId::WORLD, async move {
            world.0.sim.sleep(pause).await;
            effect.await;
            world.0.late.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Whether something is still to be carried out.
    pub fn awaits_late_effects(&self) -> bool {
        self.0.late.load(Ordering::Relaxed) > 0
    }

    /// Begins a request.
    pub fn call(&self, op: Op) -> Call<'_> {
        let process = self.0.sim.current();
        let draw = self.faults().draw(op, self.now(), process != ProcessId::WORLD);
        *self.counts().operations.entry(op).or_default() += 1;
        Call { world: self, op, process, draw }
    }
}

impl Call<'_> {
    /// What goes wrong with it, for those faults that its adapter brings about by itself.
    pub fn has(&self, fault: Fault) -> bool {
        let has = self.draw.fault == Some(fault);
        if has {
            self.count(fault);
        }
        has
    }

    /// How long something takes that takes longer than it should.
    pub fn standstill(&self) -> Duration {
        self.draw.standstill
    }

    /// What an error of it says.
    pub fn kind(&self) -> ErrorKind {
        self.draw.kind
    }

    fn count(&self, fault: Fault) {
        *self.world.counts().faults.entry((fault, self.op)).or_default() += 1;
        lock(&self.world.0.struck).push(self.draw.number);
        let (op, number) = (self.op, self.draw.number);
        self.world.note(2000 + fault as u64, || format!("fault {number}: {fault:?} of {op:?}"));
    }

    /// The way to the effect.
    pub async fn before(&self) -> Result<(), Failure> {
        self.stand(Fault::KillBefore, Fault::FreezeBefore).await;
        self.pause(self.draw.before).await;
        let failed = Failure { kind: self.draw.kind, in_doubt: false };
        match self.draw.fault {
            Some(Fault::FailBefore) => {
                self.count(Fault::FailBefore);
                Err(failed)
            }
            Some(Fault::Denied) => {
                self.count(Fault::Denied);
                Err(Failure { kind: ErrorKind::AccessDenied, ..failed })
            }
            Some(Fault::StallBefore) => {
                self.count(Fault::StallBefore);
                self.world.0.sim.sleep(self.draw.standstill).await;
                Err(Failure { kind: ErrorKind::TimedOut, in_doubt: true })
            }
            _ => Ok(()),
        }
    }

    /// The way of the answer.
    pub async fn after(&self) -> Result<(), Failure> {
        self.stand(Fault::KillAfter, Fault::FreezeAfter).await;
        self.pause(self.draw.after).await;
        let failed = Failure { kind: self.draw.kind, in_doubt: true };
        match self.draw.fault {
            Some(Fault::FailAfter) => {
                self.count(Fault::FailAfter);
                Err(failed)
            }
            Some(Fault::StallAfter) => {
                self.count(Fault::StallAfter);
                self.world.0.sim.sleep(self.draw.standstill).await;
                Err(Failure { kind: ErrorKind::TimedOut, ..failed })
            }
            _ => Ok(()),
        }
    }

    async fn stand(&self, kill: Fault, freeze: Fault) {
        if self.draw.fault == Some(kill) {
            self.count(kill);
            self.world.0.sim.kill(self.process);
            std::future::pending::<()>().await;
        }
        if self.draw.fault == Some(freeze) {
            self.count(freeze);
            self.world.0.sim.freeze(self.process, self.draw.standstill);
            self.yield_once().await;
        }
    }

    async fn pause(&self, pause: Duration) {
        if !pause.is_zero() {
            self.world.0.sim.sleep(pause).await;
        }
    }

    /// Lets the executor look at the process before anything else is done.
    async fn yield_once(&self) {
        let mut yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
    }
}
