//! Whether two neighbouring ranges of a listing join.
//!
//! A range ends at the first key beyond its bound, and the next one begins behind that bound. In a listing in byte order both
//! see the same key there, or both the end. Where they do not, something lies between them that nobody would see: the store
//! lists in another order. Ranges that are in order, each within itself, and whose seams all join, are together what one
//! listing from the beginning to the end would show.
//!
//! Keys come and go between two requests. So a seam that does not join is listed once more, from before it and from behind
//! it, before it counts.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    limits::Clock,
    object::ObjectKey,
    planted::{self, Defect},
    scan::listing::lister::{Lister, unordered},
    store::{ListingOrder, Source, StoreError},
};

/// How often a seam is looked at. At each look another key may have come or gone just there.
const LOOKS: u32 = 4;

/// What the ranges of one scan begin with, by the bounds behind which they begin, as far as those who list them have come.
#[derive(Debug, Default)]
pub struct Beginnings(Mutex<HashMap<String, Option<ObjectKey>>>);

impl Beginnings {
    /// The range behind `bound` begins with this key, or the listing is at its end there.
    pub fn tell(&self, bound: &str, first: Option<&ObjectKey>) {
        self.map().insert(bound.to_owned(), first.cloned());
    }

    /// What the range behind `bound` begins with, if that is known. It is needed once.
    fn take(&self, bound: &str) -> Option<Option<ObjectKey>> {
        self.map().remove(bound)
    }

    fn map(&self) -> MutexGuard<'_, HashMap<String, Option<ObjectKey>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At the end of a range: whether the next one begins where this one stopped. Where that is not known, one page is asked for.
/// Nothing of the range changes; a page under way can be lent to another thread only as a whole.
pub(crate) async fn check<S: Source, C: Clock>(
    range: &mut Lister<'_, S, C>,
    store: &S,
    beginnings: Option<&Beginnings>,
) -> Result<(), StoreError> {
    let Some(bound) = range.until().map(str::to_owned) else { return Ok(()) };
    if store.listing_order() == ListingOrder::Sorted || planted::is(Defect::SeamNotChecked) {
        return Ok(());
    }
    let mut stopped_at = range.stopped_at().cloned();
    if beginnings.and_then(|beginnings| beginnings.take(&bound)).is_some_and(|first| first == stopped_at) {
        return Ok(());
    }
    for look in 0..LOOKS {
        if look > 0 {
            stopped_at = first_beyond(range, &bound).await?;
        }
        let next = range.again_behind(Some(bound.clone())).next().await?.map(|line| line.key);
        if next == stopped_at {
            return Ok(());
        }
    }
    let words = format!("the listing is not in byte order: what comes behind {bound:?} depends on where it begins");
    Err(unordered(store, &words))
}

/// The first key beyond a bound, in a listing that begins before it.
async fn first_beyond<S: Source, C: Clock>(
    range: &mut Lister<'_, S, C>,
    bound: &str,
) -> Result<Option<ObjectKey>, StoreError> {
    let mut again = range.again_behind(range.last().map(str::to_owned));
    while let Some(line) = again.next().await? {
        if line.key.as_str() > bound {
            return Ok(Some(line.key));
        }
    }
    Ok(None)
}
