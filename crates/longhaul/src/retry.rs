//! When to try again: exponential back-off with full jitter, which honours the store's own wish.

use std::time::Duration;

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
