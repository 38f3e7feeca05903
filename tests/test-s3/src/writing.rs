//! PUT, DELETE and server-side copies of whole objects.

use std::sync::Arc;

use bytes::Bytes;
use s3s::{
    S3Request, S3Result,
    dto::{self, CopySource},
    s3_error,
};

use crate::{
    bucket::Bucket,
    checksum::{Algorithm, Checksum, ChecksumKind, Digests, Md5Use, digest_data, sent_checksums, with_checksum},
    conditions::{check_copy_source, check_write},
    data::Data,
    ingest::{Expected, Ingested, announced, check_announcement, ingest},
    object::{Object, Version},
    server::Dialect,
    service::Service,
    store::new_object,
    wire::{exchange, put_options, strong, timestamp},
};

/// S3 copies at most this much in one request.
const MAX_COPY: u64 = 5 * 1024 * 1024 * 1024;

impl Service {
    pub async fn put(&self, mut request: S3Request<dto::PutObjectInput>) -> S3Result<dto::PutObjectOutput> {
        let exchange = exchange(&request);
        let body = request.input.body.take();
        let options = put_options!(request.input).parse()?;
        let sent = sent_checksums!(request.input);
        check_announcement(&request, &sent)?;
        let expected = Expected {
            sent,
            wanted: announced(&request),
            content_md5: request.input.content_md5.clone(),
            content_length: request.input.content_length,
            md5: self.store.md5_use(),
            discard: self.discards(&request.input.bucket)?,
            corrupt_at: exchange.corrupt_at,
            is_checked: self.dialect != Dialect::Echo,
        };
        let Ingested { data, digests, sent } = ingest(&request, body, expected).await?;
        exchange.set_accepted_crc64(crate::checksum::crc64_base64(digests.crc64));
        let mut object = new_object(data, Some(digests), options);
        object.etag = self.tags.tag(object.etag);
        if self.dialect == Dialect::Echo {
            object.checksum = None;
        }
        if let Some((algorithm, value)) = sent.into_iter().next() {
            object.checksum = Some(Checksum::full(algorithm, value));
        }
        let input = &request.input;
        let (object, version_id) = self.store.with_bucket(&input.bucket, |bucket, ids| {
            let current = bucket.current(&input.key);
            let (if_match, if_none_match) = (input.if_match.as_ref(), input.if_none_match.as_ref());
            check_write(exchange.write_conditions, if_match, if_none_match, current.as_deref())?;
            object.version_id = ids.version(bucket.versioning);
            Ok(insert(bucket, &input.key, object))
        })?;
        Ok(self.put_output(&object, version_id))
    }

    fn put_output(&self, object: &Object, version_id: Option<String>) -> dto::PutObjectOutput {
        let e_tag = Some(strong(&object.etag));
        let server_side_encryption = self.tags.encryption();
        let output = dto::PutObjectOutput { e_tag, version_id, server_side_encryption, ..Default::default() };
        with_checksum!(output, self.known(object))
    }

    /// Whether uploads into this bucket are kept; fails where there is no bucket.
    pub fn discards(&self, bucket: &str) -> S3Result<bool> {
        self.store.with_bucket(bucket, |bucket, _| Ok(bucket.discards))
    }

    fn known(&self, object: &Object) -> Option<Checksum> {
        object.checksum.clone().filter(|checksum| self.knows(checksum.algorithm))
    }

    pub async fn delete(&self, request: S3Request<dto::DeleteObjectInput>) -> S3Result<dto::DeleteObjectOutput> {
        let input = request.input;
        self.store.with_bucket(&input.bucket, |bucket, ids| {
            let marker_id = ids.version(bucket.versioning);
            let deleted = bucket.delete(&input.key, input.version_id.as_deref(), marker_id);
            let delete_marker = deleted.marker.then_some(true);
            Ok(dto::DeleteObjectOutput { delete_marker, version_id: deleted.version_id, ..Default::default() })
        })
    }

    pub async fn delete_many(&self, request: S3Request<dto::DeleteObjectsInput>) -> S3Result<dto::DeleteObjectsOutput> {
        let input = request.input;
        let quiet = input.delete.quiet.unwrap_or(false);
        self.store.with_bucket(&input.bucket, |bucket, ids| {
            let mut shown = Vec::new();
            for named in input.delete.objects {
                let marker_id = ids.version(bucket.versioning);
                let deleted = bucket.delete(&named.key, named.version_id.as_deref(), marker_id);
                shown.push(dto::DeletedObject {
                    delete_marker: deleted.marker.then_some(true),
                    delete_marker_version_id: deleted.version_id.filter(|_| deleted.marker),
                    key: Some(named.key),
                    version_id: named.version_id,
                });
            }
            let deleted = (!quiet).then_some(shown);
            Ok(dto::DeleteObjectsOutput { deleted, ..Default::default() })
        })
    }

    pub async fn set_tags(
        &self,
        request: S3Request<dto::PutObjectTaggingInput>,
    ) -> S3Result<dto::PutObjectTaggingOutput> {
        let input = request.input;
        let pairs = input.tagging.tag_set.into_iter();
        let tags = pairs.map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())).collect();
        self.store.with_bucket(&input.bucket, |bucket, _| {
            let mut object = Object::clone(&*bucket.find(&input.key, input.version_id.as_deref())?);
            object.options.tags = tags;
            let object = Arc::new(object);
            let mut versions = bucket.keys.get_mut(&input.key).into_iter().flatten();
            if let Some(version) = versions.find(|version| version.id() == object.version_id) {
                *version = Version::Object(Arc::clone(&object));
            }
            Ok(dto::PutObjectTaggingOutput { version_id: bucket.shown_version(&object) })
        })
    }

    /// The object a copy reads, and its version if it has one to show.
    pub fn copy_source(&self, source: &CopySource) -> S3Result<(Arc<Object>, Option<String>)> {
        let CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(s3_error!(NotImplemented, "Access points are not implemented"));
        };
        self.store.with_bucket(bucket, |bucket, _| {
            let object = bucket.find(key, version_id.as_deref())?;
            let version_id = bucket.shown_version(&object);
            Ok((object, version_id))
        })
    }

    pub async fn copy(&self, mut request: S3Request<dto::CopyObjectInput>) -> S3Result<dto::CopyObjectOutput> {
        let exchange = exchange(&request);
        let input = &mut request.input;
        let (source, copy_source_version_id) = self.copy_source(&input.copy_source)?;
        let (if_match, if_none_match) = (input.copy_source_if_match.as_ref(), input.copy_source_if_none_match.as_ref());
        check_copy_source(exchange.read_conditions, if_match, if_none_match, &source)?;
        if source.size() > MAX_COPY {
            return Err(s3_error!(
                InvalidRequest,
                "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"
            ));
        }
        if source.is_archived() {
            return Err(s3_error!(InvalidObjectState, "Restore the source object before copying it"));
        }
        let mut object = self.copied(&source, input.checksum_algorithm.as_ref()).await?;
        if let Some(at) = exchange.corrupt_at.filter(|_| object.size() > 0) {
            spoil(&mut object, at);
        }
        set_options(&mut object, &source, input)?;
        let (object, version_id) = self.store.with_bucket(&input.bucket, |bucket, ids| {
            object.version_id = ids.version(bucket.versioning);
            Ok(insert(bucket, &input.key, object))
        })?;
        let copy_object_result = Some(self.copy_result(&object));
        Ok(dto::CopyObjectOutput { copy_object_result, copy_source_version_id, version_id, ..Default::default() })
    }

    fn copy_result(&self, object: &Object) -> dto::CopyObjectResult {
        let result = dto::CopyObjectResult {
            e_tag: Some(strong(&object.etag)),
            last_modified: Some(timestamp(object.modified)),
            ..Default::default()
        };
        with_checksum!(result, self.known(object))
    }

    /// The bytes of `source` as an object uploaded in one piece.
    async fn copied(&self, source: &Arc<Object>, algorithm: Option<&dto::ChecksumAlgorithm>) -> S3Result<Object> {
        let algorithm = algorithm.and_then(|algorithm| Algorithm::parse(algorithm.as_str()));
        let kept = source.checksum.as_ref().is_some_and(|checksum| {
            checksum.kind == ChecksumKind::FullObject && algorithm.is_none_or(|wanted| wanted == checksum.algorithm)
        });
        let mut object = Object { parts: None, modified: std::time::SystemTime::now(), ..Object::clone(source) };
        // Nothing new is to be computed for an object in one piece whose checksum is kept, or was never known.
        let in_one_piece = source.parts.is_none();
        if in_one_piece && (kept || (source.checksum.is_none() && algorithm.is_none())) {
            return Ok(object);
        }
        let wanted = algorithm.or_else(|| source.checksum.as_ref().map(|checksum| checksum.algorithm));
        let Some(digests) = self.digest(source.data.clone(), wanted).await? else { return Ok(object) };
        object.crc64 = Some(digests.crc64);
        if !in_one_piece {
            object.etag = digests.etag();
        }
        let wanted = wanted.unwrap_or(Algorithm::Crc64Nvme);
        object.checksum = digests.value(wanted).map(|value| Checksum::full(wanted, value));
        Ok(object)
    }

    pub async fn digest(&self, data: Data, wanted: Option<Algorithm>) -> S3Result<Option<Digests>> {
        let md5 = self.store.md5_use();
        let wanted: Vec<Algorithm> = wanted.into_iter().collect();
        // Gigabytes are read here, and the requests of others must go on.
        let digests = tokio::task::spawn_blocking(move || digest_data(&data, md5, &wanted)).await;
        digests.map_err(|source| s3_error!(source, InternalError))
    }
}

fn set_options(object: &mut Object, source: &Object, input: &mut dto::CopyObjectInput) -> S3Result<()> {
    let replaces_metadata = input
        .metadata_directive
        .as_ref()
        .is_some_and(|directive| directive.as_str() == dto::MetadataDirective::REPLACE);
    let replaces_tags =
        input.tagging_directive.as_ref().is_some_and(|directive| directive.as_str() == dto::TaggingDirective::REPLACE);
    let mut options = put_options!(input).parse()?;
    if !replaces_metadata {
        options.headers = source.options.headers.clone();
        options.metadata = source.options.metadata.clone();
    }
    if !replaces_tags {
        options.tags = source.options.tags.clone();
    }
    object.options = options;
    Ok(())
}

/// Flips a byte, as if it had been read or written wrongly; tag and checksum are those of the bytes that came of it.
fn spoil(object: &mut Object, at: u64) {
    let (size, at) = (object.size(), at % object.size());
    let Some(Ok(byte)) = object.data.reader(at..at + 1).next_chunk() else { return };
    let flipped = Data::from(Bytes::from(vec![byte[0] ^ 1]));
    object.data = Data::concat([&object.data.slice(0..at), &flipped, &object.data.slice(at + 1..size)]);
    if let Some(digests) = digest_data(&object.data, Md5Use::Computed, &[]) {
        object.etag = digests.etag();
        object.crc64 = Some(digests.crc64);
        object.checksum = digests.value(Algorithm::Crc64Nvme).map(|value| Checksum::full(Algorithm::Crc64Nvme, value));
    }
}

/// Puts `object` into `bucket`; gives it back with the version its answer shows.
pub(crate) fn insert(bucket: &mut Bucket, key: &str, object: Object) -> (Arc<Object>, Option<String>) {
    let object = Arc::new(object);
    bucket.insert(key, Arc::clone(&object));
    let version_id = bucket.shown_version(&object);
    (object, version_id)
}
