//! Whether the destination has the source's object already, though this ledger does not know it as copied.
//!
//! The stack of the other direction may have made the source from it, or another tool may have brought it. To send it all the
//! same would be told to that stack, which would send it back, for ever. Equal sizes say nothing.

use crate::{
    copy::{
        attempt::{
            Backends, Copied, Known, Leg, NotCopied, came_from_there, crc_of, is_copy_of, meaning, never_preserved,
            read_back, same_headers,
        },
        claim::{
            held_record::{HeldRecord, close},
            single_record::record_small,
        },
    },
    ledger::{Reason, Record},
    limits::Clock,
    object::{ObjectInfo, Proof, ProofLevel, Verify},
    planted::{self, Defect},
    route::{Decision, Difference},
    store::{Destination, ErrorKind, Source, Written},
};

/// The reason of a copy that need not be made.
const ALREADY_THERE: &str = "already-there";

/// How the descriptions of two objects show that their bytes are the same; nothing, if they do not.
fn same_bytes(source: &ObjectInfo, there: &ObjectInfo) -> Option<ProofLevel> {
    if source.size != there.size {
        return None;
    }
    match (source.crc64nvme, there.crc64nvme) {
        (Some(source), Some(there)) => (source == there).then_some(ProofLevel::FullCrc),
        _ => same_digest(source.etag.as_str(), there.etag.as_str()).then_some(ProofLevel::PartMd5),
    }
}

/// Whether two tags are one digest: an MD5, or that of the MD5s of as many parts. Some stores write it in capitals.
fn same_digest(one: &str, other: &str) -> bool {
    let (digest, parts) = one.split_once('-').unwrap_or((one, "1"));
    let is_digest = digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_number = !parts.is_empty() && parts.bytes().all(|byte| byte.is_ascii_digit());
    is_digest && is_number && one.eq_ignore_ascii_case(other)
}

/// Before the bytes of a large object are sent that this ledger does not know as copied: if they are there, that is
/// recorded, over `record` if there is one, and nothing is sent.
pub(crate) async fn skip_if_already_there<B: Backends>(
    leg: &Leg<'_, B>,
    info: &ObjectInfo,
    record: Option<&HeldRecord>,
) -> Result<(), NotCopied> {
    if !may_be_there(leg) || record.is_some_and(|entry| !entry.record.is_replaceable()) {
        return Ok(());
    }
    let Some(there) = look_at_destination(leg).await? else { return Ok(()) };
    let Some(proof) = proof_of(leg, info, &there).await? else { return Ok(()) };
    let now = leg.engine.patience.clock.now();
    let mut next = Record::begin(leg.record_key(), leg.source_now(info.pin()), now);
    next.sequencer.clone_from(&leg.job.sequencer);
    next.generation = record.map_or(next.generation, |entry| entry.record.generation);
    let token = record.and_then(|entry| entry.token.clone());
    let mut entry = HeldRecord { record: next, token, found: true, segment: None };
    let written = written(&there);
    close(leg, &mut entry, &written, &finish_as_found(leg, info, &written, proof)).await?;
    Err(skipped())
}

/// The same for a small object whose source is in hand, and whose destination was `seen` if anybody looked at it. One that
/// says it came from there is worth a look.
pub(crate) async fn skip_small_if_there<B: Backends>(
    leg: &Leg<'_, B>,
    info: &ObjectInfo,
    seen: Option<&ObjectInfo>,
) -> Result<(), NotCopied> {
    let there = match seen {
        Some(there) => Some(there.clone()),
        None if came_from_there(leg, info) && may_be_there(leg) => look_at_destination(leg).await?,
        None => None,
    };
    let Some(there) = there else { return Ok(()) };
    let Some(proof) = proof_of(leg, info, &there).await? else { return Ok(()) };
    let written = written(&there);
    record_small(leg, info, &written, &finish_as_found(leg, info, &written, proof)).await?;
    Err(skipped())
}

/// Whether that is worth a proof, as far as the descriptions tell.
pub(crate) fn is_perhaps_there<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo, seen: Option<&ObjectInfo>) -> bool {
    match seen {
        Some(there) => level_of(leg, info, there).is_some(),
        None => came_from_there(leg, info) && may_be_there(leg),
    }
}

/// What stands at the destination, where a write would simply replace it: with conditions its refusal tells, and costs nothing
/// when nothing is there.
pub(crate) async fn look_if_writes_are_blind<B: Backends>(leg: &Leg<'_, B>) -> Result<Option<ObjectInfo>, NotCopied> {
    let blind = leg.job.known == Known::Unknown && !leg.engine.destination.capabilities().conditional_writes;
    if blind && may_be_there(leg) { look_at_destination(leg).await } else { Ok(None) }
}

/// A source that was written again with the tag that it had: most likely nothing but its time is new.
pub(crate) async fn skip_if_only_touched<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo) -> Result<(), NotCopied> {
    if !may_be_there(leg) {
        return Ok(());
    }
    let there = look_at_destination(leg).await?;
    skip_small_if_there(leg, info, there.as_ref()).await
}

/// Whether it is worth a look: nobody has looked, or the versions differ while the sizes do not.
pub(crate) fn may_be_there<B: Backends>(leg: &Leg<'_, B>) -> bool {
    let differs = leg.job.decision;
    let unseen = match &leg.job.known {
        Known::Unknown => differs != Decision::Differs(Difference::Forced),
        Known::Is(_) => differs == Decision::Differs(Difference::Version),
        Known::Absent => false,
    };
    unseen && !planted::is(Defect::OnlyOwnLedger)
}

/// Who may not look goes on without.
pub(crate) async fn look_at_destination<B: Backends>(leg: &Leg<'_, B>) -> Result<Option<ObjectInfo>, NotCopied> {
    let key = &leg.job.destination_key;
    match leg.call(leg.at_destination("HeadObject"), || leg.engine.destination.head_object(key)).await {
        Ok(there) => Ok(Some(there)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AccessDenied) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What proves that the object there is the source's, if it is.
pub(crate) async fn proof_of<B: Backends>(
    leg: &Leg<'_, B>,
    info: &ObjectInfo,
    there: &ObjectInfo,
) -> Result<Option<Proof>, NotCopied> {
    let Some(level) = level_of(leg, info, there) else { return Ok(None) };
    if leg.engine.settings.verify != Verify::ReadBack || level == ProofLevel::FullCrc {
        return Ok(Some(Proof::plain(level)));
    }
    let crc = match crc_of(leg, &leg.engine.source, &leg.job.source_key, info).await {
        // Written again, or deleted, since it was pinned: that ends this try, and not the object.
        Err(NotCopied::Failed(error)) => return Err(meaning(leg, &error).await.unwrap_or(NotCopied::Failed(error))),
        crc => crc?,
    };
    match read_back(leg, info.size, crc).await {
        Ok(()) => Ok(Some(Proof::plain(ProofLevel::ReadBack))),
        Err(NotCopied::Failed(error)) if error.kind() == ErrorKind::Corrupt => Ok(None),
        Err(ended) => Err(ended),
    }
}

pub(crate) fn level_of<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo, there: &ObjectInfo) -> Option<ProofLevel> {
    let marked = || is_copy_of(leg, info, there).then_some(ProofLevel::SizeOnly);
    same_bytes(info, there).filter(|_| same_headers(leg, info, there)).or_else(marked)
}

pub(crate) fn finish_as_found<B: Backends>(
    leg: &Leg<'_, B>,
    info: &ObjectInfo,
    written: &Written,
    proof: Proof,
) -> Copied {
    Copied {
        size: info.size,
        version_id: written.version_id.clone(),
        checksum: written.crc64nvme,
        proof,
        not_preserved: never_preserved(leg.engine, info),
    }
}

fn written(there: &ObjectInfo) -> Written {
    let ObjectInfo { etag, version_id, crc64nvme, .. } = there.clone();
    Written { etag: Some(etag), version_id, crc64nvme }
}

fn skipped() -> NotCopied {
    let words = "the destination has the same object already, though it was not copied from here";
    NotCopied::Skipped(Reason::new(ALREADY_THERE, words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Crc64, ETag, Headers, Timestamp};

    fn info(size: u64, etag: &str, crc: Option<&[u8]>) -> ObjectInfo {
        ObjectInfo {
            size,
            etag: ETag::new(etag),
            version_id: None,
            modified: Timestamp(1),
            crc64nvme: crc.map(Crc64::of),
            headers: Headers::default(),
            storage_class: None,
            tags: 0,
            not_carried: Vec::new(),
        }
    }

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

    #[test]
    fn equal_sizes_alone_never_prove_anything() {
        assert_eq!(same_bytes(&info(7, "a", None), &info(7, "b", None)), None);
        assert_eq!(same_bytes(&info(7, "same", None), &info(7, "same", None)), None, "it is no digest");
        assert_eq!(same_bytes(&info(7, MD5, None), &info(8, MD5, None)), None);
        assert_eq!(same_bytes(&info(7, MD5, Some(b"x")), &info(7, MD5, Some(b"y"))), None, "checksums are stronger");
    }

    #[test]
    fn checksums_and_digests_of_as_many_parts_do() {
        let (two, three) = (format!("{MD5}-2"), format!("{MD5}-3"));
        assert_eq!(same_bytes(&info(7, "a", Some(b"x")), &info(7, "b", Some(b"x"))), Some(ProofLevel::FullCrc));
        assert_eq!(same_bytes(&info(7, MD5, None), &info(7, &MD5.to_uppercase(), None)), Some(ProofLevel::PartMd5));
        assert_eq!(same_bytes(&info(7, &two, Some(b"x")), &info(7, &two, None)), Some(ProofLevel::PartMd5));
        assert_eq!(same_bytes(&info(7, &two, None), &info(7, &three, None)), None);
        assert_eq!(same_bytes(&info(7, &format!("{MD5}-"), None), &info(7, &format!("{MD5}-"), None)), None);
    }
}
