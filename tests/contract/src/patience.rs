//! How often tests try, and an end that can be set by bytes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use longhaul::{
    copy::{Backends, Engine, Observer, Silent},
    limits::{OnRetry, RequestPolicy, RetryPolicy},
    object::ObjectKey,
};

use crate::clock::TestClock;

/// Three tries more, at once.
pub const POLICY: RetryPolicy =
    RetryPolicy { max_retries: 3, base: Duration::from_millis(1), cap: Duration::from_millis(2) };
/// Longer than anything in memory takes, and shorter than a leg of these tests.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A few tries at once, of which nobody hears.
pub fn patience() -> RequestPolicy<TestClock> {
    RequestPolicy::new(TestClock::new(), POLICY, TIMEOUT, 7, Arc::new(Silent))
}

/// Stops the engine when so many bytes have gone by.
pub fn stopped_after<B: Backends>(engine: Engine<B>, bytes: u64) -> Engine<B> {
    let stop = engine.patience.stop.clone();
    engine.observed_by(after(bytes, move || stop.cancel()))
}

struct After<F> {
    bytes: u64,
    seen: AtomicU64,
    then: F,
}

impl<F: Send + Sync + 'static> OnRetry for After<F> {}

impl<F: Fn() + Send + Sync + 'static> Observer for After<F> {
    fn bytes(&self, _key: &ObjectKey, delta: i64) {
        let delta = u64::try_from(delta).unwrap_or(0);
        let before = self.seen.fetch_add(delta, Ordering::Relaxed);
        if before < self.bytes && before + delta >= self.bytes {
            (self.then)();
        }
    }
}

/// Does something once, when so many bytes have gone by.
pub fn after(bytes: u64, then: impl Fn() + Send + Sync + 'static) -> Arc<dyn Observer> {
    Arc::new(After { bytes, seen: AtomicU64::new(0), then })
}
