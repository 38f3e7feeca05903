//! The end of a giant's upload: completed when all segments are done, or dropped for a new beginning.

use std::sync::atomic::Ordering;

use crate::{
    amend::{Change, TRIES, again_and_again, amend, overtaken, superseded},
    copy::{Ended, Finished, Leg},
    entry::Entry,
    multipart::{self, UPLOAD_VANISHED},
    ports::{Clock, Destination, Ledger, Source, Upload},
    record::{Reason, State},
    recover,
    segment::{begins_again, load},
    segments::SegmentRef,
    standing::{Standing, answers, plan_of, standing},
};

/// Completes an upload whose segments are all done.
pub(crate) async fn finish<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    at: &SegmentRef,
) -> Result<Finished, Ended> {
    let ended = try_finish(leg, entry, at).await.map_err(|ended| leg.ended_by_time(ended));
    if !matches!(ended, Err(Ended::Restart(_))) {
        leg.remember_of(&ended, Some(at)).await?;
    }
    ended
}

async fn try_finish<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    at: &SegmentRef,
) -> Result<Finished, Ended> {
    let now = leg.engine.patience.clock.now();
    let mine = leg.engine.ledger.new_lease(now);
    amend(leg, entry, at, |record| {
        let held = record.lease.as_ref().filter(|lease| lease.owner != mine.owner);
        if let Some(lease) = held.filter(|lease| leg.engine.ledger.is_held(lease, now)) {
            return Change::Busy(lease.clone());
        }
        record.attempts += 1;
        record.idle_legs += 1;
        record.lease = Some(mine.clone());
        if let Some(segments) = record.segments.as_mut() {
            segments.responsible = Some(at.segment);
        }
        Change::Save
    })
    .await?;
    leg.idle_legs.store(entry.record.idle_legs, Ordering::Relaxed);
    leg.park_if_idle_for(entry.record.idle_legs)?;
    // Behind the save: whatever parks the object from here on, this segment answers for its message.
    let info = leg.pin().await?;
    if !info.pin().same_write(&entry.record.source.pin) {
        return Err(Ended::Restart(Reason::new("source-keeps-changing", "the source changed while it was copied")));
    }
    let Some(plan) = plan_of(&entry.record) else { return Err(superseded()) };
    // From here on the record is this leg's alone, as that of any other large object.
    entry.segment = None;
    let ended = Box::pin(multipart::fill_and_complete(leg, entry, &info, plan)).await;
    if matches!(&ended, Err(Ended::Restart(reason)) if reason.code == UPLOAD_VANISHED)
        && let Some(finished) = recover::completed_by_others(leg, entry, &info).await?
    {
        return Ok(finished);
    }
    ended
}

/// Ends an upload that is of no more use: one conditional save, then the abort; then the object begins again by a message
/// of its own, for which this segment answers.
pub(crate) async fn end_upload<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    at: &SegmentRef,
    reason: Reason,
) -> Result<Ended, Ended> {
    let Some(mut entry) = load(leg, at).await? else { return Ok(superseded()) };
    for failures in 0..TRIES {
        match standing(&entry.record, at) {
            Standing::Superseded | Standing::Parked(_) => return Ok(superseded()),
            Standing::Ended => return Ok(begins_again(reason)),
            // Whoever is at it answers for it with a message that is not acknowledged yet; unless it is another delivery of this one.
            Standing::Ending if !answers(&entry.record, at) && leg.yield_to_others(&entry.record).is_err() => {
                return Ok(superseded());
            }
            Standing::Open | Standing::Marked | Standing::Full | Standing::Ending => {}
        }
        leg.yield_to_others(&entry.record)?;
        let now = leg.engine.patience.clock.now();
        let before = std::mem::replace(&mut entry.record.state, State::Restarting);
        entry.record.lease = Some(leg.engine.ledger.new_lease(now));
        // Whoever takes over keeps the cause.
        let cause = entry.record.reason.take().filter(|_| before == State::Restarting);
        entry.record.reason = Some(cause.unwrap_or_else(|| reason.clone()));
        if let Some(segments) = entry.record.segments.as_mut() {
            segments.responsible = Some(at.segment);
        }
        if overtaken(leg, &mut entry, failures).await? {
            continue;
        }
        entry.record.intent = None;
        if let Some(upload) = entry.record.upload.take() {
            leg.abort(&Upload { key: leg.job.destination_key.clone(), id: upload.id }).await?;
        }
        entry.record.lease = None;
        leg.add_costs(&mut entry.record);
        leg.save(&mut entry).await?;
        return Ok(begins_again(reason));
    }
    Err(again_and_again())
}
