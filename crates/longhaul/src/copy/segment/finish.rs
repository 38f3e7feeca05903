//! The end of a giant's upload: completed when all segments are done, or dropped for a new beginning.

use std::sync::atomic::Ordering;

use crate::{
    copy::{
        attempt::{Backends, Copied, Leg, NotCopied, begins_again, pin_source, superseded},
        claim::{
            Change, HeldRecord, TRIES, abort, again_and_again, amend, load, overtaken, park_if_idle_for, remember_of,
            save, yield_to_others,
        },
        multipart::{copy_in_parts, lost_complete},
    },
    ledger::{Ledger, Reason, SegmentRef, SegmentState, State, UPLOAD_VANISHED, answers, plan_of, standing},
    limits::Clock,
    store::Upload,
};

/// Completes an upload whose segments are all done.
pub(crate) async fn finish<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    at: &SegmentRef,
) -> Result<Copied, NotCopied> {
    let ended = try_finish(leg, entry, at).await.map_err(|ended| leg.ended_by_time(ended));
    if !matches!(ended, Err(NotCopied::Restart(_))) {
        remember_of(leg, &ended, Some(at)).await?;
    }
    ended
}

async fn try_finish<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    at: &SegmentRef,
) -> Result<Copied, NotCopied> {
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
    park_if_idle_for(leg, entry.record.idle_legs)?;
    // Behind the save: whatever parks the object from here on, this segment answers for its message.
    let info = pin_source(leg).await?;
    if !info.pin().same_write(&entry.record.source.pin) {
        return Err(NotCopied::Restart(Reason::new("source-keeps-changing", "the source changed while it was copied")));
    }
    let Some(plan) = plan_of(&entry.record) else { return Err(superseded()) };
    // From here on the record is this leg's alone, as that of any other large object.
    entry.segment = None;
    let ended = Box::pin(copy_in_parts::fill_and_complete(leg, entry, &info, plan)).await;
    if matches!(&ended, Err(NotCopied::Restart(reason)) if reason.code == UPLOAD_VANISHED)
        && let Some(finished) = lost_complete::completed_by_others(leg, entry, &info).await?
    {
        return Ok(finished);
    }
    ended
}

/// Ends an upload that is of no more use: one conditional save, then the abort; then the object begins again by a message
/// of its own, for which this segment answers.
pub(crate) async fn end_upload<B: Backends>(
    leg: &Leg<'_, B>,
    at: &SegmentRef,
    reason: Reason,
) -> Result<NotCopied, NotCopied> {
    let Some(mut entry) = load(leg, at).await? else { return Ok(superseded()) };
    for failures in 0..TRIES {
        match standing(&entry.record, at) {
            SegmentState::Superseded | SegmentState::Parked(_) => return Ok(superseded()),
            SegmentState::Ended => return Ok(begins_again(reason)),
            // Whoever is at it answers for it with a message that is not acknowledged yet; unless it is another delivery of this one.
            SegmentState::Ending if !answers(&entry.record, at) && yield_to_others(leg, &entry.record).is_err() => {
                return Ok(superseded());
            }
            SegmentState::Open | SegmentState::Marked | SegmentState::Full | SegmentState::Ending => {}
        }
        yield_to_others(leg, &entry.record)?;
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
            abort(leg, &Upload { key: leg.job.destination_key.clone(), id: upload.id }).await?;
        }
        entry.record.lease = None;
        leg.add_costs(&mut entry.record);
        save(leg, &mut entry).await?;
        return Ok(begins_again(reason));
    }
    Err(again_and_again())
}
