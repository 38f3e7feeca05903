//! Copies that a store does by itself, when both sides are the same store and share credentials.

use std::sync::atomic::Ordering;

use crate::{
    copy::{
        attempt::{Backends, Copied, Leg, NotCopied, all_not_preserved, gone_if_unlisted, pin_source},
        claim::record_small,
        multipart::copy_in_parts,
    },
    ledger::Reason,
    limits::copy_timeout,
    object::{ETag, MAX_PART_SIZE, ObjectInfo, Proof, ProofLevel},
    store::{CopySource, Destination, ErrorKind, Source, Way, Written},
};

/// CopyObject takes sources up to 5 GB (S3 API reference); beyond it, parts are copied.
const COPY_OBJECT_LIMIT: u64 = MAX_PART_SIZE;

const OTHER_CHECKSUM: &str = "the copy has another checksum than the source";

const OTHER_TAG: &str = "the copy has another tag than the source, and another one each time";

pub(crate) async fn copy<B: Backends>(leg: &Leg<'_, B>) -> Result<Copied, NotCopied> {
    let info = pin_source(leg).await?;
    if info.size > COPY_OBJECT_LIMIT {
        return copy_in_parts::copy(leg, &info).await;
    }
    leg.engine.observer.object_started(&leg.job.source_key, info.size, 0);
    let (written, level) = proved_copy(leg, &info).await?;
    leg.engine.observer.bytes(&leg.job.source_key, info.size as i64);
    let mut lost = all_not_preserved(leg, &info, &written, Way::Copy).await;
    // CopyObject takes the tags along.
    lost.retain(|what| *what != "tags");
    let finished = Copied {
        size: info.size,
        version_id: written.version_id.clone(),
        checksum: written.crc64nvme,
        proof: Proof::plain(level),
        not_preserved: lost,
    };
    record_small(leg, &info, &written, &finished).await?;
    Ok(finished)
}

/// Copies, and compares what the store says of both objects. Two tags that differ and have the shape of an MD5 are damage, or one
/// of them is none: then a second copy has the same tag as the first.
async fn proved_copy<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo) -> Result<(Written, ProofLevel), NotCopied> {
    let corrupt = |words: &str| NotCopied::Restart(Reason::new("corrupt", words));
    let mut before: Option<ETag> = None;
    loop {
        let written = copy_object(leg, info).await?;
        if let (Some(there), Some(here)) = (written.crc64nvme, info.crc64nvme) {
            let same = there == here;
            return if same { Ok((written, ProofLevel::FullCrc)) } else { Err(corrupt(OTHER_CHECKSUM)) };
        }
        let tags = written.etag.clone().and_then(|there| Some((there.as_md5()?, info.etag.as_md5()?, there)));
        match (tags, &before) {
            (None, _) => return Ok((written, ProofLevel::SizeOnly)),
            (Some((there, here, _)), _) if there == here => return Ok((written, ProofLevel::PartMd5)),
            (Some((_, _, tag)), Some(before)) if tag == *before => return Ok((written, ProofLevel::SizeOnly)),
            (Some(_), Some(_)) => return Err(corrupt(OTHER_TAG)),
            (Some((_, _, tag)), None) => before = Some(tag),
        }
    }
}

async fn copy_object<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo) -> Result<Written, NotCopied> {
    let pin = info.pin();
    let object = leg.new_object(info, &info.headers);
    let source = CopySource { location: leg.engine.source.location(), key: &leg.job.source_key, pin: &pin };
    let timeout = copy_timeout(leg.engine.patience.timeout, info.size);
    let copy = || async {
        if leg.engine.patience.stop.is_cancelled() {
            return Err(NotCopied::Interrupted);
        }
        let permit = leg.engine.budget.acquire().await;
        leg.attempts.fetch_add(1, Ordering::Relaxed);
        let copied = leg.engine.destination.copy_object(&object, &source);
        match leg.once(leg.at_destination("CopyObject"), timeout, copied).await {
            Ok(written) => {
                permit.succeeded();
                Ok(Ok(written))
            }
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => {
                Err(NotCopied::Restart(Reason::new("source-keeps-changing", error.to_string())))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Err(gone_if_unlisted(leg, error).await),
            Err(error) => {
                if error.kind().asks_for_less() {
                    permit.overloaded();
                }
                Ok(Err(error))
            }
        }
    };
    leg.engine.patience.unless_ended(copy).await
}
