//! Waiting for conditions, never for ever.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// How long a test waits for a condition before it says that it does not come.
pub const LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);

/// Waits for a condition.
///
/// # Panics
/// If it does not come within [`LIMIT`].
pub async fn within<T>(what: &str, condition: impl Future<Output = T>) -> T {
    match timeout(LIMIT, condition).await {
        Ok(answer) => answer,
        Err(_) => panic!("waited {} s in vain until {what}", LIMIT.as_secs()),
    }
}

/// Looks again and again until something is there, where nobody tells when it comes.
///
/// # Panics
/// If it does not come within [`LIMIT`].
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    within(what, found(&mut look)).await
}

/// The same for at most so long; `None` if it does not come.
pub async fn found_within<T>(limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    timeout(limit, found(&mut look)).await.ok()
}

async fn found<T>(look: &mut impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        if let Some(found) = look().await {
            return found;
        }
        sleep(PAUSE).await;
    }
}
