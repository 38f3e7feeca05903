//! A large object: claim, plan, resume by proof, copy parts, complete, prove, record.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::atomic::Ordering};

use futures_util::{FutureExt, StreamExt};

use crate::{
    complete,
    copy::{Ended, Finished, Leg},
    engine::Settings,
    entry::{Entry, SOURCE_CHANGES},
    object::{ObjectInfo, Pin},
    part::{PartNumber, PartPlan, PartSpec, PlanError},
    ports::{Clock, Destination, Ledger, Source, Upload},
    record::{Reason, State},
    recover,
    report::Follow,
    resume,
    segments::SegmentRef,
    transfer::DonePart,
    trusts::Trusts,
};

/// The reason of a restart whose upload was aborted, or completed, by others.
pub(crate) const UPLOAD_VANISHED: &str = "upload-vanished";

/// The reason of a restart that keeps its upload: of the source file nothing is known to have changed but its ctime.
pub(crate) const SOURCE_TOUCHED: &str = "source-touched";

/// The upload of this leg and what it already holds.
pub(crate) struct Filling {
    pub upload: Upload,
    pub plan: PartPlan,
    /// The numbers of the parts to fill: all, or those of a segment.
    pub numbers: RangeInclusive<u16>,
    pub have: BTreeMap<PartNumber, DonePart>,
}

impl Filling {
    /// The parts that are still to be sent.
    fn missing(&self) -> Vec<PartSpec> {
        let missing =
            |part: &PartSpec| self.numbers.contains(&part.number.get()) && !self.have.contains_key(&part.number);
        self.plan.parts().filter(missing).collect()
    }

    /// What speaks for the parts that are there.
    pub(crate) fn trusts(&self) -> Trusts {
        Trusts::of(self.have.values().map(|part| part.trust))
    }
}

pub(crate) async fn copy<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    info: &ObjectInfo,
) -> Result<Finished, Ended> {
    let plan = plan(leg, info.size)?;
    let mut entry = leg.claim(info).await?;
    let mut ended = Box::pin(fill_and_complete(leg, &mut entry, info, plan)).await;
    if matches!(&ended, Err(Ended::Restart(reason)) if reason.code == UPLOAD_VANISHED)
        && let Some(finished) = recover::completed_by_others(leg, &mut entry, info).await?
    {
        ended = Ok(finished);
    }
    if let Err(Ended::Restart(reason)) = &ended {
        if reason.code == SOURCE_CHANGES && leg.was_only_touched(&info.pin()).await? {
            let words = "the ctime of the source file moved while it was copied: what was sent is compared with it";
            return Err(Ended::Restart(Reason::new(SOURCE_TOUCHED, words)));
        }
        leg.drop_generation(&mut entry).await?;
    }
    if let Err(Ended::Failed(error)) = &ended
        && !error.is_retryable()
        && leg.created.load(Ordering::Relaxed)
        && leg.bytes.load(Ordering::Relaxed) == 0
    {
        // Nothing has arrived and nothing will: an empty upload is not left behind.
        drop_empty_upload(leg, &mut entry).await;
    }
    ended
}

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    /// Whether the source is a file that looks as it was pinned but for its ctime.
    async fn was_only_touched(&self, pin: &Pin) -> Result<bool, Ended> {
        // No other source is asked.
        Ok(pin.is_of_file() && pin.is_touched(&self.pin().await?.pin()))
    }
}

async fn drop_empty_upload<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
) {
    if leg.drop_generation(entry).await.is_err() {
        tracing::warn!(key = %leg.job.destination_key, "an empty upload could not be aborted and is left behind");
    }
}

/// The plan for a new upload: the settings decide, within what both S3 and the destination take.
fn plan<S, D: Destination, L, C>(leg: &Leg<'_, S, D, L, C>, size: u64) -> Result<PartPlan, Ended> {
    let wanted = part_size(&leg.engine.settings, leg.engine.destination.capabilities().min_part_size);
    PartPlan::choose(size, wanted).map_err(|error| match error {
        PlanError::TooLarge(_) => Ended::Parked(Reason::new("too-large", error.to_string())),
        PlanError::Empty | PlanError::PartSize { .. } => Ended::Parked(Reason::new("no-plan", error.to_string())),
    })
}

fn part_size(settings: &Settings, smallest: u64) -> u64 {
    settings.part_size.max(smallest)
}

/// Leaves an upload to the messages of its segments, unless all of them are done.
async fn hand_over<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    size: u64,
) -> Result<(), Ended> {
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
        leg.save(entry).await?;
    }
    let words = format!("{} segments of the object are copied by messages of their own", open.len());
    Err(Ended::Continues(Some(Follow::Segments(open)), Reason::new("cut-into-segments", words)))
}

pub(crate) async fn fill_and_complete<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    info: &ObjectInfo,
    plan: PartPlan,
) -> Result<Finished, Ended> {
    if entry.record.state == State::Completing
        && let Some(finished) = recover::recover(leg, entry, info).await?
    {
        return Ok(finished);
    }
    hand_over(leg, entry, info.size).await?;
    let mut filling = Box::pin(resume::find_or_create(leg, entry, info, plan)).await?;
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

/// Copies the parts that the destination does not hold. The budget of the process bounds how many are in flight.
pub(crate) async fn copy_missing<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    pin: &Pin,
    filling: &mut Filling,
) -> Result<(), Ended> {
    let todo = filling.missing();
    let upload = &filling.upload;
    let (parts, key) = (filling.plan.count(), &leg.job.source_key);
    // A leg that brought nothing across may have asked for too much at once.
    let halvings = leg.idle_legs.load(Ordering::Relaxed).saturating_sub(1).min(usize::BITS - 1);
    // Ends these parts without ending the process.
    let stop = leg.engine.patience.stop.child_token();
    let mut running = futures_util::stream::iter(todo)
        .map(|part| leg.copy_part(pin, upload, part, &stop).boxed())
        .buffer_unordered((leg.engine.settings.concurrency >> halvings).max(1));
    let mut first_end = None;
    while let Some(ended) = running.next().await {
        match ended {
            Ok(part) => {
                leg.parts_copied.fetch_add(1, Ordering::Relaxed);
                let (part_number, size_bytes) = (part.answer.number.get(), part.answer.size);
                tracing::debug!(event = "part", %key, part = part_number, parts, size_bytes, "part copied");
                filling.have.insert(part.answer.number, part);
                leg.renew_lease(entry).await?;
            }
            // The upload or the pin is of no more use, so neither are the parts in flight.
            Err(Ended::Restart(reason)) => return Err(Ended::Restart(reason)),
            Err(end) => {
                // Parts in flight may still arrive and be of use; no new one starts.
                stop.cancel();
                if matches!(first_end, None | Some(Ended::Interrupted)) {
                    first_end = Some(end);
                }
            }
        }
    }
    first_end.map_or(Ok(()), Err)
}
