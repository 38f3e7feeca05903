//! Writing to a bucket in memory.
//!
//! A body is read to its end before anything is stored, so a broken body leaves nothing behind.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};

use crate::{
    memory::{
        content::{Content, Envelope},
        pending_upload::{COMPLETE, Pending, answer, check_crc},
        store::{Memory, slice},
    },
    object::{ByteRange, Crc64, Headers, Location, ObjectKey, PartNumber, PartSpec},
    store::{
        ByteStream, Capabilities, Completion, Condition, CopySource, Destination, ErrorKind, NewObject, StoreError,
        UnfinishedUpload, Upload, UploadFilter, UploadedPart, Written,
    },
};

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
