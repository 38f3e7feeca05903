//! What a listing met and did not hand on.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Names that are kept; beyond it they are only counted.
const KEPT: usize = 1000;

/// Why a file is not copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// A symbolic link; links are not followed.
    Symlink,
    /// A socket, pipe or device.
    SpecialFile,
    /// The name is not UTF-8, and a key must be.
    NotUtf8,
    /// The path is longer than a key may be.
    KeyTooLong,
    /// The name is one of longhaul's own, `.longhaul-…`.
    OwnName,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symlink => "a symbolic link",
            Self::SpecialFile => "a socket, pipe or device",
            Self::NotUtf8 => "its name is not UTF-8",
            Self::KeyTooLong => "its path is longer than a key can be",
            Self::OwnName => "its name is one of longhaul's own",
        })
    }
}

/// A file that is not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedEntry {
    /// The path below the folder; what is not UTF-8 in it is replaced.
    pub path: String,
    /// Why.
    pub reason: SkipReason,
}

/// All that were skipped, the first thousand by name.
#[derive(Debug, Default)]
pub(crate) struct SkippedLog(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    named: BTreeMap<String, SkipReason>,
    unnamed: u64,
}

impl SkippedLog {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, path: &str, reason: SkipReason) {
        let mut seen = self.seen();
        // A second listing meets the same files again and must not count them twice.
        if seen.named.contains_key(path) {
            return;
        }
        if seen.named.len() < KEPT {
            seen.named.insert(path.to_owned(), reason);
        } else {
            seen.unnamed += 1;
        }
    }

    pub(crate) fn entries(&self) -> Vec<SkippedEntry> {
        let seen = self.seen();
        seen.named.iter().map(|(path, reason)| SkippedEntry { path: path.clone(), reason: *reason }).collect()
    }

    pub(crate) fn count(&self) -> u64 {
        let seen = self.seen();
        seen.named.len() as u64 + seen.unnamed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_are_named_and_the_rest_is_counted() {
        let log = SkippedLog::default();
        for number in 0..1005 {
            log.add(&format!("link-{number}"), SkipReason::Symlink);
        }
        log.add("link-7", SkipReason::Symlink);
        assert_eq!((log.entries().len(), log.count()), (1000, 1005));
    }
}
