//! Finds the upload to fill, by proof: what the destination lists counts, and only where it fits the plan.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use crate::{
    copy::{
        attempt::{Backends, DonePart, Leg, NotCopied, believe, forget_compared},
        claim::{HeldRecord, abort_own, count_progress, list_parts, list_unfinished},
        multipart::{
            adopt::{adopt, verified},
            create::create,
            parts_in_hand::{PartsInHand, fitting, is_giant, of_an_earlier_leg, whole_crc},
            reread::reread,
        },
    },
    ledger::{Reason, RecordUpload, Segments},
    object::{ObjectInfo, PartNumber, PartPlan, Trust},
    planted::{self, Defect},
    store::Upload,
};

/// The upload of the record, an adopted one, or a new one.
pub(crate) async fn find_or_create<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    info: &ObjectInfo,
    plan: PartPlan,
) -> Result<PartsInHand, NotCopied> {
    forget_compared(leg);
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

async fn resume<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    recorded: &RecordUpload,
    info: &ObjectInfo,
) -> Result<PartsInHand, NotCopied> {
    let upload = Upload { key: leg.job.destination_key.clone(), id: recorded.id.clone() };
    let plan = PartPlan::with_part_size(info.size, recorded.part_size)
        .map_err(|error| NotCopied::Restart(Reason::new("plan-does-not-fit", error.to_string())))?;
    let listed = reread(leg, &upload, list_parts(leg, &upload).await?).await?;
    let mut have: BTreeMap<_, _> = if recorded.doubted {
        verified(leg, &info.pin(), &plan, listed).await?
    } else {
        fitting(&plan, listed).map(|part| (part.number, of_an_earlier_leg(part))).collect()
    };
    if planted::is(Defect::ForgetParts) {
        have.clear();
    }
    believe(leg, entry.record.proved.as_ref(), &mut have);
    if let Some(segments) = &entry.record.segments {
        trust_segments(segments, &plan, &mut have)?;
    }
    count_progress(leg, entry, u32::try_from(have.len()).unwrap_or(u32::MAX)).await?;
    Ok(PartsInHand { upload, plan, numbers: 1..=plan.count(), have })
}

/// What the workers of the segments knew of their parts' bytes holds for the listed ones, if these are the same bytes.
fn trust_segments(
    segments: &Segments,
    plan: &PartPlan,
    have: &mut BTreeMap<PartNumber, DonePart>,
) -> Result<(), NotCopied> {
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
            return Err(NotCopied::Restart(Reason::new("corrupt", words)));
        }
        let trusts = run.filled.trusts;
        let all = [(Trust::Crc, trusts.crc), (Trust::Md5, trusts.md5), (Trust::Size, trusts.size)];
        let each = all.into_iter().flat_map(|(trust, count)| std::iter::repeat_n(trust, count as usize));
        listed.iter_mut().zip(each).for_each(|(part, trust)| part.trust = trust);
    }
    Ok(())
}
