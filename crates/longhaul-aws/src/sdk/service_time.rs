//! What time a service has it. Clocks differ, and what it says of its own past is in its own time.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeDeserializationInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{
    config_bag::ConfigBag,
    date_time::{DateTime, Format},
};
use longhaul::object::Timestamp;

/// No answer has told the time.
const UNTOLD: i64 = i64::MIN;

/// The time that the last answer told in its `Date`, cut to the second as HTTP does. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct ToldTime(Arc<AtomicI64>);

impl Default for ToldTime {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(UNTOLD)))
    }
}

impl ToldTime {
    /// The time, if it was told.
    pub fn time(&self) -> Option<Timestamp> {
        Some(Timestamp(self.0.load(Ordering::Relaxed))).filter(|time| time.0 != UNTOLD)
    }
}

/// Milliseconds of an HTTP date.
fn millis(date: &str) -> Option<i64> {
    DateTime::from_str(date, Format::HttpDate).ok()?.to_millis().ok()
}

impl Intercept for ToldTime {
    fn name(&self) -> &'static str {
        "ToldTime"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(time) = context.response().headers().get("date").and_then(millis) {
            self.0.store(time, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_to_the_second_and_anything_else_is_no_time() {
        assert_eq!(millis("Tue, 15 Nov 1994 08:12:31 GMT"), Some(784_887_151_000));
        assert_eq!(millis("yesterday"), None);
        assert_eq!(ToldTime::default().time(), None);
    }
}
