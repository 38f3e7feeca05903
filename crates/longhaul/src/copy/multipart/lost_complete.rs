//! A Complete whose end nobody here has seen: the destination tells what came of it.

use std::sync::atomic::Ordering;

use crate::{
    copy::{
        attempt::{
            Backends, Copied, Leg, NotCopied, all_not_preserved, check_adopted_headers, crc_of, head_destination,
            is_expected, read_back_or_restart, same_headers,
        },
        claim::{HeldRecord, abort, close},
    },
    ledger::{Expected, plan_of},
    object::{ObjectInfo, Proof, ProofLevel, Trusts, Verify},
    store::{Upload, Way, Written},
};

/// After a crash around Complete: if the destination holds what was expected, the copy is done. `None`: carry on.
pub(crate) async fn recover<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    info: &ObjectInfo,
) -> Result<Option<Copied>, NotCopied> {
    let (Some(expected), Some(there)) = (entry.record.expected.clone(), head_destination(leg).await?) else {
        return Ok(None);
    };
    let Some((written, level)) = recovered(leg, &there, &expected).await? else { return Ok(None) };
    if entry.record.upload.as_ref().is_some_and(|upload| upload.adopted) {
        check_adopted_headers(leg, info).await?;
    } else if !same_headers(leg, info, &there) {
        // The same bytes were there before: Complete did not happen.
        return Ok(None);
    }
    if let Some(upload) = &entry.record.upload {
        // The same object may have been there before; then the upload still is, and of no more use.
        abort(leg, &Upload { key: leg.job.destination_key.clone(), id: upload.id.clone() }).await?;
    }
    let parts = plan_of(&entry.record).map_or(0, |plan| u32::from(plan.count()));
    leg.parts.store(parts, Ordering::Relaxed);
    leg.parts_resumed.store(parts, Ordering::Relaxed);
    leg.engine.observer.object_started(&leg.job.source_key, info.size, info.size);
    close_recovered(leg, entry, (info, &expected, &written), level).await.map(Some)
}

/// Closes the record with what was found.
async fn close_recovered<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    (info, expected, written): (&ObjectInfo, &Expected, &Written),
    level: ProofLevel,
) -> Result<Copied, NotCopied> {
    let finished = Copied {
        size: info.size,
        version_id: written.version_id.clone(),
        checksum: expected.crc64nvme,
        proof: proof(leg, entry, (info, expected, written), level).await?,
        not_preserved: all_not_preserved(leg, info, written, Way::Multipart).await,
    };
    close(leg, entry, written, &finished).await?;
    Ok(finished)
}

/// What speaks for the object there: `level`, unless it is to be read again.
async fn proof<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &HeldRecord,
    (info, expected, written): (&ObjectInfo, &Expected, &Written),
    level: ProofLevel,
) -> Result<Proof, NotCopied> {
    if leg.engine.settings.verify != Verify::ReadBack {
        return Ok(Proof { level, transport_only_parts: carried_by_the_line(entry, info, expected, written) });
    }
    let whole = match expected.crc64nvme {
        Some(whole) => whole,
        None => crc_of(leg, &leg.engine.source, &leg.job.source_key, info).await?,
    };
    read_back_or_restart(leg, info.size, whole, written).await?;
    Ok(Proof::plain(ProofLevel::ReadBack))
}

/// Parts of which nobody knows more than that they arrived: those of dead legs, where the source names no checksum.
fn carried_by_the_line(entry: &HeldRecord, info: &ObjectInfo, expected: &Expected, written: &Written) -> u32 {
    if info.crc64nvme.is_some() && info.crc64nvme == written.crc64nvme {
        return 0;
    }
    let all = plan_of(&entry.record).map_or(0, |plan| u32::from(plan.count()));
    let of_segments = entry.record.filled_by_segments().map(|filled| filled.trusts);
    expected.trusts.or(of_segments).map_or(all, |trusts| trusts.earlier)
}

/// What is known of an object that is the expected one by its checksum, or by its tag alone. The tag tells that it was made of
/// those parts, for which something may speak.
fn level(written: &Written, expected: &Expected) -> ProofLevel {
    if written.crc64nvme.is_some() && written.crc64nvme == expected.crc64nvme {
        return ProofLevel::FullCrc;
    }
    expected.trusts.map_or(ProofLevel::SizeOnly, Trusts::level)
}

/// Whether the object there is the expected one, and what is known of it. Tags are the destination's own word: they tell which
/// object it is, and prove nothing of the source. Where there is neither tag nor checksum, the destination is read.
async fn recovered<B: Backends>(
    leg: &Leg<'_, B>,
    there: &ObjectInfo,
    expected: &Expected,
) -> Result<Option<(Written, ProofLevel)>, NotCopied> {
    if let Some(written) = is_expected(there, expected) {
        let level = level(&written, expected);
        return Ok(Some((written, level)));
    }
    if there.size != expected.size || there.crc64nvme.is_some() || expected.crc64nvme.is_none() {
        return Ok(None);
    }
    let crc = crc_of(leg, &leg.engine.destination, &leg.job.destination_key, there).await?;
    let written =
        Written { etag: Some(there.etag.clone()), version_id: there.version_id.clone(), crc64nvme: Some(crc) };
    Ok((Some(crc) == expected.crc64nvme).then_some((written, ProofLevel::ReadBack)))
}

/// After the upload vanished under this leg: another machine may have completed it, or Complete was still under way when its
/// leg ended. What it was to give, or a checksum that the source names, can tell. `None`: it must be copied again.
pub(crate) async fn completed_by_others<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    info: &ObjectInfo,
) -> Result<Option<Copied>, NotCopied> {
    let of_source = Expected { size: info.size, crc64nvme: info.crc64nvme, etag: None, trusts: None };
    let known = [entry.record.expected.clone(), Some(of_source)];
    let there = head_destination(leg).await?.filter(|there| same_headers(leg, info, there));
    let found = there.as_ref().and_then(|there| {
        known.into_iter().flatten().find_map(|expected| Some((is_expected(there, &expected)?, expected)))
    });
    let Some((written, expected)) = found else { return Ok(None) };
    let level = level(&written, &expected);
    close_recovered(leg, entry, (info, &expected, &written), level).await.map(Some)
}
