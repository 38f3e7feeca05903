//! An upload that is not completed.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{
    memory::content::{Checks, Content, Envelope},
    object::{Crc64, ETag, PartNumber, Timestamp, multipart_etag},
    store::{Capabilities, ChecksumSupport, Completion, ErrorKind, StoreError, UploadedPart},
};

/// An upload that is neither completed nor aborted.
pub(crate) struct Pending {
    pub envelope: Envelope,
    pub initiated: Timestamp,
    pub parts: BTreeMap<PartNumber, Content>,
}

impl Pending {
    pub(crate) fn list(&self) -> Vec<UploadedPart> {
        self.parts.iter().map(|(number, content)| answer(*number, content)).collect()
    }

    /// The object that a completion describes.
    pub(crate) fn assemble(
        &self,
        completion: &Completion<'_>,
        capabilities: Capabilities,
        checks: Checks,
    ) -> Result<Content, StoreError> {
        let named = self.named(completion.parts, checks)?;
        let (_, but_the_last) = named.split_last().ok_or_else(|| malformed("no parts are named"))?;
        if but_the_last.iter().any(|part| (part.bytes.len() as u64) < capabilities.min_part_size) {
            return Err(malformed("a part but the last is too small (EntityTooSmall)"));
        }
        let whole = named.iter().map(|part| &part.bytes[..]).collect::<Vec<_>>().concat();
        let etag = multipart_etag(named.iter().map(|part| part.etag.as_str())).expect("the tag of a part is an MD5");
        let crc = (capabilities.checksums == ChecksumSupport::Crc64Nvme).then(|| Crc64::of(&whole));
        let content = Content { bytes: Bytes::from(whole), etag: ETag::new(&etag), crc64nvme: crc };
        if checks == Checks::Numbers {
            return Ok(content);
        }
        if content.bytes.len() as u64 != completion.size {
            let words = format!("the parts have {} bytes, {} were announced", content.bytes.len(), completion.size);
            return Err(StoreError::new(ErrorKind::Corrupt, COMPLETE, words));
        }
        check_crc(completion.crc64nvme, &content, COMPLETE)?;
        Ok(content)
    }

    /// The parts that a completion names. Each must be the one that is held now, unless the store asks for
    /// numbers only.
    fn named(&self, parts: &[UploadedPart], checks: Checks) -> Result<Vec<&Content>, StoreError> {
        if !parts.is_sorted_by(|a, b| a.number < b.number) {
            return Err(malformed("the parts are not in order (InvalidPartOrder)"));
        }
        let find = |part: &UploadedPart| {
            let same = |held: &&Content| held.etag == part.etag && !differ(part.crc64nvme, held.crc64nvme);
            let held = self.parts.get(&part.number).filter(|held| checks == Checks::Numbers || same(held));
            held.ok_or_else(|| {
                let words = format!("part {} is not, or no longer, what was named", part.number);
                StoreError::new(ErrorKind::InvalidPart, COMPLETE, words)
            })
        };
        parts.iter().map(find).collect()
    }
}

pub(crate) const COMPLETE: &str = "CompleteMultipartUpload";

fn malformed(words: &str) -> StoreError {
    StoreError::new(ErrorKind::InvalidRequest, COMPLETE, words)
}

pub(crate) fn answer(number: PartNumber, content: &Content) -> UploadedPart {
    UploadedPart { number, size: content.bytes.len() as u64, etag: content.etag.clone(), crc64nvme: content.crc64nvme }
}

/// Whether both sides name a checksum, and not the same.
fn differ(expected: Option<Crc64>, found: Option<Crc64>) -> bool {
    expected.zip(found).is_some_and(|(expected, found)| expected != found)
}

pub(crate) fn check_crc(expected: Option<Crc64>, content: &Content, operation: &'static str) -> Result<(), StoreError> {
    if differ(expected, content.crc64nvme) {
        let words = format!("CRC64NVME: expected {expected:?}, received {:?}", content.crc64nvme);
        return Err(StoreError::new(ErrorKind::Corrupt, operation, words));
    }
    Ok(())
}
