//! A Complete whose end nobody here has seen: the destination tells what came of it.

use std::sync::atomic::Ordering;

use crate::{
    complete::{check_adopted_headers, head_destination, is_expected, read_back_or_restart, same_headers},
    copy::{Ended, Finished, Leg, not_preserved},
    entry::Entry,
    object::ObjectInfo,
    part::PartPlan,
    ports::{Clock, Destination, Ledger, Source, Upload, Verify, Written},
    proof::{Proof, ProofLevel},
    record::Expected,
};

/// After a crash around Complete: if the destination holds what was expected, the copy is done. `None`: carry on.
pub(crate) async fn recover<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    info: &ObjectInfo,
) -> Result<Option<Finished>, Ended> {
    let (Some(expected), Some(there)) = (entry.record.expected.clone(), head_destination(leg).await?) else {
        return Ok(None);
    };
    let Some((written, mut level)) = recovered(leg, &there, &expected).await? else { return Ok(None) };
    if entry.record.upload.as_ref().is_some_and(|upload| upload.adopted) {
        check_adopted_headers(leg, info).await?;
    } else if !same_headers(leg, info, &there) {
        // The same bytes were there before: Complete did not happen.
        return Ok(None);
    }
    if let Some(upload) = &entry.record.upload {
        // The same object may have been there before; then the upload still is, and of no more use.
        leg.abort(&Upload { key: leg.job.destination_key.clone(), id: upload.id.clone() }).await?;
    }
    if let (Verify::ReadBack, Some(crc)) = (leg.engine.settings.verify, expected.crc64nvme) {
        read_back_or_restart(leg, info.size, crc, &written).await?;
        level = ProofLevel::ReadBack;
    }
    let source_agrees = info.crc64nvme.is_some() && info.crc64nvme == written.crc64nvme;
    let plan =
        entry.record.upload.as_ref().and_then(|upload| PartPlan::with_part_size(info.size, upload.part_size).ok());
    let parts = plan.map_or(0, |plan| u32::from(plan.count()));
    let doubtful = entry.record.filled_by_segments().map_or(parts, |filled| filled.trusts.earlier);
    leg.parts.store(parts, Ordering::Relaxed);
    leg.parts_resumed.store(parts, Ordering::Relaxed);
    leg.engine.observer.object_started(&leg.job.source_key, info.size, info.size);
    let finished = Finished {
        size: info.size,
        version_id: written.version_id.clone(),
        checksum: expected.crc64nvme,
        proof: Proof { level, transport_only_parts: if source_agrees { 0 } else { doubtful } },
        not_preserved: not_preserved(leg.engine, info),
    };
    leg.close(entry, &written, &finished).await?;
    Ok(Some(finished))
}

/// Whether the object there is the expected one, and what is known of it. Tags are the destination's own word: they tell which
/// object it is, and prove nothing of the source. Where there is neither tag nor checksum, the destination is read.
async fn recovered<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    there: &ObjectInfo,
    expected: &Expected,
) -> Result<Option<(Written, ProofLevel)>, Ended> {
    if let Some(written) = is_expected(there, expected) {
        let same_crc = written.crc64nvme.is_some() && written.crc64nvme == expected.crc64nvme;
        return Ok(Some((written, if same_crc { ProofLevel::FullCrc } else { ProofLevel::SizeOnly })));
    }
    if there.size != expected.size || there.crc64nvme.is_some() || expected.crc64nvme.is_none() {
        return Ok(None);
    }
    let crc = leg.crc_of(&leg.engine.destination, &leg.job.destination_key, there).await?;
    let written =
        Written { etag: Some(there.etag.clone()), version_id: there.version_id.clone(), crc64nvme: Some(crc) };
    Ok((Some(crc) == expected.crc64nvme).then_some((written, ProofLevel::ReadBack)))
}

/// After the upload vanished under this leg: another machine may have completed it. Only a checksum that the source names
/// can tell. `None`: it must be copied again.
pub(crate) async fn completed_by_others<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    info: &ObjectInfo,
) -> Result<Option<Finished>, Ended> {
    let expected = Expected { size: info.size, crc64nvme: info.crc64nvme, etag: None };
    let there = head_destination(leg).await?.filter(|there| there.headers == info.headers);
    let Some(written) = there.as_ref().and_then(|there| is_expected(there, &expected)) else { return Ok(None) };
    let finished = Finished {
        size: info.size,
        version_id: written.version_id.clone(),
        checksum: info.crc64nvme,
        proof: Proof::plain(ProofLevel::FullCrc),
        not_preserved: not_preserved(leg.engine, info),
    };
    leg.close(entry, &written, &finished).await?;
    Ok(Some(finished))
}
