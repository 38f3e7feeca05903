//! What stores keep of what travels with the bytes, as far as this process has seen it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::object::{Carried, Location};

/// So many equal looks tell what a store does; and so many looks without an answer tell that it will not be known.
pub(crate) const LOOKS: u8 = 2;

/// How an object was written. A store may keep in one way what it drops in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Put,
    Multipart,
    Copy,
}

/// What is known of all buckets that this process writes to. Clones are the same knowledge.
#[derive(Clone, Debug, Default)]
pub struct Kept(pub(crate) Arc<Shared>);

#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) seen: Mutex<BTreeMap<(Location, Way, Carried), Seen>>,
    pub(crate) turn: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) kept: u8,
    pub(crate) dropped: u8,
    pub(crate) unanswered: u8,
}

impl Seen {
    pub(crate) fn is_settled(self) -> bool {
        self.kept.max(self.dropped).max(self.unanswered) >= LOOKS
    }
}

impl Kept {
    fn seen(&self) -> MutexGuard<'_, BTreeMap<(Location, Way, Carried), Seen>> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn of(&self, at: &Location, way: Way, what: Carried) -> Seen {
        self.seen().get(&(at.clone(), way, what)).copied().unwrap_or_default()
    }

    pub(crate) fn is_settled(&self, at: &Location, way: Way, carried: &[Carried]) -> bool {
        carried.iter().all(|what| self.of(at, way, *what).is_settled())
    }

    /// Whether the store was seen to drop it in some way of writing, and never to keep it so.
    pub(crate) fn never_keeps(&self, at: &Location, what: Carried) -> bool {
        let seen = [Way::Put, Way::Multipart, Way::Copy].map(|way| self.of(at, way, what));
        seen.iter().any(|seen| seen.dropped >= LOOKS && seen.kept == 0)
    }

    pub(crate) fn note(&self, at: &Location, way: Way, what: Carried, count: impl Fn(&mut Seen)) {
        count(self.seen().entry((at.clone(), way, what)).or_default());
    }
}
