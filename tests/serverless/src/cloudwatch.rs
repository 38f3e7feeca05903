//! What CloudWatch would make of log lines.

mod metrics;
mod pattern;

pub use metrics::{Datum, MetricFilter, Metrics};
pub use pattern::{FieldPath, Pattern, PatternError};
