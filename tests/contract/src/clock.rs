//! The clock that tests bring, as a binary does.

use std::time::{Duration, Instant};

use futures_util::{FutureExt, future::BoxFuture};
use longhaul::{limits::Clock, object::Timestamp};

/// Real time, counted from the clock's making. Its wall clock begins at a round number, so that no test leans on today.
pub struct TestClock(Instant);

impl TestClock {
    /// Begins now.
    #[expect(clippy::new_without_default, reason = "a clock that began at some default moment would mislead")]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_000_000 + i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }
}
