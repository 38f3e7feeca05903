//! Whether the destination has the source's object already, though this ledger does not know it as copied.
//!
//! The stack of the other direction may have made the source from it, or another tool may have brought it. To send it all the
//! same would be told to that stack, which would send it back, for ever. Equal sizes say nothing.

use crate::{
    compare::{Decision, Difference},
    copy::{Ended, Finished, Known, Leg, not_preserved},
    entry::Entry,
    error::ErrorKind,
    object::ObjectInfo,
    planted::{self, Defect},
    ports::{Clock, Destination, Ledger, Source, Verify, Written},
    proof::{Proof, ProofLevel},
    record::{Reason, Record},
    small::read_back,
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

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    /// Before the bytes of a large object are sent that this ledger does not know as copied: if they are there, that is
    /// recorded, over `record` if there is one, and nothing is sent.
    pub(crate) async fn skip_if_already_there(&self, info: &ObjectInfo, record: Option<&Entry>) -> Result<(), Ended> {
        if !self.may_be_there() || record.is_some_and(|entry| !entry.record.is_replaceable()) {
            return Ok(());
        }
        let Some(there) = self.look().await? else { return Ok(()) };
        let Some(proof) = self.proof_of(info, &there).await? else { return Ok(()) };
        let now = self.engine.patience.clock.now();
        let mut next = Record::begin(self.record_key(), self.source_now(info.pin()), now);
        next.sequencer.clone_from(&self.job.sequencer);
        next.generation = record.map_or(next.generation, |entry| entry.record.generation);
        let token = record.and_then(|entry| entry.token.clone());
        let mut entry = Entry { record: next, token, found: true, segment: None };
        let written = written(&there);
        self.close(&mut entry, &written, &self.finished(info, &written, proof)).await?;
        Err(skipped())
    }

    /// The same for a small object whose source is in hand, and whose destination was `seen` if anybody looked at it. One that
    /// says it came from there is worth a look.
    pub(crate) async fn skip_small_if_there(&self, info: &ObjectInfo, seen: Option<&ObjectInfo>) -> Result<(), Ended> {
        let there = match seen {
            Some(there) => Some(there.clone()),
            None if self.came_from_there(info) && self.may_be_there() => self.look().await?,
            None => None,
        };
        let Some(there) = there else { return Ok(()) };
        let Some(proof) = self.proof_of(info, &there).await? else { return Ok(()) };
        let written = written(&there);
        self.record_small(info, &written, &self.finished(info, &written, proof)).await?;
        Err(skipped())
    }

    /// Whether that is worth a proof, as far as the descriptions tell.
    pub(crate) fn is_perhaps_there(&self, info: &ObjectInfo, seen: Option<&ObjectInfo>) -> bool {
        match seen {
            Some(there) => self.level_of(info, there).is_some(),
            None => self.came_from_there(info) && self.may_be_there(),
        }
    }

    /// What stands at the destination, where a write would simply replace it: with conditions its refusal tells, and costs nothing
    /// when nothing is there.
    pub(crate) async fn look_if_writes_are_blind(&self) -> Result<Option<ObjectInfo>, Ended> {
        let blind = self.job.known == Known::Unknown && !self.engine.destination.capabilities().conditional_writes;
        if blind && self.may_be_there() { self.look().await } else { Ok(None) }
    }

    /// A source that was written again with the tag that it had: most likely nothing but its time is new.
    pub(crate) async fn skip_if_only_touched(&self, info: &ObjectInfo) -> Result<(), Ended> {
        if !self.may_be_there() {
            return Ok(());
        }
        let there = self.look().await?;
        self.skip_small_if_there(info, there.as_ref()).await
    }

    /// Whether it is worth a look: nobody has looked, or the versions differ while the sizes do not.
    fn may_be_there(&self) -> bool {
        let differs = self.job.decision;
        let unseen = match &self.job.known {
            Known::Unknown => differs != Decision::Differs(Difference::Forced),
            Known::Is(_) => differs == Decision::Differs(Difference::Version),
            Known::Absent => false,
        };
        unseen && !planted::is(Defect::OnlyOwnLedger)
    }

    /// Who may not look goes on without.
    async fn look(&self) -> Result<Option<ObjectInfo>, Ended> {
        let key = &self.job.destination_key;
        match self.call(self.at_destination("HeadObject"), || self.engine.destination.head_object(key)).await {
            Ok(there) => Ok(Some(there)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AccessDenied) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What proves that the object there is the source's, if it is.
    async fn proof_of(&self, info: &ObjectInfo, there: &ObjectInfo) -> Result<Option<Proof>, Ended> {
        let Some(level) = self.level_of(info, there) else { return Ok(None) };
        if self.engine.settings.verify != Verify::ReadBack || level == ProofLevel::FullCrc {
            return Ok(Some(Proof::plain(level)));
        }
        let crc = match self.crc_of(&self.engine.source, &self.job.source_key, info).await {
            // Written again, or deleted, since it was pinned: that ends this try, and not the object.
            Err(Ended::Failed(error)) => return Err(self.meaning(&error).await.unwrap_or(Ended::Failed(error))),
            crc => crc?,
        };
        match read_back(self, info.size, crc).await {
            Ok(()) => Ok(Some(Proof::plain(ProofLevel::ReadBack))),
            Err(Ended::Failed(error)) if error.kind() == ErrorKind::Corrupt => Ok(None),
            Err(ended) => Err(ended),
        }
    }

    fn level_of(&self, info: &ObjectInfo, there: &ObjectInfo) -> Option<ProofLevel> {
        let marked = || self.is_copy_of(info, there).then_some(ProofLevel::SizeOnly);
        same_bytes(info, there).filter(|_| self.same_headers(info, there)).or_else(marked)
    }

    fn finished(&self, info: &ObjectInfo, written: &Written, proof: Proof) -> Finished {
        Finished {
            size: info.size,
            version_id: written.version_id.clone(),
            checksum: written.crc64nvme,
            proof,
            not_preserved: not_preserved(self.engine, info),
        }
    }
}

fn written(there: &ObjectInfo) -> Written {
    let ObjectInfo { etag, version_id, crc64nvme, .. } = there.clone();
    Written { etag: Some(etag), version_id, crc64nvme }
}

fn skipped() -> Ended {
    let words = "the destination has the same object already, though it was not copied from here";
    Ended::Skipped(Reason::new(ALREADY_THERE, words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checksum::Crc64,
        object::{ETag, Headers, Timestamp},
    };

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
