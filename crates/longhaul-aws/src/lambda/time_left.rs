//! How much of a Lambda's time a leg may use.

use std::time::{Duration, SystemTime};

/// What is kept back at the end of an invocation, to join what is under way, release leases and answer: a tenth of the time,
/// at most half a minute.
fn reserve(left: Duration) -> Duration {
    (left / 10).min(Duration::from_secs(30))
}

/// The time of a leg: what is left until `deadline`, without the reserve, and no more than `limit` (`JobTimeout`).
pub fn time_left(deadline: SystemTime, now: SystemTime, limit: Duration) -> Duration {
    let left = deadline.duration_since(now).unwrap_or_default();
    (left - reserve(left)).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(seconds: u64, limit: u64) -> Duration {
        let now = SystemTime::UNIX_EPOCH;
        time_left(now + Duration::from_secs(seconds), now, Duration::from_secs(limit))
    }

    #[test]
    fn the_last_half_minute_of_fifteen_is_kept_back() {
        assert_eq!(left(900, 3500), Duration::from_secs(870));
        assert_eq!(left(900, 600), Duration::from_secs(600));
    }

    #[test]
    fn a_short_invocation_keeps_back_a_tenth() {
        assert_eq!(left(5, 870), Duration::from_millis(4500));
        assert_eq!(left(0, 870), Duration::ZERO);
    }
}
