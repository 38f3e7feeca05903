//! Fills a segment, and marks it as done.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use crate::{
    copy::{
        attempt::{Backends, Copied, Leg, NotCopied, believe, marked, superseded},
        claim::{Change, HeldRecord, amend, list_parts, park_if_idle_for},
        multipart::{PartsInHand, copy_missing, fitting, of_an_earlier_leg, parts_in_hand},
        segment::{finish::finish, leave::leave},
    },
    ledger::{Filled, Lease, Ledger, SegmentRef, SegmentState, plan_of, standing},
    limits::Clock,
    planted::{self, Defect},
    store::Upload,
};

/// Copies what is missing of the segment, marks it, and completes the object if all are marked then.
pub(crate) async fn fill<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    at: &SegmentRef,
) -> Result<Copied, NotCopied> {
    let ended = try_fill(leg, entry, at).await.map_err(|ended| leg.ended_by_time(ended));
    match ended {
        Ok(filled) => {
            if let Some(filled) = filled {
                mark(leg, entry, at, filled).await?;
            }
            let is_full = entry.record.has_full_segments()
                || (planted::is(Defect::CountSegments) && standing(&entry.record, at) == SegmentState::Full);
            if is_full { Box::pin(finish(leg, entry, at)).await } else { Err(marked()) }
        }
        Err(ended) => {
            leave(leg, entry, at, &ended).await?;
            Err(ended)
        }
    }
}

async fn mark<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    at: &SegmentRef,
    filled: Filled,
) -> Result<(), NotCopied> {
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
async fn try_fill<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    at: &SegmentRef,
) -> Result<Option<Filled>, NotCopied> {
    let Some(begun_before) = begin(leg, entry, at).await? else { return Ok(None) };
    let Some(plan) = plan_of(&entry.record) else { return Err(superseded()) };
    let Some(segments) = entry.record.segments.as_ref() else { return Err(superseded()) };
    let numbers = segments.numbers(&plan, at.segment, at.segment);
    let upload = Upload { key: leg.job.destination_key.clone(), id: at.upload_id.clone() };
    let mut filling = PartsInHand { upload, plan, numbers, have: BTreeMap::new() };
    if begun_before {
        // A leg before this one may have died: what the destination holds counts.
        let listed = list_parts(leg, &filling.upload).await?;
        let ours = fitting(&filling.plan, listed).filter(|part| filling.numbers.contains(&part.number.get()));
        filling.have = ours.map(|part| (part.number, of_an_earlier_leg(part))).collect();
        let begun = entry.record.segments.as_ref().and_then(|segments| segments.begun(at.segment));
        believe(leg, begun.and_then(|begun| begun.proved.as_ref()), &mut filling.have);
        count_segment_progress(leg, entry, at, u32::try_from(filling.have.len()).unwrap_or(u32::MAX)).await?;
    }
    leg.parts.store(u32::try_from(filling.numbers.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
    leg.parts_resumed.store(u32::try_from(filling.have.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
    let pin = entry.record.source.pin.clone();
    copy_missing(leg, entry, &pin, &mut filling).await?;
    Ok(Some(filled(&filling)))
}

/// Takes the segment, with a lease and a leg counted. Whether others had begun it before; nothing if it is done.
async fn begin<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    at: &SegmentRef,
) -> Result<Option<bool>, NotCopied> {
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
        park_if_idle_for(leg, idle_legs)?;
    }
    Ok(before)
}

async fn count_segment_progress<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    at: &SegmentRef,
    parts: u32,
) -> Result<(), NotCopied> {
    let begun = entry.record.segments.as_ref().and_then(|segments| segments.begun(at.segment));
    if begun.is_none_or(|begun| parts <= begun.parts) {
        return park_if_idle_for(leg, leg.idle_legs.load(Ordering::Relaxed));
    }
    leg.idle_legs.store(1, Ordering::Relaxed);
    amend(leg, entry, at, |record| {
        let Some(begun) = record.begun_mut(at.segment) else { return Change::Nothing };
        (begun.parts, begun.idle_legs) = (parts, 1);
        Change::Save
    })
    .await
}

/// What is known of a segment whose parts are all there.
fn filled(filling: &PartsInHand) -> Filled {
    let parts = || filling.have.values().map(|part| &part.answer);
    let bytes = parts().map(|part| part.size).sum();
    Filled { bytes, crc64nvme: parts_in_hand::whole_crc(parts()), trusts: filling.trusts() }
}
