//! A copy whose source was deleted: deleted too, where the rules say so.
//!
//! Only what the ledger knows as a copy of that very source is deleted, and only while the source is absent. The record stays
//! as a tombstone, so that whoever finishes an older copy meets it.

use crate::{
    copy::{CopyJob, Ended, Leg},
    engine::Engine,
    entry::Entry,
    error::ErrorKind,
    ports::{Clock, Destination, Ledger, Source},
    record::{Reason, State},
    report::{ObjectReport, Outcome},
};

/// Deletes the copy of an object that is no more. The report's outcome is *gone*, or *skipped* with the reason.
pub async fn delete_copy<S, D, L, C>(engine: &Engine<S, D, L, C>, job: &CopyJob) -> ObjectReport
where
    S: Source,
    D: Destination,
    L: Ledger,
    C: Clock,
{
    let leg = Leg::new(engine, job);
    let began = engine.patience.clock.elapsed();
    let ended = match delete(&leg).await {
        Ok(()) => Ended::Gone,
        Err(ended) => ended,
    };
    let report = leg.report(Err(ended), engine.patience.clock.elapsed().saturating_sub(began).as_secs_f64());
    debug_assert!(report.outcome != Outcome::Copied);
    engine.observer.object_finished(&report);
    report
}

async fn delete<S: Source, D: Destination, L: Ledger, C: Clock>(leg: &Leg<'_, S, D, L, C>) -> Result<(), Ended> {
    let Some((record, token)) = leg.engine.ledger.load(&leg.record_key()).await? else {
        return Err(Ended::Skipped(Reason::new("not-ours", "the ledger knows no copy of it")));
    };
    let from = (leg.engine.source.location(), &leg.job.source_key);
    if (&record.source.location, &record.source.key) != from {
        return Err(Ended::Skipped(Reason::new("not-ours", "the object there is the copy of another source")));
    }
    leg.yield_to_others(&record)?;
    let mut entry = Entry { record, token: Some(token), found: true };
    match leg.pin().await {
        Ok(_) => return Err(Ended::Skipped(Reason::new("source-exists", "the source object is there"))),
        Err(Ended::Gone) => {}
        Err(ended) => return Err(ended),
    }
    if entry.record.state.is_open() {
        leg.drop_generation(&mut entry).await?;
    }
    // The tombstone comes first: whoever saves behind it is refused, looks, and finds the source gone.
    entry.record.state = State::Gone;
    entry.record.lease = None;
    entry.record.reason = Some(Reason::new("gone", "the source object was deleted"));
    if leg.job.sequencer.is_some() {
        entry.record.sequencer.clone_from(&leg.job.sequencer);
    }
    leg.save(&mut entry).await?;
    let key = &leg.job.destination_key;
    let deleted = leg.call(leg.at_destination("DeleteObject"), || leg.engine.destination.delete_object(key)).await;
    match deleted {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}
