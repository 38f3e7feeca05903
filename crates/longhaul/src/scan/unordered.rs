//! What becomes of a scan that meets a store which does not list in byte order.
//!
//! A store that can sort its listings on this side does so from then on, and the listings are read once more from their
//! beginning. What was copied meanwhile is found to be there.

use crate::{
    copy::attempt::{Backends, Engine},
    scan::totals::Event,
    store::{ErrorKind, Source, StoreError},
};

/// Lets the store that an error is about sort its listings. Whether one does that did not before, so that the listings are worth
/// being read again.
pub(crate) fn sorts_from_now_on<B: Backends>(
    engine: &Engine<B>,
    error: &StoreError,
    hear: &mut (dyn FnMut(Event<'_>) + Send),
) -> bool {
    let is_meant = |location| error.kind() == ErrorKind::Unordered && error.location() == Some(location);
    let (source, destination) = (&engine.source, &engine.destination);
    // Both sides may be one bucket.
    let source_sorts = is_meant(source.location()) && source.sort_listings();
    let destination_sorts = is_meant(destination.location()) && destination.sort_listings();
    if source_sorts || destination_sorts {
        hear(Event::Sorting(if source_sorts { source.location() } else { destination.location() }));
    }
    source_sorts || destination_sorts
}
