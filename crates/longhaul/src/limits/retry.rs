//! When to try again: exponential back-off with full jitter, which honours the store's own wish.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::{
    ledger::Token,
    limits::{
        clock::Clock,
        deadline::{halted, timed_out},
        pace::Pace,
    },
    store::{StoreError, Tally},
};

/// Hears of requests that are repeated. Calls come from many tasks and must not block.
pub trait OnRetry: Send + Sync + 'static {
    /// A call failed and will be repeated.
    fn retrying(&self, _error: &StoreError, _wait: Duration) {}
}

/// How long and how often the engine waits, and when it stops.
pub struct RequestPolicy<C> {
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
    on_retry: Arc<dyn OnRetry>,
}

impl<C: Clock> RequestPolicy<C> {
    /// `seed` drives the jitter and the ledger's tokens.
    pub fn new(clock: C, policy: RetryPolicy, timeout: Duration, seed: u64, on_retry: Arc<dyn OnRetry>) -> Self {
        Self::with_clock(Arc::new(clock), policy, timeout, seed, on_retry)
    }

    /// As [`new`](Self::new), with a clock that others read too.
    pub fn with_clock(
        clock: Arc<C>,
        policy: RetryPolicy,
        timeout: Duration,
        seed: u64,
        on_retry: Arc<dyn OnRetry>,
    ) -> Self {
        let random = Mutex::new(fastrand::Rng::with_seed(seed));
        let (stop, halt) = (CancellationToken::new(), CancellationToken::new());
        Self { clock, policy, timeout, stop, halt, end: None, random, on_retry }
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
        self.patiently(|| self.bounded(operation, request()).map(Result::flatten)).await
    }

    /// Tries again, with pauses, until it works or makes no more sense.
    pub(crate) async fn patiently<T, F, Fut>(&self, mut attempt: F) -> Result<T, StoreError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        self.unless_ended(|| attempt().map(Ok)).await
    }

    /// As [`patiently`](Self::patiently), for attempts that may also find out that there is nothing to try any more: their
    /// outer error is not looked at.
    pub(crate) async fn unless_ended<T, E, F, Fut>(&self, mut attempt: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<Result<T, StoreError>, E>>,
    {
        let mut failures = 0;
        loop {
            // Boxed: futures of requests are large, and stand on a thread's stack many times over where nothing is optimised.
            match Box::pin(attempt()).await? {
                Ok(answer) => return Ok(answer),
                Err(error) => self.pause_after(error, failures).await?,
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
        self.on_retry.retrying(&error, wait);
        // Biased, so that a simulation replays: without it the order of the branches is drawn anew each time.
        tokio::select! {
            biased;
            () = self.clock.sleep(wait) => Ok(()),
            () = self.stop.cancelled() => Err(error),
        }
    }
}

/// How often and how patiently a call is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Repeats after the first try.
    pub max_retries: u32,
    /// The first upper bound.
    pub base: Duration,
    /// The largest upper bound.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    /// Twenty repeats, as the system that longhaul replaces had; 20 s at most between two, which in the mean outlasts a
    /// line that is down for two and a half minutes.
    fn default() -> Self {
        Self { max_retries: 20, base: Duration::from_millis(200), cap: Duration::from_secs(20) }
    }
}

impl RetryPolicy {
    /// The longest that a store's `Retry-After` is obeyed.
    pub const LONGEST_WISH: Duration = Duration::from_secs(120);

    /// How long to wait before repeat number `retry` (from 0): anything up to the doubled bound, by `random` in 0..1
    /// ("full jitter", AWS Architecture Blog, Exponential Backoff And Jitter), and no less than the store wished.
    pub fn delay(&self, retry: u32, wish: Option<Duration>, random: f64) -> Duration {
        let bound = self.base.saturating_mul(2_u32.saturating_pow(retry.min(20))).min(self.cap);
        let jittered = bound.mul_f64(random.clamp(0.0, 1.0));
        jittered.max(wish.unwrap_or_default().min(Self::LONGEST_WISH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_cap() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(0, None, 1.0), Duration::from_millis(200));
        assert_eq!(policy.delay(3, None, 1.0), Duration::from_millis(1600));
        assert_eq!(policy.delay(19, None, 1.0), Duration::from_secs(20));
        assert_eq!(policy.delay(19, None, 0.0), Duration::ZERO);
    }

    #[test]
    fn a_wish_of_the_store_is_a_lower_bound_within_reason() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(0, Some(Duration::from_secs(7)), 0.5), Duration::from_secs(7));
        assert_eq!(policy.delay(0, Some(Duration::from_secs(9000)), 0.5), RetryPolicy::LONGEST_WISH);
    }
}
