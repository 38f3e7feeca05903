//! Whether a key that a listing does not show where it should stand is absent.
//!
//! In a store that lists in another order it may come later, and would be sent again on each run. So some of the keys that
//! seem to be absent are asked for by name: the first few of a listing and ever fewer behind them, which costs next to nothing
//! where they are absent indeed, and is noticed at once where none is.

use crate::{
    limits::{Clock, RequestPolicy},
    object::{Listed, ObjectKey},
    scan::listing::lister::{Lister, unordered},
    store::{ListingOrder, Source, StoreError, first_lines},
};

/// So many are asked for by name, and behind them each whose number is a power of two.
const FIRST: u64 = 4;

/// The keys that a listing did not show.
#[derive(Debug, Default)]
pub(crate) struct Absences(u64);

impl Absences {
    /// Counts a key that `listing`, which now stands behind its place, did not show. If it is to be asked for by name: a new
    /// listing from before its place.
    pub fn doubt<'a, S: Source, C: Clock>(
        &mut self,
        store: &S,
        listing: &Lister<'a, S, C>,
    ) -> Option<Lister<'a, S, C>> {
        // A listing from the very beginning that shows nothing is that of an empty bucket.
        let is_empty = listing.begins_at_the_first_key() && listing.first() == Some(None);
        if is_empty || store.listing_order() == ListingOrder::Sorted {
            return None;
        }
        self.0 += 1;
        let is_asked_for = self.0 <= FIRST || self.0.is_power_of_two();
        is_asked_for.then(|| listing.again_behind(listing.last().map(str::to_owned)))
    }
}

/// The line of a key that a listing did not show. None if it is absent; an error if the store has it and lists it elsewhere.
pub(crate) async fn look<S: Source, C: Clock>(
    store: &S,
    patience: &RequestPolicy<C>,
    mut again: Lister<'_, S, C>,
    key: &ObjectKey,
) -> Result<Option<Listed>, StoreError> {
    if !is_there(store, patience, key).await? {
        return Ok(None);
    }
    // It may have been written since the page was read: then a new one shows it in its place.
    while let Some(line) = again.next().await? {
        if line.key >= *key {
            if line.key == *key {
                return Ok(Some(line));
            }
            break;
        }
    }
    // Or deleted in between.
    if !is_there(store, patience, key).await? {
        return Ok(None);
    }
    Err(unordered(store, "the listing is not in byte order: this key is there, and is not listed in its place").on(key))
}

/// Whether a listing of what begins with the key shows it. Whoever may list a bucket may not be permitted to do more.
async fn is_there<S: Source, C: Clock>(
    store: &S,
    patience: &RequestPolicy<C>,
    key: &ObjectKey,
) -> Result<bool, StoreError> {
    let lines = patience.repeated("ListObjectsV2", || first_lines(store, key.as_str())).await?;
    Ok(lines.iter().any(|line| line.key == *key))
}
