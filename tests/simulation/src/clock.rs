//! The clocks of processes: they agree on how time passes, and not on what time it is.

use std::time::Duration;

use futures_util::future::BoxFuture;
use longhaul::{limits::Clock, object::Timestamp};

use crate::executor::Sim;

/// The wall clock's time when the world begins.
const BEGIN_MS: i64 = 1_700_000_000_000;

/// What the wall clock of the world shows after so much virtual time.
pub fn wall(elapsed: Duration) -> Timestamp {
    Timestamp(BEGIN_MS + i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX / 2))
}

/// One process's clock.
#[derive(Clone)]
pub struct SimClock {
    sim: Sim,
    skew_ms: i64,
}

impl SimClock {
    /// A clock whose wall time is `skew_ms` ahead of the world's.
    pub fn new(sim: Sim, skew_ms: i64) -> Self {
        Self { sim, skew_ms }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp(wall(self.sim.now()).0 + self.skew_ms)
    }

    fn elapsed(&self) -> Duration {
        self.sim.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.sim.sleep(duration))
    }
}
