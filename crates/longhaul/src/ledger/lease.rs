//! Leases: for how long a record is in whose hands.

use serde::{Deserialize, Serialize};

use crate::object::Timestamp;

/// Who works on a record. It saves cost; correctness rests on pins, conditions, generations and upload ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The process.
    pub owner: String,
    /// The end of the lease, where it has one; a lease on one machine ends with its process.
    pub until: Option<Timestamp>,
}

/// Distinguishes one save from every other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token(pub String);

/// Whether the lease of somebody still holds.
pub fn holds(lease: Option<&Lease>, now: Timestamp) -> bool {
    lease.is_some_and(|lease| lease.until.is_none_or(|until| until > now))
}

/// The lease of a leg as it is written down now.
pub fn lease_from(now: Timestamp, lease: &Lease) -> Lease {
    let longest = Timestamp(now.0.saturating_add(LONGEST_LEASE_MS));
    Lease { until: lease.until.map(|until| until.min(longest)), ..lease.clone() }
}

/// Leases end at the latest after 15 minutes, and are renewed with each save: a leg may take hours, and if its process dies
/// others should not wait for so long.
pub(crate) const LONGEST_LEASE_MS: i64 = 15 * 60 * 1000;
