//! A copy whose source was deleted: deleted too, where the rules say so.
//!
//! Only what the ledger knows as a copy of that very source is deleted, as long as it is what stands at the destination and
//! the source is absent. The record stays as a tombstone, so that whoever finishes an older copy meets it.

use crate::{
    copy::{
        attempt::{Backends, CopyJob, Engine, Leg, NotCopied, ObjectReport, Outcome, pin_source, still_gone},
        claim::{HeldRecord, drop_generation, save, yield_to_others},
    },
    ledger::{Ledger, RETURNED, Reason, Record, State},
    limits::Clock,
    object::{ETag, Pin},
    planted::{self, Defect},
    store::{Destination, ErrorKind, Source},
};

/// Deletes the copy of an object that is no more. The report's outcome is *gone*, or *skipped* with the reason.
pub async fn delete_copy<B: Backends>(engine: &Engine<B>, job: &CopyJob) -> ObjectReport {
    let leg = Leg::new(engine, job);
    let report = leg.reported(async { Err(delete(&leg).await.err().unwrap_or(NotCopied::Gone)) }).await;
    debug_assert!(report.outcome != Outcome::Copied);
    report
}

async fn delete<B: Backends>(leg: &Leg<'_, B>) -> Result<(), NotCopied> {
    match pin_source(leg).await {
        Ok(_) if planted::is(Defect::DeleteWithoutLook) => {}
        // This deletion may have reached a copy of it, in a leg that did not come to look again.
        Ok(_) => return Err(skipped(RETURNED, "the source object is there")),
        Err(NotCopied::Gone) => {}
        Err(ended) => return Err(ended),
    }
    let Some((record, token)) = leg.engine.ledger.load(&leg.record_key()).await? else {
        // A small copy under way has no record yet; it meets this one when it wants to save its own.
        let mut entry = HeldRecord { record: never_copied(leg), token: None, found: false, segment: None };
        entry.record.state = State::Gone;
        bury(leg, &mut entry).await?;
        return Err(skipped("not-ours", "the ledger knows no copy of it"));
    };
    let from = (leg.engine.source.location(), &leg.job.source_key);
    if (&record.source.location, &record.source.key) != from {
        return Err(skipped("not-ours", "the object there is the copy of another source"));
    }
    yield_to_others(leg, &record)?;
    if record.state.is_open() {
        // Behind the record: what others have begun since the first look is the copy of what was written since.
        still_gone(leg, returned()).await?;
    }
    let copied = record.destination.as_ref().and_then(|there| there.etag.clone());
    let mut entry = HeldRecord { record, token: Some(token), found: true, segment: None };
    drop_generation(leg, &mut entry).await?;
    bury(leg, &mut entry).await?;
    if planted::is(Defect::BuryOnly) {
        return Ok(());
    }
    let Some(copied) = copied else { return Err(skipped("not-ours", "the ledger knows no finished copy of it")) };
    delete_what_was_copied(leg, &copied).await?;
    // Whoever copied it meanwhile may have copied it into the deletion.
    still_gone(leg, returned()).await
}

fn returned() -> NotCopied {
    skipped(RETURNED, "the source object was written again meanwhile")
}

/// The tombstone comes first: whoever saves behind it is refused, looks, and finds the source gone.
async fn bury<B: Backends>(leg: &Leg<'_, B>, entry: &mut HeldRecord) -> Result<(), NotCopied> {
    entry.record.state = State::Gone;
    entry.record.lease = None;
    entry.record.reason = Some(Reason::new("gone", "the source object was deleted"));
    if leg.job.sequencer.is_some() {
        entry.record.sequencer.clone_from(&leg.job.sequencer);
    }
    save(leg, entry).await
}

fn never_copied<B: Backends>(leg: &Leg<'_, B>) -> Record {
    let now = leg.engine.patience.clock.now();
    let etag = leg.job.etag.clone().unwrap_or_else(|| ETag::new(""));
    let pin = Pin { etag, version_id: None, size: leg.job.size, crc64nvme: None, modified: now };
    Record::begin(leg.record_key(), leg.source_now(pin), now)
}

/// Every try looks first: between two of them a newer copy may have come.
async fn delete_what_was_copied<B: Backends>(leg: &Leg<'_, B>, copied: &ETag) -> Result<(), NotCopied> {
    let (destination, key) = (&leg.engine.destination, &leg.job.destination_key);
    let look_and_delete = || async {
        let head = leg.call(leg.at_destination("HeadObject"), || destination.head_object(key)).await;
        match head {
            Ok(there) if there.etag == *copied => {}
            Ok(_) => return Err(skipped("not-ours", "another object is there than the copy that is known")),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Ok(())),
            Err(error) => return Err(error.into()),
        }
        let asked = leg.at_destination("DeleteObject");
        match leg.once(asked, leg.engine.patience.timeout, destination.delete_object(key)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Ok(())),
            deleted => Ok(deleted),
        }
    };
    leg.engine.patience.unless_ended(look_and_delete).await
}

fn skipped(code: &str, words: &str) -> NotCopied {
    NotCopied::Skipped(Reason::new(code, words))
}
