//! Writing to a bucket in memory.
//!
//! A body is read to its end before anything is stored, so a broken body leaves nothing behind.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};

use crate::{
    body::ByteStream,
    checksum::{Crc64, multipart_etag},
    error::{ErrorKind, StoreError},
    memory::{Checks, Memory, slice},
    memory_bucket::{Content, Envelope},
    object::{ETag, Headers, Location, ObjectKey, Timestamp},
    part::{ByteRange, PartNumber, PartSpec},
    ports::{
        Capabilities, ChecksumSupport, Completion, Condition, CopySource, Destination, NewObject, UnfinishedUpload,
        Upload, UploadFilter, UploadedPart, Written,
    },
};

/// An upload that is neither completed nor aborted.
pub(crate) struct Pending {
    pub envelope: Envelope,
    pub initiated: Timestamp,
    pub parts: BTreeMap<PartNumber, Content>,
}

impl Pending {
    fn list(&self) -> Vec<UploadedPart> {
        self.parts.iter().map(|(number, content)| answer(*number, content)).collect()
    }

    /// The object that a completion describes.
    fn assemble(
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

const COMPLETE: &str = "CompleteMultipartUpload";

fn malformed(words: &str) -> StoreError {
    StoreError::new(ErrorKind::InvalidRequest, COMPLETE, words)
}

fn answer(number: PartNumber, content: &Content) -> UploadedPart {
    UploadedPart { number, size: content.bytes.len() as u64, etag: content.etag.clone(), crc64nvme: content.crc64nvme }
}

/// Whether both sides name a checksum, and not the same.
fn differ(expected: Option<Crc64>, found: Option<Crc64>) -> bool {
    expected.zip(found).is_some_and(|(expected, found)| expected != found)
}

fn check_crc(expected: Option<Crc64>, content: &Content, operation: &'static str) -> Result<(), StoreError> {
    if differ(expected, content.crc64nvme) {
        let words = format!("CRC64NVME: expected {expected:?}, received {:?}", content.crc64nvme);
        return Err(StoreError::new(ErrorKind::Corrupt, operation, words));
    }
    Ok(())
}

impl Memory {
    async fn receive(&self, body: ByteStream, length: u64, operation: &'static str) -> Result<Content, StoreError> {
        let bytes = body
            .collect()
            .await
            .map_err(|cause| StoreError::new(cause.kind(), operation, "the body broke off").caused_by(cause))?;
        if bytes.len() as u64 != length {
            let words = format!("the body has {} bytes, {length} were announced", bytes.len());
            return Err(StoreError::new(ErrorKind::Corrupt, operation, words));
        }
        Ok(Content::of(Bytes::from(bytes), self.capabilities.checksums))
    }

    fn envelope(&self, object: &NewObject<'_>) -> Envelope {
        let mut headers = if self.capabilities.headers { object.headers.clone() } else { Headers::default() };
        (self.dropped)(&mut headers);
        Envelope::of(object, headers)
    }

    fn condition<'a>(&self, condition: &'a Condition) -> &'a Condition {
        if self.capabilities.conditional_writes { condition } else { &Condition::None }
    }

    fn store(&self, envelope: Envelope, condition: &Condition, content: Content) -> Result<Written, StoreError> {
        let mut world = self.world();
        self.bucket(&mut world).check(&envelope.key, self.condition(condition), "PutObject")?;
        let stamp = self.stamp(&mut world);
        Ok(self.bucket(&mut world).store(envelope, content, stamp))
    }

    fn hold(
        &self,
        upload: &Upload,
        number: PartNumber,
        content: Content,
        operation: &'static str,
    ) -> Result<UploadedPart, StoreError> {
        let mut world = self.world();
        let pending = self.bucket(&mut world).pending(upload, operation)?;
        let uploaded = answer(number, &content);
        pending.parts.insert(number, content);
        Ok(uploaded)
    }

    fn complete(&self, upload: &Upload, completion: &Completion<'_>) -> Result<Written, StoreError> {
        let mut world = self.world();
        let pending = self.bucket(&mut world).pending(upload, COMPLETE)?;
        let content = pending.assemble(completion, self.capabilities, self.checks)?;
        let envelope = pending.envelope.clone();
        self.bucket(&mut world).check(&upload.key, self.condition(&completion.condition), COMPLETE)?;
        let stamp = self.stamp(&mut world);
        let bucket = self.bucket(&mut world);
        bucket.end(upload, COMPLETE)?;
        Ok(bucket.store(envelope, content, stamp))
    }

    /// The pinned source of a copy inside the store: its bytes, or a range of them, and its headers.
    fn copied(
        &self,
        source: &CopySource<'_>,
        range: Option<ByteRange>,
        operation: &'static str,
    ) -> Result<(Content, Headers), StoreError> {
        if !self.copies_from(source.location) {
            let words = format!("{} is another store", source.location);
            return Err(StoreError::new(ErrorKind::Unsupported, operation, words));
        }
        let mut world = self.world();
        let stored = world.bucket(&source.location.bucket).read(source.key, Some(source.pin), operation)?;
        let bytes = match range {
            None => stored.bytes.clone(),
            Some(range) => match slice(&stored.bytes, range, operation)? {
                (bytes, cut) if cut == range => bytes,
                _ => {
                    let words = format!("{range} reaches past the source's {} bytes", stored.info.size);
                    return Err(StoreError::new(ErrorKind::InvalidRequest, operation, words));
                }
            },
        };
        Ok((Content::of(bytes, self.capabilities.checksums), stored.info.headers.clone()))
    }
}

impl Destination for Memory {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn refuse_key(&self, _key: &ObjectKey) -> Option<String> {
        None
    }

    async fn put_object(
        &self,
        object: &NewObject<'_>,
        condition: &Condition,
        expected: Option<Crc64>,
        body: ByteStream,
    ) -> Result<Written, StoreError> {
        let length = body.length();
        let received = self.receive(body, length, "PutObject").await;
        let stored = received.and_then(|content| {
            check_crc(expected, &content, "PutObject")?;
            self.store(self.envelope(object), condition, content)
        });
        self.here(object.key, stored)
    }

    async fn create_multipart_upload(&self, object: &NewObject<'_>) -> Result<Upload, StoreError> {
        let mut world = self.world();
        let initiated = world.tick();
        let pending = Pending { envelope: self.envelope(object), initiated, parts: BTreeMap::new() };
        Ok(self.bucket(&mut world).begin(pending))
    }

    fn list_multipart_uploads(&self, filter: UploadFilter) -> BoxStream<'_, Result<Vec<UnfinishedUpload>, StoreError>> {
        let mut all = self.bucket(&mut self.world()).unfinished();
        all.retain(|unfinished| match &filter {
            UploadFilter::Key(key) => unfinished.upload.key == *key,
            UploadFilter::Prefix(prefix) => unfinished.upload.key.as_str().starts_with(prefix),
        });
        let pages: Vec<_> = all.chunks(self.page_size()).map(|page| Ok(page.to_vec())).collect();
        futures_util::stream::iter(pages).boxed()
    }

    async fn list_parts(&self, upload: &Upload) -> Result<Vec<UploadedPart>, StoreError> {
        let mut world = self.world();
        let parts = self.bucket(&mut world).pending(upload, "ListParts").map(|pending| pending.list());
        self.here(&upload.key, parts)
    }

    async fn upload_part(
        &self,
        upload: &Upload,
        part: &PartSpec,
        body: ByteStream,
    ) -> Result<UploadedPart, StoreError> {
        let received = self.receive(body, part.range.len(), "UploadPart").await;
        let held = received.and_then(|content| self.hold(upload, part.number, content, "UploadPart"));
        self.here(&upload.key, held)
    }

    async fn complete_multipart_upload(
        &self,
        upload: &Upload,
        completion: &Completion<'_>,
    ) -> Result<Written, StoreError> {
        self.here(&upload.key, self.complete(upload, completion))
    }

    async fn abort_multipart_upload(&self, upload: &Upload) -> Result<(), StoreError> {
        let ended = self.bucket(&mut self.world()).end(upload, "AbortMultipartUpload");
        self.here(&upload.key, ended)
    }

    async fn delete_object(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.remove(key.as_str());
        Ok(())
    }

    fn copies_from(&self, source: &Location) -> bool {
        source.endpoint == self.location.endpoint && self.world().has_bucket(&source.bucket)
    }

    async fn copy_object(&self, object: &NewObject<'_>, source: &CopySource<'_>) -> Result<Written, StoreError> {
        let stored = self.copied(source, None, "CopyObject").and_then(|(content, headers)| {
            let kept = if self.capabilities.headers { headers } else { Headers::default() };
            self.store(Envelope::of(object, kept), &Condition::None, content)
        });
        self.here(object.key, stored)
    }

    async fn upload_part_copy(
        &self,
        upload: &Upload,
        part: &PartSpec,
        source: &CopySource<'_>,
    ) -> Result<UploadedPart, StoreError> {
        let copied = self.copied(source, Some(part.range), "UploadPartCopy");
        let held = copied.and_then(|(content, _)| self.hold(upload, part.number, content, "UploadPartCopy"));
        self.here(&upload.key, held)
    }
}
