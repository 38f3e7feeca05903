//! One segment of a giant: fill it, mark it, and complete the object if it was the last.
//!
//! A segment's message never creates or revives an upload. Every crash leaves somebody who goes on: a segment's message is
//! acknowledged only when its segment is marked, and whoever finds all segments marked completes, whether its own mark
//! changed anything or not. An upload that is of no more use is ended by one conditional save; the segment that made it is
//! responsible for the message that begins the object again.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use crate::{
    amend::{Change, amend, superseded},
    complete,
    copy::{CopyJob, Ended, Finished, Leg},
    engine::Engine,
    entry::{Entry, RENEW_BEFORE_MS},
    error::LedgerError,
    multipart::{Filling, UPLOAD_VANISHED, copy_missing},
    planted::{self, Defect},
    ports::{Clock, Destination, Ledger, Source, Upload},
    record::{Lease, Reason},
    report::{Follow, ObjectReport},
    resume::{fitting, of_an_earlier_leg},
    rules::NO_ROUTE,
    segment_end::{end_upload, finish},
    segment_leave::{leave, park},
    segments::{Filled, SegmentRef},
    standing::{Standing, plan_of, standing},
};

/// Whether a message was delivered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It was not: it is new, or somebody has sent it again.
    First,
    /// It was.
    Again,
}

/// Fills one segment. The report's outcome is *continues* when others are still to be filled, and *copied* when this one was
/// the last.
pub async fn copy_segment<S, D, L, C>(
    engine: &Engine<S, D, L, C>,
    job: &CopyJob,
    at: &SegmentRef,
    delivered: Delivered,
) -> ObjectReport
where
    S: Source,
    D: Destination,
    L: Ledger,
    C: Clock,
{
    let leg = Leg::new(engine, job);
    let began = engine.patience.clock.elapsed();
    let ended = run(&leg, at, delivered).await;
    let report = leg.report(ended, engine.patience.clock.elapsed().saturating_sub(began).as_secs_f64());
    engine.observer.object_finished(&report);
    report
}

/// Notes that the messages of all open segments were sent, so that others need not send them again.
pub async fn note_sent<S, D, L, C>(
    engine: &Engine<S, D, L, C>,
    job: &CopyJob,
    at: &SegmentRef,
) -> Result<(), LedgerError>
where
    S: Source,
    D: Destination,
    L: Ledger,
    C: Clock,
{
    let leg = Leg::new(engine, job);
    let now = engine.patience.clock.now();
    let Some(mut entry) = load(&leg, at).await? else { return Ok(()) };
    let noted = amend(&leg, &mut entry, at, |record| {
        let full = record.has_full_segments();
        let Some(segments) = record.segments.as_mut().filter(|_| !full) else { return Change::Nothing };
        segments.sent = Some(now);
        Change::Save
    });
    match noted.await {
        Err(Ended::Ledger(error)) => Err(error),
        // Whoever ended the upload meanwhile needs no note.
        _ => Ok(()),
    }
}

/// Records that the object is parked, since the queue gives up on the message of this segment.
pub(crate) async fn give_up<S: Source, D: Destination, L: Ledger, C: Clock>(
    engine: &Engine<S, D, L, C>,
    job: &CopyJob,
    at: &SegmentRef,
    reason: &Reason,
) -> Result<(), LedgerError> {
    let leg = Leg::new(engine, job);
    let Some(mut entry) = load(&leg, at).await? else { return Ok(()) };
    match park(&leg, &mut entry, at, reason).await {
        Err(Ended::Ledger(error)) => Err(error),
        _ => Ok(()),
    }
}

pub(crate) async fn load<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    at: &SegmentRef,
) -> Result<Option<Entry>, LedgerError> {
    let loaded = leg.engine.ledger.load(&leg.record_key()).await?;
    Ok(loaded.map(|(record, token)| Entry { record, token: Some(token), found: true, segment: Some(at.clone()) }))
}

async fn run<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    at: &SegmentRef,
    delivered: Delivered,
) -> Result<Finished, Ended> {
    if leg.engine.patience.stop.is_cancelled() || !leg.engine.has_time_for_a_body() {
        return Err(Ended::Interrupted);
    }
    let Some(mut entry) = load(leg, at).await? else { return Err(superseded()) };
    let ended = match standing(&entry.record, at) {
        Standing::Superseded => Err(superseded()),
        // A message that is late meets the record of the source that has the place now; only one of this very upload is forged.
        _ if !is_of_recorded_source(leg, &entry) => Err(another_source()),
        // The one that parked the object was parked itself, and is sent back to work.
        Standing::Parked(reason) if delivered == Delivered::First => Err(begins_again(reason)),
        Standing::Parked(reason) => Err(Ended::Parked(reason)),
        Standing::Ended => Err(begins_again(Reason::new("begins-again", "its message may not have been sent"))),
        Standing::Ending => Err(Ended::Restart(Reason::new("begins-again", "another segment ended the upload"))),
        Standing::Marked => Err(marked()),
        Standing::Full if planted::is(Defect::LastMarkerOnly) => Err(marked()),
        Standing::Full => Box::pin(finish(leg, &mut entry, at)).await,
        Standing::Open => Box::pin(fill(leg, &mut entry, at)).await,
    };
    match ended {
        Err(Ended::Restart(reason)) => Box::pin(restart(leg, at, reason)).await,
        Err(Ended::Skipped(reason)) if leg.bytes.load(Ordering::Relaxed) > 0 => {
            abort_late_parts(leg, at).await?;
            Err(Ended::Skipped(reason))
        }
        ended => ended,
    }
}

/// The record's upload is filled from the record's source, and by no message that names another.
fn is_of_recorded_source<S: Source, D, L, C>(leg: &Leg<'_, S, D, L, C>, entry: &Entry) -> bool {
    let (recorded, named) = (&entry.record.source, leg.engine.source.location());
    // Not the whole place: the workers of one upload may reach its store by different addresses.
    recorded.key == leg.job.source_key && recorded.location.bucket == named.bucket
}

fn another_source() -> Ended {
    let words = "the upload of this segment is that of another source object than the message names";
    Ended::Parked(Reason::new(NO_ROUTE, words))
}

/// Parts that were in flight while others aborted their upload may have arrived behind the abort.
async fn abort_late_parts<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    at: &SegmentRef,
) -> Result<(), Ended> {
    let there = load(leg, at).await?;
    let is_kept = there.is_some_and(|there| there.record.upload.is_some_and(|upload| upload.id == at.upload_id));
    if is_kept {
        return Ok(());
    }
    leg.abort(&Upload { key: leg.job.destination_key.clone(), id: at.upload_id.clone() }).await
}

/// What ends the upload; unless it vanished because others have completed it.
async fn restart<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    at: &SegmentRef,
    mut reason: Reason,
) -> Result<Finished, Ended> {
    if reason.code == UPLOAD_VANISHED
        && let Some(mut entry) = load(leg, at).await?
        && standing(&entry.record, at) == Standing::Full
    {
        match finish(leg, &mut entry, at).await {
            Err(Ended::Restart(why)) => reason = why,
            ended => return ended,
        }
    }
    Err(end_upload(leg, at, reason).await?)
}

fn marked() -> Ended {
    Ended::Continues(None, Reason::new("segment-done", "the segment is filled, and others are not yet"))
}

pub(crate) fn begins_again(reason: Reason) -> Ended {
    Ended::Continues(Some(Follow::Object), reason)
}

/// Copies what is missing of the segment, marks it, and completes the object if all are marked then.
async fn fill<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    at: &SegmentRef,
) -> Result<Finished, Ended> {
    let ended = try_fill(leg, entry, at).await.map_err(|ended| leg.ended_by_time(ended));
    match ended {
        Ok(filled) => {
            if let Some(filled) = filled {
                mark(leg, entry, at, filled).await?;
            }
            let is_full = entry.record.has_full_segments()
                || (planted::is(Defect::CountSegments) && standing(&entry.record, at) == Standing::Full);
            if is_full { Box::pin(finish(leg, entry, at)).await } else { Err(marked()) }
        }
        Err(ended) => {
            leave(leg, entry, at, &ended).await?;
            Err(ended)
        }
    }
}

async fn mark<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    at: &SegmentRef,
    filled: Filled,
) -> Result<(), Ended> {
    amend(leg, entry, at, |record| {
        leg.add_costs(record);
        let Some(segments) = record.segments.as_mut() else { return Change::Nothing };
        if segments.is_done(at.segment) && !planted::is(Defect::CountSegments) {
            return Change::Nothing;
        }
        segments.mark(at.segment, filled);
        Change::Save
    })
    .await?;
    leg.costs_are_booked();
    Ok(())
}

/// The parts that the destination did not hold are sent. Nothing, if another delivery has filled the segment meanwhile.
async fn try_fill<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    at: &SegmentRef,
) -> Result<Option<Filled>, Ended> {
    let Some(begun_before) = begin(leg, entry, at).await? else { return Ok(None) };
    let Some(plan) = plan_of(&entry.record) else { return Err(superseded()) };
    let Some(segments) = entry.record.segments.as_ref() else { return Err(superseded()) };
    let numbers = segments.numbers(&plan, at.segment, at.segment);
    let upload = Upload { key: leg.job.destination_key.clone(), id: at.upload_id.clone() };
    let mut filling = Filling { upload, plan, numbers, have: BTreeMap::new() };
    if begun_before {
        // A leg before this one may have died: what the destination holds counts.
        let listed = leg.list_parts(&filling.upload).await?;
        let ours = fitting(&filling.plan, listed).filter(|part| filling.numbers.contains(&part.number.get()));
        filling.have = ours.map(|part| (part.number, of_an_earlier_leg(part))).collect();
        let begun = entry.record.segments.as_ref().and_then(|segments| segments.begun(at.segment));
        leg.believe(begun.and_then(|begun| begun.proved.as_ref()), &mut filling.have);
        count_progress(leg, entry, at, u32::try_from(filling.have.len()).unwrap_or(u32::MAX)).await?;
    }
    leg.parts.store(u32::try_from(filling.numbers.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
    leg.parts_resumed.store(u32::try_from(filling.have.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
    let pin = entry.record.source.pin.clone();
    copy_missing(leg, entry, &pin, &mut filling).await?;
    Ok(Some(filled(&filling)))
}

/// Takes the segment, with a lease and a leg counted. Whether others had begun it before; nothing if it is done.
async fn begin<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    at: &SegmentRef,
) -> Result<Option<bool>, Ended> {
    let now = leg.engine.patience.clock.now();
    let mine = leg.engine.ledger.new_lease(now);
    let is_held = |lease: &Lease| lease.owner != mine.owner && leg.engine.ledger.is_held(lease, now);
    let mut before = Some(false);
    amend(leg, entry, at, |record| {
        let Some(segments) = record.segments.as_mut() else { return Change::Nothing };
        if segments.is_done(at.segment) && !planted::is(Defect::CountSegments) {
            before = None;
            return Change::Nothing;
        }
        let begun = segments.begun(at.segment);
        if let Some(lease) = begun.and_then(|begun| begun.lease.as_ref()).filter(|lease| is_held(lease)) {
            return Change::Busy(lease.clone());
        }
        before = Some(begun.is_some());
        segments.begin(at.segment, mine.clone());
        Change::Save
    })
    .await?;
    let begun = entry.record.segments.as_ref().and_then(|segments| segments.begun(at.segment));
    let idle_legs = begun.map_or(0, |begun| begun.idle_legs);
    leg.idle_legs.store(idle_legs, Ordering::Relaxed);
    if before == Some(false) {
        leg.first_of_segment.store(true, Ordering::Relaxed);
        leg.park_if_idle_for(idle_legs)?;
    }
    Ok(before)
}

async fn count_progress<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    at: &SegmentRef,
    parts: u32,
) -> Result<(), Ended> {
    let begun = entry.record.segments.as_ref().and_then(|segments| segments.begun(at.segment));
    if begun.is_none_or(|begun| parts <= begun.parts) {
        return leg.park_if_idle_for(leg.idle_legs.load(Ordering::Relaxed));
    }
    leg.idle_legs.store(1, Ordering::Relaxed);
    amend(leg, entry, at, |record| {
        let Some(begun) = record.begun_mut(at.segment) else {
            return Change::Nothing;
        };
        (begun.parts, begun.idle_legs) = (parts, 1);
        Change::Save
    })
    .await
}

/// What is known of a segment whose parts are all there.
fn filled(filling: &Filling) -> Filled {
    let parts = || filling.have.values().map(|part| &part.answer);
    let bytes = parts().map(|part| part.size).sum();
    Filled { bytes, crc64nvme: complete::whole_crc(parts()), trusts: filling.trusts() }
}

/// Renews the lease of a segment that is about to end while the leg goes on.
pub(crate) async fn renew_lease<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    at: &SegmentRef,
) -> Result<(), Ended> {
    let now = leg.engine.patience.clock.now();
    let begun = entry.record.segments.as_ref().and_then(|segments| segments.begun(at.segment));
    let Some(until) = begun.and_then(|begun| begun.lease.as_ref()?.until) else { return Ok(()) };
    let next = leg.engine.ledger.new_lease(now);
    // The second: it ends with the leg.
    if until.0 - now.0 > RENEW_BEFORE_MS || next.until.is_none_or(|next| next.0 - until.0 < RENEW_BEFORE_MS) {
        return Ok(());
    }
    amend(leg, entry, at, |record| {
        let Some(begun) = record.begun_mut(at.segment) else {
            return Change::Nothing;
        };
        begun.lease = Some(next.clone());
        Change::Save
    })
    .await
}
