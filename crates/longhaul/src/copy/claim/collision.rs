//! Another source has the place at the destination.

use crate::{
    copy::attempt::{Backends, Collisions, Leg, NotCopied},
    ledger::{COLLISION, Ledger, Reason, Record, State},
    store::Source,
};

/// Looks whether another source has taken the place since the ledger was last asked.
pub(crate) async fn refuse_a_new_collision<B: Backends>(leg: &Leg<'_, B>) -> Result<(), NotCopied> {
    match leg.engine.ledger.load(&leg.record_key()).await? {
        Some((record, _)) => refuse_collision(leg, &record),
        None => Ok(()),
    }
}

pub(crate) fn is_of_this_source<B: Backends>(leg: &Leg<'_, B>, record: &Record) -> bool {
    record.source.location == *leg.engine.source.location() && record.source.key == leg.job.source_key
}

/// Whether a record tells of another source's copy, which is not this one's to change.
pub(crate) fn is_of_another_source<B: Backends>(leg: &Leg<'_, B>, record: &Record) -> bool {
    let free = matches!(record.state, State::Gone | State::Superseded);
    !free && !is_of_this_source(leg, record) && leg.engine.settings.collisions != Collisions::Overwrite
}

/// One destination object belongs to one source; where two routes meet in it, the first to come keeps it.
pub(crate) fn refuse_collision<B: Backends>(leg: &Leg<'_, B>, record: &Record) -> Result<(), NotCopied> {
    if !is_of_another_source(leg, record) {
        return Ok(());
    }
    let words = format!(
        "the destination object belongs to the source {} key {:?}; give one of the two another des_prefix",
        record.source.location,
        record.source.key.as_str()
    );
    Err(NotCopied::Parked(Reason::new(COLLISION, words)))
}
