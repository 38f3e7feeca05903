//! Finds the upload to fill, by proof: what the destination lists counts, and only where it fits the plan.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use futures_util::{StreamExt, TryStreamExt};

use crate::{
    complete::whole_crc,
    copy::{Ended, Leg},
    entry::Entry,
    error::{ErrorKind, LedgerError, StoreError},
    multipart::{Filling, UPLOAD_VANISHED},
    object::{ObjectInfo, Pin, Timestamp},
    part::{PartNumber, PartPlan, PartSpec},
    planted::{self, Defect},
    ports::{Clock, Destination, Ledger, NewObject, Source, UnfinishedUpload, Upload, UploadFilter, UploadedPart},
    record::{Reason, RecordUpload, State},
    segments::Segments,
    transfer::DonePart,
    trusts::Trust,
};

/// How far the clocks of this machine and of a store may differ: SigV4 refuses requests beyond 15 minutes.
const CLOCK_SKEW_MS: i64 = 15 * 60 * 1000;
/// How many foreign uploads of one key are read for adoption; each costs a read of the source.
const MAX_CANDIDATES: usize = 3;

/// The upload of the record, an adopted one, or a new one.
pub(crate) async fn find_or_create<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    info: &ObjectInfo,
    plan: PartPlan,
) -> Result<Filling, Ended> {
    leg.forget_compared();
    if let Some(upload) = entry.record.upload.clone().filter(|_| !planted::is(Defect::NewUploadEachLeg)) {
        return resume(leg, entry, &upload, info).await;
    }
    let unfinished = list_unfinished(leg).await?;
    match entry.record.intent {
        // A crash fell between Create and the save of its answer.
        Some(intent) => abort_own(leg, entry, &unfinished, intent).await?,
        // To read a giant again for the sake of its parts would take longer than a leg.
        None if !entry.found && leg.adopt.load(Ordering::Relaxed) && !is_giant(leg, info) => {
            if let Some(filling) = adopt(leg, entry, info, unfinished).await? {
                return Ok(filling);
            }
        }
        None => {}
    }
    create(leg, entry, info, plan).await
}

async fn resume<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    recorded: &RecordUpload,
    info: &ObjectInfo,
) -> Result<Filling, Ended> {
    let upload = Upload { key: leg.job.destination_key.clone(), id: recorded.id.clone() };
    let plan = PartPlan::with_part_size(info.size, recorded.part_size)
        .map_err(|error| Ended::Restart(Reason::new("plan-does-not-fit", error.to_string())))?;
    let listed = leg.reread(&upload, leg.list_parts(&upload).await?).await?;
    let mut have: BTreeMap<_, _> = if recorded.doubted {
        verified(leg, &info.pin(), &plan, listed).await?
    } else {
        fitting(&plan, listed).map(|part| (part.number, of_an_earlier_leg(part))).collect()
    };
    if planted::is(Defect::ForgetParts) {
        have.clear();
    }
    leg.believe(entry.record.proved.as_ref(), &mut have);
    if let Some(segments) = &entry.record.segments {
        trust_segments(segments, &plan, &mut have)?;
    }
    leg.count_progress(entry, u32::try_from(have.len()).unwrap_or(u32::MAX)).await?;
    Ok(Filling { upload, plan, numbers: 1..=plan.count(), have })
}

fn is_giant<S, D, L, C>(leg: &Leg<'_, S, D, L, C>, info: &ObjectInfo) -> bool {
    leg.engine.settings.segment_size.is_some_and(|segment| info.size > segment)
}

pub(crate) fn of_an_earlier_leg(answer: UploadedPart) -> DonePart {
    DonePart { answer, trust: Trust::EarlierLeg }
}

/// What the workers of the segments knew of their parts' bytes holds for the listed ones, if these are the same bytes.
fn trust_segments(
    segments: &Segments,
    plan: &PartPlan,
    have: &mut BTreeMap<PartNumber, DonePart>,
) -> Result<(), Ended> {
    for run in segments.done() {
        let numbers = segments.numbers(plan, run.first, run.last);
        let mut listed: Vec<&mut DonePart> =
            have.iter_mut().filter(|(number, _)| numbers.contains(&number.get())).map(|(_, part)| part).collect();
        if listed.len() < numbers.len() {
            // A part is missing. It is sent again, and nothing more is known of the others than their sizes.
            continue;
        }
        let parts = listed.iter().map(|part| &part.answer);
        if let (Some(known), Some(theirs)) = (run.filled.crc64nvme, whole_crc(parts))
            && known != theirs
        {
            let words =
                format!("the destination holds other bytes in segments {} to {} than were sent", run.first, run.last);
            return Err(Ended::Restart(Reason::new("corrupt", words)));
        }
        let trusts = run.filled.trusts;
        let all = [(Trust::Crc, trusts.crc), (Trust::Md5, trusts.md5), (Trust::Size, trusts.size)];
        let each = all.into_iter().flat_map(|(trust, count)| std::iter::repeat_n(trust, count as usize));
        listed.iter_mut().zip(each).for_each(|(part, trust)| part.trust = trust);
    }
    Ok(())
}

/// A listed part counts only if its size is the plan's.
pub(crate) fn fitting(plan: &PartPlan, listed: Vec<UploadedPart>) -> impl Iterator<Item = UploadedPart> {
    let any_size = planted::is(Defect::TrustNumbersNotSizes);
    listed
        .into_iter()
        .filter(move |part| plan.part(part.number).is_some_and(|spec| any_size || spec.range.len() == part.size))
}

/// The uploads of exactly this key. A store that cannot list them has none that could be found; and `rclone serve s3` says
/// "no such upload" of a bucket that has none.
async fn list_unfinished<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
) -> Result<Vec<UnfinishedUpload>, Ended> {
    let key = &leg.job.destination_key;
    let listed = leg
        .call(leg.at_destination("ListMultipartUploads"), || {
            leg.engine.destination.list_multipart_uploads(UploadFilter::Key(key.clone())).try_concat()
        })
        .await;
    match listed {
        // The listing matches by prefix, so `a` also returns uploads for `a.bak`.
        Ok(uploads) => Ok(uploads.into_iter().filter(|found| found.upload.key == *key).collect()),
        Err(error) if error.kind() == ErrorKind::NoSuchUpload => Ok(Vec::new()),
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::AccessDenied) => {
            tracing::debug!(%error, "unfinished uploads cannot be listed here");
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}

/// Aborts what was begun since the intent was saved and has no name in the ledger.
pub(crate) async fn abort_unnamed<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &Entry,
    intent: Timestamp,
) -> Result<(), Ended> {
    abort_own(leg, entry, &list_unfinished(leg).await?, intent).await
}

/// Aborts the uploads of this key that a crash orphaned: begun since the intent was saved, and empty, since no part is ever
/// sent before the id is saved. Whoever takes the record over saves it before it creates: so what was listed while the record was
/// still this one is nobody else's.
async fn abort_own<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &Entry,
    unfinished: &[UnfinishedUpload],
    intent: Timestamp,
) -> Result<(), Ended> {
    for found in unfinished.iter().filter(|found| found.initiated.0 >= intent.0 - CLOCK_SKEW_MS) {
        match leg.list_parts(&found.upload).await {
            Ok(parts) if parts.is_empty() => {
                leg.still_as_saved(entry).await?;
                leg.abort(&found.upload).await?;
            }
            Ok(_) | Err(Ended::Restart(_)) => {}
            Err(ended) => return Err(ended),
        }
    }
    Ok(())
}

/// Takes over an upload that nobody remembers, as far as its parts are the source's bytes. The most filled one is tried
/// first. The source is read for it, the destination's bytes are not sent again.
async fn adopt<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    info: &ObjectInfo,
    unfinished: Vec<UnfinishedUpload>,
) -> Result<Option<Filling>, Ended> {
    let mut candidates = Vec::new();
    for found in unfinished.into_iter().filter(|found| found.adoptable) {
        match leg.list_parts(&found.upload).await {
            Ok(parts) if parts.is_empty() => {}
            Ok(parts) => candidates.push((found.upload, parts)),
            Err(Ended::Restart(_)) => {}
            Err(ended) => return Err(ended),
        }
    }
    candidates.sort_by_key(|(_, parts)| std::cmp::Reverse(parts.len()));
    for (upload, parts) in candidates.into_iter().take(MAX_CANDIDATES) {
        let Some(plan) = plan_of(info.size, &parts, leg.engine.destination.capabilities().min_part_size) else {
            continue;
        };
        let parts = match leg.reread(&upload, parts).await {
            Ok(parts) => parts,
            // Whoever began it has ended it.
            Err(Ended::Restart(_)) => continue,
            Err(ended) => return Err(ended),
        };
        let have = verified(leg, &info.pin(), &plan, parts).await?;
        if have.is_empty() {
            continue;
        }
        tracing::info!(key = %leg.job.destination_key, parts = have.len(), "an unfinished upload was adopted by content");
        let recorded =
            RecordUpload { id: upload.id.clone(), part_size: plan.part_size(), adopted: true, doubted: false };
        entry.record.upload = Some(recorded);
        leg.save(entry).await?;
        return Ok(Some(Filling { upload, plan, numbers: 1..=plan.count(), have }));
    }
    Ok(None)
}

/// The plan that a foreign upload's parts were cut by: all equal but the last.
fn plan_of(size: u64, parts: &[UploadedPart], smallest: u64) -> Option<PartPlan> {
    let part_size = parts.iter().map(|part| part.size).max()?;
    (part_size >= smallest.min(size)).then(|| PartPlan::with_part_size(size, part_size).ok()).flatten()
}

/// The parts whose content is that of the source, read again for it.
async fn verified<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    pin: &Pin,
    plan: &PartPlan,
    listed: Vec<UploadedPart>,
) -> Result<BTreeMap<PartNumber, DonePart>, Ended> {
    let parts: Vec<_> = fitting(plan, listed).filter_map(|part| Some((plan.part(part.number)?, part))).collect();
    let checked = futures_util::stream::iter(parts)
        .map(|(spec, part)| async move { same_content(leg, pin, spec, part).await })
        .buffer_unordered(leg.engine.settings.concurrency.max(1));
    let same: Vec<Option<DonePart>> = checked.try_collect().await?;
    Ok(same.into_iter().flatten().map(|part| (part.answer.number, part)).collect())
}

async fn same_content<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    pin: &Pin,
    spec: PartSpec,
    listed: UploadedPart,
) -> Result<Option<DonePart>, Ended> {
    let mut failures = 0;
    let hasher = loop {
        if leg.engine.patience.stop.is_cancelled() {
            return Err(Ended::Interrupted);
        }
        let permit = leg.engine.budget.acquire().await;
        let read = leg.hash_range(&leg.engine.source, &leg.job.source_key, pin, Some(spec.range)).await;
        drop(permit);
        match read {
            Ok(hasher) => break hasher,
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => return Err(changed(&error)),
            Err(error) => leg.engine.patience.pause_after(error, failures).await?,
        }
        failures += 1;
    };
    let crc = hasher.crc();
    let trust = match (listed.crc64nvme, hasher.md5()) {
        (Some(theirs), _) => (theirs == crc).then_some(Trust::Crc),
        (None, Some(md5)) => (listed.etag.as_md5() == Some(md5)).then_some(Trust::Md5),
        (None, None) => None,
    };
    let answer = UploadedPart { crc64nvme: Some(crc), ..listed };
    Ok(trust.map(|trust| DonePart { answer, trust }))
}

fn changed(error: &StoreError) -> Ended {
    Ended::Restart(Reason::new("source-keeps-changing", error.to_string()))
}

/// Saves the intent, creates, saves the id: a crash at any point leaves a trace that the next leg can follow.
async fn create<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    info: &ObjectInfo,
    plan: PartPlan,
) -> Result<Filling, Ended> {
    let intent = leg.engine.patience.clock.now();
    entry.record.state = State::Copying;
    entry.record.intent = Some(intent);
    leg.save(entry).await?;
    let headers = leg.headers_of_copy(info);
    let object = NewObject {
        key: &leg.job.destination_key,
        headers: &headers,
        storage_class: leg.engine.settings.storage_class.as_deref(),
        modified: info.modified,
    };
    let mut failures = 0;
    let upload = loop {
        let asked = leg.at_destination("CreateMultipartUpload");
        let created = leg.engine.destination.create_multipart_upload(&object);
        match leg.once(asked, leg.engine.patience.timeout, created).await {
            Ok(upload) => break upload,
            Err(error) => {
                let may_have_happened = error.effect() == crate::error::Effect::MayHaveHappened;
                leg.engine.patience.pause_after(error, failures).await?;
                if may_have_happened {
                    abort_own(leg, entry, &list_unfinished(leg).await?, intent).await?;
                }
            }
        }
        failures += 1;
    };
    entry.record.upload =
        Some(RecordUpload { id: upload.id.clone(), part_size: plan.part_size(), adopted: false, doubted: false });
    if let Some(size) = leg.engine.settings.segment_size.filter(|_| is_giant(leg, info)) {
        entry.record.segments = Some(Segments::cut(&plan, size));
        // Whoever fills the last segment completes, and need not wait for this leg.
        entry.record.lease = None;
    }
    leg.created.store(true, Ordering::Relaxed);
    if let Err(ended) = leg.save(entry).await {
        // Without its id in the ledger nobody would find the upload again; but if it is there, others may be at it already. If the
        // ledger cannot be asked, the next leg looks for it by the intent.
        if is_recorded(leg, &upload).await.is_ok_and(|is_recorded| !is_recorded) {
            leg.abort(&upload).await?;
        }
        return Err(ended);
    }
    Ok(Filling { upload, plan, numbers: 1..=plan.count(), have: BTreeMap::new() })
}

async fn is_recorded<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    upload: &Upload,
) -> Result<bool, LedgerError> {
    let there = leg.engine.ledger.load(&leg.record_key()).await?;
    Ok(there.is_some_and(|(record, _)| record.upload.is_some_and(|recorded| recorded.id == upload.id)))
}

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    /// All parts of an upload; an unknown upload means a new beginning.
    pub(crate) async fn list_parts(&self, upload: &Upload) -> Result<Vec<UploadedPart>, Ended> {
        let destination = &self.engine.destination;
        match self.call(self.at_destination("ListParts"), || destination.list_parts(upload)).await {
            Ok(parts) => Ok(parts),
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => {
                Err(Ended::Restart(Reason::new(UPLOAD_VANISHED, error.to_string())))
            }
            Err(error) => Err(error.into()),
        }
    }
}
