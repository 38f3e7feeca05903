//! What becomes of a delivery: deleted, or given back until later.

use std::time::Duration;

/// What a delivery of a message comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything it asked for has a durable outcome: delete it.
    Acknowledge,
    /// It was given back to the queue and will be delivered again.
    Return,
}

/// The first wait after a failed leg; it doubles with each delivery.
const FIRST_WAIT: Duration = Duration::from_secs(10);

/// The longest wait between two legs.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Back-off between legs, with full jitter over its upper half: a message that waits not at all helps nobody.
pub fn wait(receives: u32, random: f64) -> Duration {
    let bound = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(receives.saturating_sub(1).min(10))).min(LONGEST_WAIT);
    bound.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}
