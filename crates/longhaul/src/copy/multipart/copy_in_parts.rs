//! A large object: claim, plan, resume by proof, copy parts, complete, prove, record.

use std::sync::atomic::Ordering;

use crate::{
    copy::{
        attempt::{Backends, Copied, Follow, Leg, NotCopied, pin_source},
        claim::{HeldRecord, claim, drop_generation, save},
        multipart::{complete, copy_part::copy_missing, find_upload, lost_complete, parts_in_hand::plan},
    },
    ledger::{Reason, SOURCE_CHANGES, SOURCE_TOUCHED, SegmentRef, State, UPLOAD_VANISHED},
    object::{ObjectInfo, PartPlan, Pin},
};

pub(crate) async fn copy<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo) -> Result<Copied, NotCopied> {
    let plan = plan(leg, info.size)?;
    let mut entry = claim(leg, info).await?;
    let mut ended = Box::pin(fill_and_complete(leg, &mut entry, info, plan)).await;
    if matches!(&ended, Err(NotCopied::Restart(reason)) if reason.code == UPLOAD_VANISHED)
        && let Some(finished) = lost_complete::completed_by_others(leg, &mut entry, info).await?
    {
        ended = Ok(finished);
    }
    if let Err(NotCopied::Restart(reason)) = &ended {
        if reason.code == SOURCE_CHANGES && was_only_touched(leg, &info.pin()).await? {
            let words = "the ctime of the source file moved while it was copied: what was sent is compared with it";
            return Err(NotCopied::Restart(Reason::new(SOURCE_TOUCHED, words)));
        }
        drop_generation(leg, &mut entry).await?;
    }
    if let Err(NotCopied::Failed(error)) = &ended
        && !error.is_retryable()
        && leg.created.load(Ordering::Relaxed)
        && leg.bytes.load(Ordering::Relaxed) == 0
    {
        // Nothing has arrived and nothing will: an empty upload is not left behind.
        drop_empty_upload(leg, &mut entry).await;
    }
    ended
}

/// Whether the source is a file that looks as it was pinned but for its ctime.
pub(crate) async fn was_only_touched<B: Backends>(leg: &Leg<'_, B>, pin: &Pin) -> Result<bool, NotCopied> {
    // No other source is asked.
    Ok(pin.is_of_file() && pin.is_touched(&pin_source(leg).await?.pin()))
}

async fn drop_empty_upload<B: Backends>(leg: &Leg<'_, B>, entry: &mut HeldRecord) {
    if drop_generation(leg, entry).await.is_err() {
        tracing::warn!(key = %leg.job.destination_key, "an empty upload could not be aborted and is left behind");
    }
}

/// Leaves an upload to the messages of its segments, unless all of them are done.
async fn hand_over<B: Backends>(leg: &Leg<'_, B>, entry: &mut HeldRecord, size: u64) -> Result<(), NotCopied> {
    let record = &mut entry.record;
    let (Some(upload), Some(segments)) = (&record.upload, &record.segments) else { return Ok(()) };
    let Ok(plan) = PartPlan::with_part_size(size, upload.part_size) else { return Ok(()) };
    if leg.engine.settings.segment_size.is_none() {
        // Nobody is there to fill them but this process.
        record.segments = None;
        return Ok(());
    }
    let at = |segment| SegmentRef { generation: record.generation, upload_id: upload.id.clone(), segment };
    let open: Vec<SegmentRef> = segments.open(&plan).into_iter().map(at).collect();
    if open.is_empty() {
        return Ok(());
    }
    leg.parts.store(plan.count().into(), Ordering::Relaxed);
    if record.lease.take().is_some() {
        save(leg, entry).await?;
    }
    let words = format!("{} segments of the object are copied by messages of their own", open.len());
    Err(NotCopied::Continues(Some(Follow::Segments(open)), Reason::new("cut-into-segments", words)))
}

pub(crate) async fn fill_and_complete<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    info: &ObjectInfo,
    plan: PartPlan,
) -> Result<Copied, NotCopied> {
    if entry.record.state == State::Completing
        && let Some(finished) = lost_complete::recover(leg, entry, info).await?
    {
        return Ok(finished);
    }
    hand_over(leg, entry, info.size).await?;
    let mut filling = Box::pin(find_upload::find_or_create(leg, entry, info, plan)).await?;
    hand_over(leg, entry, info.size).await?;
    let already: u64 = filling.have.values().map(|part| part.answer.size).sum();
    leg.parts.store(filling.plan.count().into(), Ordering::Relaxed);
    leg.parts_resumed.store(u32::try_from(filling.have.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
    leg.engine.observer.object_started(&leg.job.source_key, info.size, already);
    if already > 0 {
        let (parts, of) = (filling.have.len(), filling.plan.count());
        tracing::info!(key = %leg.job.source_key, parts, of, size_bytes = already, "multipart upload resumed");
    }
    copy_missing(leg, entry, &info.pin(), &mut filling).await?;
    Box::pin(complete::settle(leg, entry, info, &mut filling)).await
}
