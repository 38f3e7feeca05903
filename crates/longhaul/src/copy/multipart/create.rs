//! Creates an upload: the intent, the request, the id.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use crate::{
    copy::{
        attempt::{Backends, Leg, NotCopied, headers_of_copy},
        claim::{HeldRecord, abort, abort_own, list_unfinished, save},
        multipart::parts_in_hand::{PartsInHand, is_giant},
    },
    ledger::{Ledger, LedgerError, RecordUpload, Segments, State},
    limits::Clock,
    object::{ObjectInfo, PartPlan, Timestamp},
    store::{Destination, Effect, Upload},
};

/// Saves the intent, creates, saves the id: a crash at any point leaves a trace that the next leg can follow.
pub(crate) async fn create<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    info: &ObjectInfo,
    plan: PartPlan,
) -> Result<PartsInHand, NotCopied> {
    let intent = leg.engine.patience.clock.now();
    entry.record.state = State::Copying;
    entry.record.intent = Some(intent);
    save(leg, entry).await?;
    let upload = ask_for_an_upload(leg, entry, info, intent).await?;
    entry.record.upload =
        Some(RecordUpload { id: upload.id.clone(), part_size: plan.part_size(), adopted: false, doubted: false });
    if let Some(size) = leg.engine.settings.segment_size.filter(|_| is_giant(leg, info)) {
        entry.record.segments = Some(Segments::cut(&plan, size));
        // Whoever fills the last segment completes, and need not wait for this leg.
        entry.record.lease = None;
    }
    leg.created.store(true, Ordering::Relaxed);
    if let Err(ended) = save(leg, entry).await {
        // Without its id in the ledger nobody would find the upload again; but if it is there, others may be at it already. If the
        // ledger cannot be asked, the next leg looks for it by the intent.
        if is_recorded(leg, &upload).await.is_ok_and(|is_recorded| !is_recorded) {
            abort(leg, &upload).await?;
        }
        return Err(ended);
    }
    Ok(PartsInHand { upload, plan, numbers: 1..=plan.count(), have: BTreeMap::new() })
}

/// Asks until there is an upload; one of which only the answer was lost is aborted.
async fn ask_for_an_upload<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &HeldRecord,
    info: &ObjectInfo,
    intent: Timestamp,
) -> Result<Upload, NotCopied> {
    let headers = headers_of_copy(leg, info);
    let object = leg.new_object(info, &headers);
    let mut failures = 0;
    loop {
        let asked = leg.at_destination("CreateMultipartUpload");
        let created = leg.engine.destination.create_multipart_upload(&object);
        let error = match leg.once(asked, leg.engine.patience.timeout, created).await {
            Ok(upload) => return Ok(upload),
            Err(error) => error,
        };
        let may_have_happened = error.effect() == Effect::MayHaveHappened;
        leg.engine.patience.pause_after(error, failures).await?;
        if may_have_happened {
            abort_own(leg, entry, &list_unfinished(leg).await?, intent).await?;
        }
        failures += 1;
    }
}

async fn is_recorded<B: Backends>(leg: &Leg<'_, B>, upload: &Upload) -> Result<bool, LedgerError> {
    let there = leg.engine.ledger.load(&leg.record_key()).await?;
    Ok(there.is_some_and(|(record, _)| record.upload.is_some_and(|recorded| recorded.id == upload.id)))
}
