//! Stopping a request at an exact point, so that a test can look around, or kill its child, without sleeping.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// Where a request is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It has arrived; nothing has happened.
    BeforeEffect,
    /// The store is changed, or the answer is ready; the client knows nothing yet.
    AfterEffect,
}

/// A request that is, or will be, stopped. It goes on when this is released or dropped.
#[derive(Debug)]
pub struct Hold {
    reached: watch::Receiver<bool>,
    // Held only to be dropped, which is what the stopped request waits for.
    _release: watch::Sender<()>,
}

impl Hold {
    /// Resolves when the request is stopped, or the server is.
    pub async fn reached(&self) {
        let mut reached = self.reached.clone();
        let _ = reached.wait_for(|reached| *reached).await;
    }

    /// Lets the request go on.
    pub fn release(self) {}
}

struct Pending {
    operation: String,
    when: When,
    passes: u64,
    reached: watch::Sender<bool>,
    release: watch::Receiver<()>,
}

#[derive(Default)]
pub(crate) struct Holds {
    pending: Mutex<Vec<Pending>>,
}

impl Holds {
    /// Stops one request of `operation`, after letting `passes` of them by.
    pub fn add(&self, operation: &str, when: When, passes: u64) -> Hold {
        let (reached_sender, reached) = watch::channel(false);
        let (release_sender, release) = watch::channel(());
        let pending = Pending { operation: operation.to_owned(), when, passes, reached: reached_sender, release };
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).push(pending);
        Hold { reached, _release: release_sender }
    }

    pub async fn pass(&self, operation: &str, when: When) {
        let Some(mut held) = self.take(operation, when) else { return };
        held.reached.send_replace(true);
        // Nothing is ever sent: this resolves when the hold is dropped.
        let _ = held.release.changed().await;
    }

    fn take(&self, operation: &str, when: When) -> Option<Pending> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|held| held.release.has_changed().is_ok());
        let mut stopped = None;
        for (index, held) in pending.iter_mut().enumerate() {
            if held.when != when || held.operation != operation {
                continue;
            }
            if held.passes > 0 {
                held.passes -= 1;
            } else if stopped.is_none() {
                stopped = Some(index);
            }
        }
        stopped.map(|index| pending.remove(index))
    }
}
