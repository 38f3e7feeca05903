//! Takes over an upload of which nothing is recorded, by its content.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt};

use crate::{
    copy::{
        attempt::{Backends, DonePart, Leg, NotCopied, hash_range},
        claim::{HeldRecord, list_parts, save},
        multipart::{
            parts_in_hand::{PartsInHand, fitting},
            reread::reread,
        },
    },
    ledger::{Reason, RecordUpload},
    object::{ObjectInfo, PartNumber, PartPlan, PartSpec, Pin, Trust},
    store::{Destination, ErrorKind, UnfinishedUpload, UploadedPart},
};

/// How many foreign uploads of one key are read for adoption; each costs a read of the source.
const MAX_CANDIDATES: usize = 3;

/// Takes over an upload that nobody remembers, as far as its parts are the source's bytes. The most filled one is tried
/// first. The source is read for it, the destination's bytes are not sent again.
pub(crate) async fn adopt<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    info: &ObjectInfo,
    unfinished: Vec<UnfinishedUpload>,
) -> Result<Option<PartsInHand>, NotCopied> {
    let mut candidates = Vec::new();
    for found in unfinished.into_iter().filter(|found| found.adoptable) {
        match list_parts(leg, &found.upload).await {
            Ok(parts) if parts.is_empty() => {}
            Ok(parts) => candidates.push((found.upload, parts)),
            Err(NotCopied::Restart(_)) => {}
            Err(ended) => return Err(ended),
        }
    }
    candidates.sort_by_key(|(_, parts)| std::cmp::Reverse(parts.len()));
    for (upload, parts) in candidates.into_iter().take(MAX_CANDIDATES) {
        let Some(plan) = plan_of(info.size, &parts, leg.engine.destination.capabilities().min_part_size) else {
            continue;
        };
        let parts = match reread(leg, &upload, parts).await {
            Ok(parts) => parts,
            // Whoever began it has ended it.
            Err(NotCopied::Restart(_)) => continue,
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
        save(leg, entry).await?;
        return Ok(Some(PartsInHand { upload, plan, numbers: 1..=plan.count(), have }));
    }
    Ok(None)
}

/// The plan that a foreign upload's parts were cut by: all equal but the last.
fn plan_of(size: u64, parts: &[UploadedPart], smallest: u64) -> Option<PartPlan> {
    let part_size = parts.iter().map(|part| part.size).max()?;
    (part_size >= smallest.min(size)).then(|| PartPlan::with_part_size(size, part_size).ok()).flatten()
}

/// The parts whose content is that of the source, read again for it.
pub(crate) async fn verified<B: Backends>(
    leg: &Leg<'_, B>,
    pin: &Pin,
    plan: &PartPlan,
    listed: Vec<UploadedPart>,
) -> Result<BTreeMap<PartNumber, DonePart>, NotCopied> {
    let parts: Vec<_> = fitting(plan, listed).filter_map(|part| Some((plan.part(part.number)?, part))).collect();
    let checked = futures_util::stream::iter(parts)
        .map(|(spec, part)| async move { same_content(leg, pin, spec, part).await })
        .buffer_unordered(leg.engine.settings.concurrency.max(1));
    let same: Vec<Option<DonePart>> = checked.try_collect().await?;
    Ok(same.into_iter().flatten().map(|part| (part.answer.number, part)).collect())
}

async fn same_content<B: Backends>(
    leg: &Leg<'_, B>,
    pin: &Pin,
    spec: PartSpec,
    listed: UploadedPart,
) -> Result<Option<DonePart>, NotCopied> {
    let read = || async {
        if leg.engine.patience.stop.is_cancelled() {
            return Err(NotCopied::Interrupted);
        }
        let _permit = leg.engine.budget.acquire().await;
        match hash_range(leg, &leg.engine.source, &leg.job.source_key, pin, Some(spec.range)).await {
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => {
                Err(NotCopied::Restart(Reason::new("source-keeps-changing", error.to_string())))
            }
            read => Ok(read),
        }
    };
    let hasher = leg.engine.patience.unless_ended(read).await?;
    let crc = hasher.crc();
    let trust = match (listed.crc64nvme, hasher.md5()) {
        (Some(theirs), _) => (theirs == crc).then_some(Trust::Crc),
        (None, Some(md5)) => (listed.etag.as_md5() == Some(md5)).then_some(Trust::Md5),
        (None, None) => None,
    };
    let answer = UploadedPart { crc64nvme: Some(crc), ..listed };
    Ok(trust.map(|trust| DonePart { answer, trust }))
}
