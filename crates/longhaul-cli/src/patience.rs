//! How often requests are repeated, as the user wants it.

use std::{sync::Arc, time::Duration};

use longhaul::limits::{OnRetry, RequestPolicy, RetryPolicy};
use longhaul_aws::SystemClock;

use crate::settings::CopySettings;

/// How long and how often to wait, as the settings have it.
pub fn patience(settings: &CopySettings, on_retry: Arc<dyn OnRetry>) -> RequestPolicy<SystemClock> {
    let defaults = RetryPolicy::default();
    let policy = RetryPolicy { max_retries: settings.max_retries.unwrap_or(defaults.max_retries), ..defaults };
    let timeout = Duration::from_secs(settings.timeout.unwrap_or(60).max(1));
    RequestPolicy::new(SystemClock::new(), policy, timeout, fastrand::u64(..), on_retry)
}
