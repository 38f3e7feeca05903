//! When a leg ends, and what a request that outlives it is called.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    object::{GIB, MIB, Timestamp},
    store::{ErrorKind, StoreError},
};

/// The leg is over; what was asked for may happen all the same.
pub(crate) fn halted(operation: &'static str) -> StoreError {
    StoreError::new(ErrorKind::Other, operation, "the leg ended before the answer came").maybe_happened()
}

pub(crate) fn timed_out(operation: &'static str, what: &str, timeout: Duration) -> StoreError {
    let message = format!("{what} within {} s", timeout.as_secs_f32());
    StoreError::new(ErrorKind::TimedOut, operation, message).maybe_happened()
}

/// How long a copy of so many bytes may take without a word.
pub(crate) fn copy_timeout(patience: Duration, bytes: u64) -> Duration {
    patience + Duration::from_secs(bytes.min(5 * GIB) / SLOWEST)
}

/// The time of one leg.
#[derive(Clone, Debug)]
pub struct LegTime {
    /// On the clock's own count: nothing is under way any more.
    pub end: Duration,
    /// By the wall clock: until then leases hold. A little behind the end.
    pub until: Timestamp,
    /// Ends the leg early: what is in flight may arrive, nothing new begins.
    pub stop: CancellationToken,
}

/// The pace that a store is granted for a copy by itself, in bytes per second: slow, so that only a hanging one times out.
pub(crate) const SLOWEST: u64 = 4 * MIB;
