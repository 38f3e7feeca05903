//! The patience that tests bring: a few tries at once, and an end that can be set by bytes.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use longhaul::{
    engine::{Observer, Patience},
    object::ObjectKey,
    retry::RetryPolicy,
};
use tokio_util::sync::CancellationToken;

use crate::clock::TestClock;

/// Three tries more, at once.
pub const POLICY: RetryPolicy =
    RetryPolicy { max_retries: 3, base: Duration::from_millis(1), cap: Duration::from_millis(2) };
/// Longer than anything in memory takes, and shorter than a leg of these tests.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Patience with somebody who watches.
pub fn patience(observer: Arc<dyn Observer>) -> Patience<TestClock> {
    Patience::new(TestClock::new(), POLICY, TIMEOUT, 7, observer)
}

/// Patience that ends when so many bytes have gone by.
pub fn patience_for(bytes: u64) -> Patience<TestClock> {
    let stop = Arc::new(OnceLock::<CancellationToken>::new());
    let token = Arc::clone(&stop);
    let patience = patience(after(bytes, move || token.get().into_iter().for_each(CancellationToken::cancel)));
    stop.get_or_init(|| patience.stop.clone());
    patience
}

struct After<F> {
    bytes: u64,
    seen: AtomicU64,
    then: F,
}

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
