//! What is compared, and how: the selection of a scan.

use crate::{
    object::ObjectKey,
    route::{difference::Compare, ignore_list::IgnoreList, mapping::Route},
};

/// Which objects of a route are meant.
#[derive(Clone, Debug)]
pub struct Selection {
    /// If not empty, only keys that one of these matches.
    pub include: IgnoreList,
    /// Not the keys that one of these matches.
    pub exclude: IgnoreList,
    /// The ignore list, matched on `bucket/key`.
    pub ignore: IgnoreList,
}

impl Selection {
    /// Everything.
    pub fn all() -> Self {
        Self { include: IgnoreList::none(), exclude: IgnoreList::none(), ignore: IgnoreList::none() }
    }

    /// Whether a source key is meant; `rest` is what both sides share of it.
    pub fn has(&self, bucket: &str, rest: &str, key: &ObjectKey) -> bool {
        (self.include.is_empty() || self.include.matches(rest))
            && !self.exclude.matches(rest)
            && !self.ignore.ignores(bucket, key.as_str())
    }
}

/// What to scan.
#[derive(Clone, Debug)]
pub struct ScanSpec {
    /// Keys and their places.
    pub route: Route,
    /// Which of them.
    pub selection: Selection,
    /// What makes a difference.
    pub compare: Compare,
}

/// Whether a scan copies or only says what it would copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Copy.
    Copy,
    /// Only say.
    DryRun,
}
