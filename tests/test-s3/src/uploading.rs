//! The operations of multipart uploads.

use std::time::SystemTime;

use s3s::{
    S3Request, S3Result,
    dto::{self, ChecksumType},
    s3_error,
};

use crate::{
    bucket::Bucket,
    checksum::{Algorithm, Checksum, Digests, cheap_etag, crc64_base64, sent_checksums, set_checksum, with_checksum},
    conditions::{check_copy_source, check_write},
    data::Data,
    ingest::{Expected, Ingested, announced, check_announcement, ingest},
    multipart::{Completed, Completion, Part, Upload, default_kind, no_such_upload, part_number},
    object::Object,
    server::Dialect,
    service::Service,
    synthetic::synthetic_etag,
    upload_rules::{
        algorithm_name, check_part_algorithm, completion, copy_range, kind_name, parse_algorithm, parse_kind,
    },
    wire::{echoed_key, exchange, put_options, strong, timestamp},
    writing::insert,
};

pub(crate) fn find<'a>(bucket: &'a mut Bucket, key: &str, id: &str) -> S3Result<&'a mut Upload> {
    bucket.uploads.get_mut(&(key.to_owned(), id.to_owned())).ok_or_else(no_such_upload)
}

impl Service {
    pub async fn upload_create(
        &self,
        mut request: S3Request<dto::CreateMultipartUploadInput>,
    ) -> S3Result<dto::CreateMultipartUploadOutput> {
        let input = &mut request.input;
        let options = put_options!(input).parse()?;
        let algorithm = input.checksum_algorithm.as_ref().map(|named| parse_algorithm(named.as_str())).transpose()?;
        let kind = match (input.checksum_type.as_ref().map(ChecksumType::as_str), algorithm) {
            (None, algorithm) => algorithm.map(default_kind),
            (Some(_), None) => {
                return Err(s3_error!(InvalidRequest, "x-amz-checksum-type needs x-amz-checksum-algorithm"));
            }
            (Some(kind), Some(algorithm)) => Some(parse_kind(kind, algorithm)?),
        };
        let upload =
            Upload { initiated: SystemTime::now(), options, algorithm, kind, parts: std::collections::BTreeMap::new() };
        let id = self.store.with_bucket(&input.bucket, |bucket, ids| {
            let id = ids.upload();
            bucket.uploads.insert((input.key.clone(), id.clone()), upload);
            Ok(id)
        })?;
        Ok(dto::CreateMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: echoed_key(&input.key),
            upload_id: Some(id),
            checksum_algorithm: algorithm.map(algorithm_name),
            checksum_type: kind.map(kind_name),
            ..Default::default()
        })
    }

    pub async fn upload_part_body(
        &self,
        mut request: S3Request<dto::UploadPartInput>,
    ) -> S3Result<dto::UploadPartOutput> {
        let exchange = exchange(&request);
        let body = request.input.body.take();
        let input = &request.input;
        let number = part_number(input.part_number)?;
        let sent = sent_checksums!(input);
        check_announcement(&request, &sent)?;
        let (discard, algorithm) = self.upload_settings(&input.bucket, &input.key, &input.upload_id)?;
        let mut wanted = announced(&request);
        check_part_algorithm(algorithm, sent.iter().map(|(algorithm, _)| *algorithm).chain(wanted.iter().copied()))?;
        wanted.extend(algorithm);
        let expected = Expected {
            sent,
            wanted,
            content_md5: input.content_md5.clone(),
            content_length: input.content_length,
            md5: self.store.md5_use(),
            discard,
            corrupt_at: exchange.corrupt_at,
            is_checked: self.dialect != Dialect::Echo,
        };
        let Ingested { data, digests, sent } = ingest(&request, body, expected).await?;
        let mut part = received_part(data, &digests, algorithm);
        part.etag = self.tags.tag(part.etag);
        if self.dialect == Dialect::Echo {
            part.checksum = None;
        }
        let mut output = dto::UploadPartOutput {
            e_tag: Some(strong(&part.etag)),
            server_side_encryption: self.tags.encryption(),
            ..Default::default()
        };
        let shown = algorithm.zip(part.checksum.clone()).or_else(|| sent.into_iter().next());
        if let Some((algorithm, value)) = shown.filter(|(algorithm, _)| self.knows(*algorithm)) {
            set_checksum!(output, algorithm, value);
        }
        // The upload may have been completed or aborted while the body was on its way.
        self.store_part(&input.bucket, &input.key, &input.upload_id, number, part)?;
        exchange.set_accepted_crc64(crc64_base64(digests.crc64));
        Ok(output)
    }

    pub async fn upload_part_from(
        &self,
        request: S3Request<dto::UploadPartCopyInput>,
    ) -> S3Result<dto::UploadPartCopyOutput> {
        let exchange = exchange(&request);
        let input = &request.input;
        let number = part_number(input.part_number)?;
        let (source, copy_source_version_id) = self.copy_source(&input.copy_source)?;
        let (if_match, if_none_match) = (input.copy_source_if_match.as_ref(), input.copy_source_if_none_match.as_ref());
        check_copy_source(exchange.read_conditions, if_match, if_none_match, &source)?;
        let range = copy_range(input.copy_source_range.as_deref(), source.size())?;
        let (discards, algorithm) = self.upload_settings(&input.bucket, &input.key, &input.upload_id)?;
        let part = self.copied_part(&source, source.data.slice(range), algorithm, discards).await?;
        let mut result = dto::CopyPartResult {
            e_tag: Some(strong(&part.etag)),
            last_modified: Some(timestamp(part.modified)),
            ..Default::default()
        };
        if let Some((algorithm, value)) = algorithm.zip(part.checksum.clone()).filter(|(name, _)| self.knows(*name)) {
            set_checksum!(result, algorithm, value);
        }
        if let Some(crc) = part.crc64 {
            exchange.set_accepted_crc64(crc64_base64(crc));
        }
        self.store_part(&input.bucket, &input.key, &input.upload_id, number, part)?;
        let copy_part_result = Some(result);
        Ok(dto::UploadPartCopyOutput { copy_part_result, copy_source_version_id, ..Default::default() })
    }

    fn store_part(&self, bucket: &str, key: &str, id: &str, number: u16, part: Part) -> S3Result<()> {
        self.store.with_bucket(bucket, |bucket, _| {
            find(bucket, key, id)?.parts.insert(number, part);
            Ok(())
        })
    }

    /// Whether uploads into a bucket are discarded, and the algorithm of this one.
    fn upload_settings(&self, bucket: &str, key: &str, id: &str) -> S3Result<(bool, Option<Algorithm>)> {
        self.store.with_bucket(bucket, |bucket, _| {
            let algorithm = find(bucket, key, id)?.algorithm;
            Ok((bucket.discards, algorithm))
        })
    }

    /// Where bytes are discarded anyway and nobody asked for a checksum, terabytes are copied in no time.
    async fn copied_part(
        &self,
        source: &Object,
        data: Data,
        algorithm: Option<Algorithm>,
        discards: bool,
    ) -> S3Result<Part> {
        let digests = if (discards && algorithm.is_none()) || data.is_discarded() {
            None
        } else {
            self.digest(data.clone(), algorithm).await?
        };
        let whole = source.crc64.filter(|_| data.len() == source.size());
        let crc64 = digests.as_ref().map(|digests| digests.crc64).or(whole);
        let etag = match (&digests, crc64) {
            (Some(digests), _) => digests.etag(),
            (None, Some(crc)) => cheap_etag(crc, data.len()),
            (None, None) => synthetic_etag(source.size(), data.len()),
        };
        let checksum = algorithm.zip(digests).and_then(|(algorithm, digests)| digests.value(algorithm));
        let data = if discards { Data::discarded(data.len()) } else { data };
        Ok(Part { data, etag, crc64, checksum, modified: SystemTime::now() })
    }

    pub async fn upload_complete(
        &self,
        request: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> S3Result<dto::CompleteMultipartUploadOutput> {
        let exchange = exchange(&request);
        let input = request.input;
        let completion = completion(&input);
        let options = self.store.options();
        let completed = self.store.with_bucket(&input.bucket, |bucket, ids| {
            let place = (input.key.clone(), input.upload_id.clone());
            let Some(upload) = bucket.uploads.get(&place) else {
                let earlier = bucket.completed.get(&input.upload_id);
                let earlier = earlier.filter(|earlier| options.repeated_complete_succeeds && earlier.key == input.key);
                return earlier.cloned().ok_or_else(no_such_upload);
            };
            let version_id = ids.version(bucket.versioning);
            let mut object =
                upload.complete(&own_checks(&completion, self.dialect), options.min_part_size, version_id)?;
            if self.dialect == Dialect::Echo {
                object.checksum = repeated(&completion);
            }
            let current = bucket.current(&input.key);
            let (if_match, if_none_match) = (input.if_match.as_ref(), input.if_none_match.as_ref());
            check_write(exchange.write_conditions, if_match, if_none_match, current.as_deref())?;
            bucket.uploads.remove(&place);
            let (object, version_id) = insert(bucket, &input.key, object);
            let completed = remember(&input.key, &object, version_id);
            if options.repeated_complete_succeeds {
                bucket.completed.insert(input.upload_id.clone(), completed.clone());
            }
            Ok(completed)
        })?;
        let crc = completed.checksum.as_ref().filter(|checksum| checksum.algorithm == Algorithm::Crc64Nvme);
        if let Some(crc) = crc {
            exchange.set_accepted_crc64(crc.value.clone());
        }
        Ok(self.completed_output(&input.bucket, &input.key, completed))
    }

    fn completed_output(&self, bucket: &str, key: &str, completed: Completed) -> dto::CompleteMultipartUploadOutput {
        let output = dto::CompleteMultipartUploadOutput {
            bucket: Some(bucket.to_owned()),
            key: echoed_key(key),
            e_tag: Some(strong(&completed.etag)),
            version_id: completed.version_id,
            ..Default::default()
        };
        with_checksum!(output, completed.checksum.filter(|checksum| self.knows(checksum.algorithm)))
    }

    pub async fn upload_abort(
        &self,
        request: S3Request<dto::AbortMultipartUploadInput>,
    ) -> S3Result<dto::AbortMultipartUploadOutput> {
        let input = request.input;
        self.store.with_bucket(&input.bucket, |bucket, _| {
            let removed = bucket.uploads.remove(&(input.key, input.upload_id));
            removed.map(|_| dto::AbortMultipartUploadOutput::default()).ok_or_else(no_such_upload)
        })
    }
}

fn received_part(data: Data, digests: &Digests, algorithm: Option<Algorithm>) -> Part {
    Part {
        data,
        etag: digests.etag(),
        crc64: Some(digests.crc64),
        checksum: algorithm.and_then(|algorithm| digests.value(algorithm)),
        modified: SystemTime::now(),
    }
}

/// What is checked of a completion: an emulator checks no checksum.
fn own_checks(completion: &Completion, dialect: Dialect) -> Completion {
    let mut checked = completion.clone();
    if dialect == Dialect::Echo {
        checked.checksums.clear();
    }
    checked
}

/// The checksum that came with a completion, whatever it is.
fn repeated(completion: &Completion) -> Option<Checksum> {
    let (algorithm, value) = completion.checksums.first()?;
    Some(Checksum::full(*algorithm, value.clone()))
}

fn remember(key: &str, object: &Object, version_id: Option<String>) -> Completed {
    Completed { key: key.to_owned(), etag: object.etag.clone(), version_id, checksum: object.checksum.clone() }
}
