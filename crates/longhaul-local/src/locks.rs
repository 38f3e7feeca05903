//! Keeps writers of one upload apart within this process.
//!
//! A call that is given up (a time-out) leaves its last write running in a blocking thread. The next call for the same
//! part, and the end of the upload, wait until it is over: otherwise its bytes could land after the next one's were
//! checked.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use longhaul::object::PartNumber;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// Beyond so many names, those that nobody holds are forgotten.
const FORGET_ABOVE: usize = 1024;

/// One lock for each upload and each part that is being written.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<HashMap<String, Weak<RwLock<()>>>>);

/// Held while a part is written.
#[derive(Debug)]
pub(crate) struct PartGuard {
    _upload: OwnedRwLockReadGuard<()>,
    _part: OwnedRwLockWriteGuard<()>,
}

impl Locks {
    /// Waits until nobody writes this part or ends its upload.
    pub(crate) async fn part(&self, upload: &str, number: PartNumber) -> PartGuard {
        let part = self.of(format!("{upload}/{number}"));
        PartGuard { _upload: self.of(upload.to_owned()).read_owned().await, _part: part.write_owned().await }
    }

    /// Waits until nobody writes any part of the upload.
    pub(crate) async fn upload(&self, upload: &str) -> OwnedRwLockWriteGuard<()> {
        self.of(upload.to_owned()).write_owned().await
    }

    fn of(&self, name: String) -> Arc<RwLock<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&name).and_then(Weak::upgrade) {
            return lock;
        }
        if locks.len() >= FORGET_ABOVE {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::new(RwLock::new(()));
        locks.insert(name, Arc::downgrade(&lock));
        lock
    }
}
