//! Times for people and programs.

use longhaul::object::Timestamp;

/// A time for people and programs: `2026-11-21T20:09:46Z`.
pub fn rfc3339(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.0).map_or_else(|_| time.0.to_string(), |time| format!("{time:.0}"))
}
