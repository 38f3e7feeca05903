//! The end of a large object: complete under a condition, look when in doubt, prove, record.

use std::time::Duration;

use crate::{
    copy::{
        attempt::{
            Backends, Copied, Known, Leg, NotCopied, all_not_preserved, check_adopted_headers, condition, crc_of,
            destination_now, head_destination, is_expected, pin_source, read_back_or_restart, same_headers,
        },
        claim::{HeldRecord, abort, close, list_parts, save},
        multipart::{
            copy_part::copy_missing,
            parts_in_hand::{PartsInHand, fitting, whole_crc},
        },
    },
    ledger::{Expected, Reason, State, UPLOAD_VANISHED},
    object::{Crc64, ETag, ObjectInfo, Proof, ProofLevel, Trusts, Verify, multipart_etag},
    planted::{self, Defect},
    store::{Completion, Destination, Effect, ErrorKind, Source, StoreError, Upload, UploadedPart, Way, Written},
};

/// S3 may take minutes to complete an upload of many parts (API reference of CompleteMultipartUpload).
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// How often parts that a duplicate rewrote are put right before the leg gives up.
const ROUNDS: u32 = 3;

/// Completes, proves and records a full upload.
pub(crate) async fn settle<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    info: &ObjectInfo,
    filling: &mut PartsInHand,
) -> Result<Copied, NotCopied> {
    for _ in 0..ROUNDS {
        let Some(parts) = listed_as_planned(leg, entry, info, filling).await? else { continue };
        let known = entry.record.filled_by_segments().and_then(|filled| filled.crc64nvme);
        let whole = whole_crc(&parts).or(known);
        if let (Some(source), Some(whole)) = (info.crc64nvme, whole)
            && source != whole
        {
            let words = "the parts at the destination do not combine to the source's checksum";
            return Err(NotCopied::Restart(Reason::new("corrupt", words)));
        }
        let expected = expected(info.size, whole, &parts, filling.trusts());
        match Box::pin(complete(leg, entry, info, filling, &parts, expected)).await? {
            Some(written) => return finish(leg, entry, info, filling, whole, written).await,
            // Parts were rewritten between the listing and Complete.
            None => continue,
        }
    }
    Err(NotCopied::Failed(
        StoreError::new(ErrorKind::Other, "CompleteMultipartUpload", "parts are rewritten by others again and again")
            .at(leg.engine.destination.location())
            .on(&leg.job.destination_key),
    ))
}

/// All parts as the destination lists them, once they equal the plan. `None` after parts had to be copied again.
async fn listed_as_planned<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    info: &ObjectInfo,
    filling: &mut PartsInHand,
) -> Result<Option<Vec<UploadedPart>>, NotCopied> {
    if planted::is(Defect::NoListParts) {
        return Ok(Some(filling.have.values().map(|part| part.answer.clone()).collect()));
    }
    let listed: Vec<_> = fitting(&filling.plan, list_parts(leg, &filling.upload).await?).collect();
    let mut agreed = Vec::with_capacity(listed.len());
    let mut unknown = std::mem::take(&mut filling.have);
    for part in listed {
        let Some(ours) = unknown.remove(&part.number) else { continue };
        let rewritten = match (part.crc64nvme, ours.answer.crc64nvme) {
            (Some(theirs), Some(ours)) => theirs != ours,
            _ => part.etag != ours.answer.etag,
        };
        if !rewritten {
            let crc64nvme = ours.answer.crc64nvme.or(part.crc64nvme);
            agreed.push(UploadedPart { crc64nvme, ..part });
            filling.have.insert(ours.answer.number, ours);
        }
    }
    if agreed.len() == usize::from(filling.plan.count()) {
        return Ok(Some(agreed));
    }
    tracing::warn!(key = %leg.job.destination_key, have = agreed.len(), plan = filling.plan.count(),
        "the destination lists other parts than were sent; the missing ones are sent again");
    copy_missing(leg, entry, &info.pin(), filling).await?;
    Ok(None)
}

pub(crate) fn expected(size: u64, crc64nvme: Option<Crc64>, parts: &[UploadedPart], trusts: Trusts) -> Expected {
    let etag = multipart_etag(parts.iter().map(|part| part.etag.as_str())).map(|etag| ETag::new(&etag));
    Expected { size, crc64nvme, etag, trusts: Some(trusts) }
}

/// Asks for completion until it is known to have happened. `None`: the parts must be listed again.
async fn complete<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    info: &ObjectInfo,
    filling: &PartsInHand,
    parts: &[UploadedPart],
    expected: Expected,
) -> Result<Option<Written>, NotCopied> {
    let mut known = Box::pin(destination_now(leg)).await?;
    entry.record.state = State::Completing;
    entry.record.expected = Some(expected.clone());
    save(leg, entry).await?;
    let mut failures = 0;
    loop {
        let condition = condition(leg, &known);
        let completion = Completion { parts, size: expected.size, crc64nvme: expected.crc64nvme, condition };
        let asked = leg.at_destination("CompleteMultipartUpload");
        let answer = leg.engine.destination.complete_multipart_upload(&filling.upload, &completion);
        let timeout = leg.engine.patience.timeout.max(COMPLETE_TIMEOUT);
        let error = match leg.once(asked, timeout, answer).await {
            Ok(written) => return Ok(Some(written)),
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::InvalidPart => return Ok(None),
            ErrorKind::Corrupt => return Err(NotCopied::Restart(Reason::new("corrupt", error.to_string()))),
            _ => {}
        }
        let doubt = matches!(error.kind(), ErrorKind::PreconditionFailed | ErrorKind::NoSuchUpload)
            || error.effect() == Effect::MayHaveHappened;
        if doubt {
            match Box::pin(look_behind(leg, info, &filling.upload, &expected, &error, &known)).await? {
                There::Expected(written) => return Ok(Some(written)),
                There::Other(now) => known = now,
            }
        }
        leg.engine.patience.pause_after(conditional_again(error), failures).await?;
        failures += 1;
    }
}

/// What stands at the destination behind a Complete whose answer says too little.
enum There {
    Expected(Written),
    Other(Known),
}

/// Looks at the destination behind `error`. Others may have written it since it was last `known`.
async fn look_behind<B: Backends>(
    leg: &Leg<'_, B>,
    info: &ObjectInfo,
    upload: &Upload,
    expected: &Expected,
    error: &StoreError,
    known: &Known,
) -> Result<There, NotCopied> {
    let there = head_destination(leg).await?;
    // The same bytes with other headers are what stood there before, or what somebody else wrote.
    let ours = there.as_ref().filter(|there| same_headers(leg, info, there));
    if let Some(written) = ours.and_then(|there| is_expected(there, expected)) {
        // Others may have brought the same object; then this upload is still there, and of no more use.
        abort(leg, upload).await?;
        return Ok(There::Expected(written));
    }
    if error.kind() == ErrorKind::NoSuchUpload {
        return Err(NotCopied::Restart(Reason::new(UPLOAD_VANISHED, error.to_string())));
    }
    let now = there.map_or(Known::Absent, |there| Known::Is(there.etag));
    if error.kind() == ErrorKind::PreconditionFailed && now != *known {
        still_pinned(leg, info).await?;
    }
    Ok(There::Other(now))
}

/// Others wrote the destination meanwhile. It may be replaced only by what the source still is: they may have copied something
/// newer.
async fn still_pinned<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo) -> Result<(), NotCopied> {
    if pin_source(leg).await?.pin().same_write(&info.pin()) {
        return Ok(());
    }
    Err(NotCopied::Restart(Reason::new("source-keeps-changing", "source and destination changed while it was copied")))
}

/// A condition that did not hold is asked again with the identity just seen.
fn conditional_again(error: StoreError) -> StoreError {
    if error.kind() != ErrorKind::PreconditionFailed {
        return error;
    }
    let words = "the destination was changed by others meanwhile";
    StoreError::new(ErrorKind::Conflict, "CompleteMultipartUpload", words).caused_by(error)
}

async fn finish<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    info: &ObjectInfo,
    filling: &PartsInHand,
    whole: Option<Crc64>,
    written: Written,
) -> Result<Copied, NotCopied> {
    if let (Some(theirs), Some(ours)) = (written.crc64nvme, whole)
        && theirs != ours
    {
        return Err(NotCopied::Restart(Reason::new(
            "corrupt",
            "the destination names another checksum of the whole object",
        )));
    }
    if entry.record.upload.as_ref().is_some_and(|upload| upload.adopted) {
        check_adopted_headers(leg, info).await?;
    }
    let mut proof = proof(leg, info, filling, whole, &written);
    if leg.engine.settings.verify == Verify::ReadBack {
        let whole = match whole {
            Some(whole) => whole,
            None => crc_of(leg, &leg.engine.source, &leg.job.source_key, info).await?,
        };
        read_back_or_restart(leg, info.size, whole, &written).await?;
        proof = Proof::plain(ProofLevel::ReadBack);
    }
    let finished = Copied {
        size: info.size,
        version_id: written.version_id.clone(),
        checksum: whole.or(written.crc64nvme),
        proof,
        not_preserved: all_not_preserved(leg, info, &written, Way::Multipart).await,
    };
    close(leg, entry, &written, &finished).await?;
    Ok(finished)
}

fn proof<B: Backends>(
    leg: &Leg<'_, B>,
    info: &ObjectInfo,
    filling: &PartsInHand,
    whole: Option<Crc64>,
    written: &Written,
) -> Proof {
    let trusts = filling.trusts();
    let same_tag = has_the_tag_of_the_source(info, filling, written);
    let source_agrees = same_tag || (info.crc64nvme.is_some() && info.crc64nvme == whole);
    let reads_back = !leg.engine.destination.capabilities().headers;
    let level = match (written.crc64nvme, whole) {
        (Some(_), Some(_)) if reads_back => ProofLevel::ReadBack,
        (Some(theirs), _) if Some(theirs) == info.crc64nvme => ProofLevel::FullCrc,
        // Of parts that the store copied by itself only its own checksums are known: nobody here has read a byte.
        (Some(theirs), _) if Some(theirs) == whole && !leg.is_server_side() => ProofLevel::FullCrc,
        _ if same_tag && trusts.level() == ProofLevel::SizeOnly => ProofLevel::PartMd5,
        _ => trusts.level(),
    };
    let unproved = if source_agrees { 0 } else { trusts.earlier };
    Proof { level, transport_only_parts: unproved }
}

/// Whether the source has the same tag, and that is the one which the MD5s of these parts give: then the source was cut into
/// the same parts, and each has the same MD5 on both sides.
fn has_the_tag_of_the_source(info: &ObjectInfo, filling: &PartsInHand, written: &Written) -> bool {
    let tags = filling.have.values().map(|part| part.answer.etag.as_str());
    let of_parts = multipart_etag(tags).map(|tag| ETag::new(&tag));
    written.etag.as_ref() == Some(&info.etag) && of_parts.as_ref() == Some(&info.etag)
}
