//! What all deliveries of a process share, and one delivery under way.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    copy::attempt::{Observer, OpenStores, Settings},
    limits::{Bandwidth, Budget, Clock, LegTime, RetryPolicy},
    object::Timestamp,
    queue::QueueMessage,
    store::{Kept, Tags},
    worker::rules::Rules,
};

/// How a worker works.
#[derive(Clone, Debug)]
pub struct WorkSettings {
    /// How objects are copied.
    pub copy: Settings,
    /// Repeats of single requests.
    pub policy: RetryPolicy,
    /// No answer or no byte for so long is a failed attempt.
    pub timeout: Duration,
    /// How often a message is received before the queue gives up on it.
    pub max_receives: u32,
}

/// One process's worker. All messages share its budget.
pub struct Worker<W, C> {
    pub(crate) surroundings: W,
    pub(crate) clock: Arc<C>,
    pub(crate) settings: WorkSettings,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) budget: Budget,
    pub(crate) bandwidth: Bandwidth,
    pub(crate) kept: Kept,
    pub(crate) tags: Tags,
    random: Mutex<fastrand::Rng>,
}

/// Where a message came from, and where those go that follow it.
#[derive(Debug)]
pub struct Queues<'a, Q> {
    /// The queue of the message.
    pub own: &'a Q,
    /// The queue of objects that begin again.
    pub jobs: &'a Q,
    /// The queue of segments; without one no object is cut up.
    pub segments: Option<&'a Q>,
}

/// One delivery under way.
pub(crate) struct Delivery<'a, W: OpenStores, C, Q> {
    pub(crate) worker: &'a Worker<W, C>,
    pub(crate) queue: &'a Q,
    pub(crate) queues: &'a Queues<'a, Q>,
    pub(crate) message: &'a QueueMessage,
    pub(crate) rules: &'a Rules,
    pub(crate) leg: &'a LegTime,
    pub(crate) halt: CancellationToken,
}

impl<W: OpenStores, C: Clock> Worker<W, C> {
    /// Puts the parts together. `seed` drives jitter, owners of leases and the ledger's tokens.
    pub fn new(surroundings: W, clock: C, settings: WorkSettings, observer: Arc<dyn Observer>, seed: u64) -> Self {
        Self {
            budget: Budget::new(settings.copy.concurrency),
            bandwidth: Bandwidth::new(settings.copy.bandwidth),
            kept: Kept::default(),
            tags: Tags::default(),
            clock: Arc::new(clock),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            surroundings,
            settings,
            observer,
        }
    }

    /// A leg that ends in `rest`; its leases hold for `margin` longer, since clocks differ.
    pub fn leg(&self, rest: Duration, margin: Duration, stop: CancellationToken) -> LegTime {
        let lease = i64::try_from((rest + margin).as_millis()).unwrap_or(i64::MAX);
        LegTime { end: self.clock.elapsed() + rest, until: Timestamp(self.clock.now().0.saturating_add(lease)), stop }
    }

    pub(crate) fn random(&self) -> f64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).u64(..)
    }
}
