//! What all copies of one process share: both stores, the ledger, the budget, patience, and those who watch.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    body::Tally,
    budget::{Bandwidth, Budget},
    error::{ErrorKind, StoreError},
    kept::Kept,
    object::ObjectKey,
    pace::{self, Pace},
    part::{DEFAULT_PART_SIZE, MIB},
    ports::{Clock, Verify},
    range,
    record::Token,
    report::ObjectReport,
    retry::RetryPolicy,
    tags::Tags,
};

/// What becomes of a copy whose place at the destination another source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collisions {
    /// The person who started it decides: it is replaced.
    Overwrite,
    /// Nobody is there to decide: it is parked.
    Park,
}

/// How objects are copied.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Objects at once; small ones are bound by it, large ones by `concurrency`.
    pub objects: usize,
    /// Parts in flight, all objects together.
    pub concurrency: usize,
    /// Listings side by side, where a bucket is large.
    pub list_ranges: usize,
    /// A listing of more source keys than this is cut into ranges.
    pub list_split_after: u64,
    /// Bytes of a part, unless the object needs larger ones.
    pub part_size: u64,
    /// Objects up to this size travel in one request.
    pub multipart_threshold: u64,
    /// Larger objects are cut into segments of about so many bytes, each a message of its own, which any number of workers fill at
    /// once; `None`: one process copies all parts of an object.
    pub segment_size: Option<u64>,
    /// Bytes per second, all objects together.
    pub bandwidth: Option<u64>,
    /// Storage class at the destination; `None` is the store's default.
    pub storage_class: Option<String>,
    /// How much proof is asked for.
    pub verify: Verify,
    /// Whether a store that can copy by itself is asked to.
    pub server_side: bool,
    /// Whether a finished record that both sides confirm saves a copy.
    pub trust_ledger: bool,
    /// How often a copy begins anew because its source changed or its upload vanished.
    pub max_restarts: u32,
    /// Whether reads name the pinned version where the source has versions. The ETag pins every read in any case.
    pub read_versions: bool,
    /// What becomes of a copy whose place at the destination another source has.
    pub collisions: Collisions,
    /// Whether copies carry a [mark](crate::mark) of their source among their metadata, and those that came from the place to which they
    /// would be sent are not sent back.
    pub mark_copies: bool,
    /// After so many legs in a row that brought no part across, a copy is parked; `None`: never.
    pub max_idle_legs: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            objects: 32,
            concurrency: 32,
            list_ranges: 8,
            list_split_after: range::LONG,
            part_size: DEFAULT_PART_SIZE,
            multipart_threshold: 16 * MIB,
            segment_size: None,
            bandwidth: None,
            storage_class: None,
            verify: Verify::Auto,
            server_side: true,
            trust_ledger: true,
            max_restarts: 5,
            read_versions: true,
            collisions: Collisions::Overwrite,
            mark_copies: false,
            max_idle_legs: None,
        }
    }
}

/// Hears of progress. Calls come from many tasks and must not block.
pub trait Observer: Send + Sync + 'static {
    /// A copy begins; `already` bytes are at the destination from an earlier leg.
    fn object_started(&self, _key: &ObjectKey, _size: u64, _already: u64) {}
    /// So many bytes moved; negative when a part failed and its bytes count no longer.
    fn bytes(&self, _key: &ObjectKey, _delta: i64) {}
    /// A call failed and will be repeated.
    fn retrying(&self, _error: &StoreError, _wait: Duration) {}
    /// A copy ended, in whichever way.
    fn object_finished(&self, _report: &ObjectReport) {}
}

/// Hears and says nothing.
pub struct Silent;
impl Observer for Silent {}

/// What a call is about, for its errors.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub operation: &'static str,
    pub location: &'a crate::object::Location,
    pub key: &'a ObjectKey,
}

/// How long and how often the engine waits, and when it stops.
pub struct Patience<C> {
    /// Time.
    pub clock: Arc<C>,
    /// Repeats.
    pub policy: RetryPolicy,
    /// No answer or no byte for so long is a failed attempt.
    pub timeout: Duration,
    /// Set when the process should stop after what is in flight.
    pub stop: CancellationToken,
    /// Set, after `stop`, when even that must not be waited for: requests under way end as if their answers were lost.
    pub halt: CancellationToken,
    /// When, on the clock's own count, nothing may be under way any more; nothing begins that would not be done by then.
    pub end: Option<Duration>,
    random: Mutex<fastrand::Rng>,
    observer: Arc<dyn Observer>,
}

impl<C: Clock> Patience<C> {
    /// `seed` drives the jitter and the ledger's tokens.
    pub fn new(clock: C, policy: RetryPolicy, timeout: Duration, seed: u64, observer: Arc<dyn Observer>) -> Self {
        Self::with_clock(Arc::new(clock), policy, timeout, seed, observer)
    }

    /// As [`new`](Self::new), with a clock that others read too.
    pub fn with_clock(
        clock: Arc<C>,
        policy: RetryPolicy,
        timeout: Duration,
        seed: u64,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let random = Mutex::new(fastrand::Rng::with_seed(seed));
        let (stop, halt) = (CancellationToken::new(), CancellationToken::new());
        Self { clock, policy, timeout, stop, halt, end: None, random, observer }
    }

    /// Whether something that takes so long would still be done in time.
    pub fn has_time_for(&self, duration: Duration) -> bool {
        self.end.is_none_or(|end| self.clock.elapsed() + duration < end)
    }

    pub(crate) fn random(&self) -> f64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }

    /// A token that no other save has.
    pub(crate) fn token(&self) -> Token {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        Token(format!("{:016x}{:016x}", random.u64(..), random.u64(..)))
    }

    /// Waits for an answer for as long as one attempt may take.
    pub async fn bounded<T>(&self, operation: &'static str, answer: impl Future<Output = T>) -> Result<T, StoreError> {
        self.bounded_by(operation, self.timeout, answer).await
    }

    /// As [`bounded`](Self::bounded), with a time-out of its own.
    pub(crate) async fn bounded_by<T>(
        &self,
        operation: &'static str,
        timeout: Duration,
        answer: impl Future<Output = T>,
    ) -> Result<T, StoreError> {
        tokio::select! {
            biased;
            answer = answer => Ok(answer),
            () = self.halt.cancelled() => Err(halted(operation)),
            () = self.clock.sleep(timeout) => Err(timed_out(operation, "no answer", timeout)),
        }
    }

    /// Waits as long as bytes go by, `least_rate` a second; a body may take hours, a silence or a drip may not.
    pub(crate) async fn while_moving<T>(
        &self,
        operation: &'static str,
        tally: &Tally,
        least_rate: u64,
        answer: impl Future<Output = T>,
    ) -> Result<T, StoreError> {
        tokio::pin!(answer);
        let mut pace = Pace::of(tally, least_rate);
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return Ok(answer),
                () = self.halt.cancelled() => return Err(halted(operation)),
                () = self.clock.sleep(self.timeout) => {
                    if let Some(words) = pace.too_slow(tally, self.timeout) {
                        return Err(timed_out(operation, &words, self.timeout));
                    }
                }
            }
        }
    }

    /// A request without a body, bounded in time and repeated.
    pub async fn repeated<T, F, Fut>(&self, operation: &'static str, mut request: F) -> Result<T, StoreError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        let mut failures = 0;
        loop {
            match self.bounded(operation, request()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) | Err(error) => self.pause_after(error, failures).await?,
            }
            failures += 1;
        }
    }

    /// After failure number `failures` (from 0): waits until a repeat makes sense, or gives the error back.
    pub async fn pause_after(&self, error: StoreError, failures: u32) -> Result<(), StoreError> {
        if !error.is_retryable() || failures >= self.policy.max_retries || self.stop.is_cancelled() {
            return Err(error);
        }
        let wait = self.policy.delay(failures, error.wait(), self.random());
        tracing::debug!(error = %error, wait_ms = wait.as_millis() as u64, failures, "will be repeated");
        self.observer.retrying(&error, wait);
        // Biased, so that a simulation replays: without it the order of the branches is drawn anew each time.
        tokio::select! {
            biased;
            () = self.clock.sleep(wait) => Ok(()),
            () = self.stop.cancelled() => Err(error),
        }
    }
}

/// The leg is over; what was asked for may happen all the same.
fn halted(operation: &'static str) -> StoreError {
    StoreError::new(ErrorKind::Other, operation, "the leg ended before the answer came").maybe_happened()
}

fn timed_out(operation: &'static str, what: &str, timeout: Duration) -> StoreError {
    let message = format!("{what} within {} s", timeout.as_secs_f32());
    StoreError::new(ErrorKind::TimedOut, operation, message).maybe_happened()
}

/// One process's copies.
pub struct Engine<S, D, L, C> {
    /// Where objects are read.
    pub source: S,
    /// Where they are written.
    pub destination: D,
    /// What is remembered.
    pub ledger: L,
    /// Time, repeats, and the wish to stop.
    pub patience: Patience<C>,
    /// How objects are copied.
    pub settings: Settings,
    /// Parts in flight.
    pub budget: Budget,
    pub(crate) bandwidth: Bandwidth,
    pub(crate) observer: Arc<dyn Observer>,
    /// What destinations keep of headers and metadata.
    pub(crate) kept: Kept,
    pub(crate) tags: Tags,
    versions_permitted: AtomicBool,
    /// How long the slowest of the recent bodies took, in milliseconds; older ones count for less and less.
    body_time: AtomicU64,
}

impl<S, D, L, C: Clock> Engine<S, D, L, C> {
    /// Puts the parts together.
    pub fn new(source: S, destination: D, ledger: L, patience: Patience<C>, settings: Settings) -> Self {
        Self {
            budget: Budget::new(settings.concurrency),
            bandwidth: Bandwidth::new(settings.bandwidth),
            observer: patience.observer.clone(),
            kept: Kept::default(),
            versions_permitted: AtomicBool::new(settings.read_versions),
            body_time: AtomicU64::new(0),
            tags: Tags::default(),
            source,
            destination,
            ledger,
            patience,
            settings,
        }
    }

    /// Shares what the process may have in flight with other engines.
    pub fn sharing(self, budget: Budget, bandwidth: Bandwidth) -> Self {
        Self { budget, bandwidth, ..self }
    }

    /// Shares with other engines what is known of destinations.
    pub fn knowing(self, kept: Kept) -> Self {
        Self { kept, ..self }
    }

    /// Shares what is learned of the stores' tags with other engines.
    pub fn learning(self, tags: Tags) -> Self {
        Self { tags, ..self }
    }

    /// Whether another body would arrive before the end, if it takes as long as the slowest of late.
    pub(crate) fn has_time_for_a_body(&self) -> bool {
        self.patience.has_time_for(Duration::from_millis(self.body_time.load(Ordering::Relaxed)))
    }

    /// Bytes per second that every body must move at least.
    pub(crate) fn least_rate(&self) -> u64 {
        pace::least_rate(&self.settings)
    }

    /// Notes how long a body took.
    pub(crate) fn body_took(&self, took: Duration) {
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let older = self.body_time.load(Ordering::Relaxed);
        self.body_time.store(took.max(older - older / 8), Ordering::Relaxed);
    }

    /// Whether reads may name the version. Some buckets keep versions and do not permit to read them by id.
    pub(crate) fn versions_permitted(&self) -> bool {
        self.versions_permitted.load(Ordering::Relaxed)
    }

    pub(crate) fn forbid_versions(&self) {
        self.versions_permitted.store(false, Ordering::Relaxed);
    }
}
