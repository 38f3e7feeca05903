//! A bucket as a destination.

use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, MetadataDirective, StorageClass,
};
use futures_util::stream::BoxStream;
use longhaul::{
    object::{Crc64, ETag, Location, ObjectKey, PartSpec, VersionId},
    store::{
        ByteStream, Capabilities, Completion, Condition, CopySource, Destination, ErrorKind, NewObject, StoreError,
        UnfinishedUpload, Upload, UploadFilter, UploadedPart, Written,
    },
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::s3::{
    address::Provider,
    body,
    bucket::S3Bucket,
    error::store_error,
    lists::{list_parts, list_uploads},
    translate::{http_date, malformed, of_upload, tag},
};

/// What stays as it is in `x-amz-copy-source`.
const COPY_SOURCE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Destination for S3Bucket {
    fn capabilities(&self) -> Capabilities {
        self.provider.capabilities()
    }

    async fn put_object(
        &self,
        object: &NewObject<'_>,
        condition: &Condition,
        expected: Option<Crc64>,
        body: ByteStream,
    ) -> Result<Written, StoreError> {
        let (if_match, if_none_match) = condition_headers(condition);
        let headers = object.headers;
        let answer = self
            .client
            .put_object()
            .bucket(&self.location.bucket)
            .key(object.key.as_str())
            .content_length(signed(body.length()))
            .set_if_match(if_match)
            .set_if_none_match(if_none_match)
            .set_checksum_crc64_nvme(expected.filter(|_| self.refuses_wrong_checksums).map(Crc64::to_base64))
            .set_content_type(headers.content_type.clone())
            .set_cache_control(headers.cache_control.clone())
            .set_content_disposition(headers.content_disposition.clone())
            .set_content_encoding(headers.content_encoding.clone())
            .set_content_language(headers.content_language.clone())
            .set_expires(headers.expires.as_deref().and_then(http_date))
            .set_metadata(metadata(object))
            .set_storage_class(object.storage_class.map(StorageClass::from))
            .set_request_payer(self.payer())
            .body(body::upload(body))
            .send()
            .await
            .map_err(|error| self.named(of_condition(condition, store_error("PutObject", error)), object.key))?;
        let encryption = (answer.server_side_encryption, answer.sse_customer_algorithm);
        Ok(written(answer.e_tag.map(|text| tag(&text, encryption)), answer.version_id, answer.checksum_crc64_nvme))
    }

    async fn create_multipart_upload(&self, object: &NewObject<'_>) -> Result<Upload, StoreError> {
        let headers = object.headers;
        let names = self.provider.names_checksums();
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(&self.location.bucket)
            .key(object.key.as_str())
            .set_checksum_algorithm(names.then_some(ChecksumAlgorithm::Crc64Nvme))
            .set_checksum_type(names.then_some(ChecksumType::FullObject))
            .set_content_type(headers.content_type.clone())
            .set_cache_control(headers.cache_control.clone())
            .set_content_disposition(headers.content_disposition.clone())
            .set_content_encoding(headers.content_encoding.clone())
            .set_content_language(headers.content_language.clone())
            .set_expires(headers.expires.as_deref().and_then(http_date))
            .set_metadata(metadata(object))
            .set_storage_class(object.storage_class.map(StorageClass::from))
            .set_request_payer(self.payer())
            .send()
            .await
            .map_err(|error| self.named(store_error("CreateMultipartUpload", error), object.key))?;
        let id = answer
            .upload_id
            .ok_or_else(|| self.named(malformed("CreateMultipartUpload", "no upload id"), object.key))?;
        Ok(Upload { key: object.key.clone(), id })
    }

    fn list_multipart_uploads(&self, filter: UploadFilter) -> BoxStream<'_, Result<Vec<UnfinishedUpload>, StoreError>> {
        list_uploads::list(self, filter)
    }

    async fn list_parts(&self, upload: &Upload) -> Result<Vec<UploadedPart>, StoreError> {
        list_parts::list(self, upload).await
    }

    async fn upload_part(
        &self,
        upload: &Upload,
        part: &PartSpec,
        body: ByteStream,
    ) -> Result<UploadedPart, StoreError> {
        let answer = self
            .client
            .upload_part()
            .bucket(&self.location.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .part_number(part.number.get().into())
            .content_length(signed(body.length()))
            .set_request_payer(self.payer())
            .body(body::upload(body))
            .send()
            .await
            .map_err(|error| self.named(of_upload("UploadPart", store_error("UploadPart", error)), &upload.key))?;
        let etag = answer.e_tag.ok_or_else(|| self.named(malformed("UploadPart", "no ETag"), &upload.key))?;
        Ok(UploadedPart {
            number: part.number,
            size: part.range.len(),
            etag: tag(&etag, (answer.server_side_encryption, answer.sse_customer_algorithm)),
            crc64nvme: answer.checksum_crc64_nvme.as_deref().and_then(Crc64::from_base64),
        })
    }

    async fn complete_multipart_upload(
        &self,
        upload: &Upload,
        completion: &Completion<'_>,
    ) -> Result<Written, StoreError> {
        let parts = completion.parts.iter().map(|part| {
            CompletedPart::builder().part_number(part.number.get().into()).e_tag(part.etag.quoted()).build()
        });
        let (if_match, if_none_match) = condition_headers(&completion.condition);
        let crc = completion.crc64nvme.filter(|_| self.refuses_wrong_checksums);
        let answer = self
            .client
            .complete_multipart_upload()
            .bucket(&self.location.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .set_if_match(if_match)
            .set_if_none_match(if_none_match)
            .set_checksum_crc64_nvme(crc.map(Crc64::to_base64))
            .set_checksum_type(crc.map(|_| ChecksumType::FullObject))
            .set_mpu_object_size((self.provider == Provider::Aws).then(|| signed(completion.size)))
            .set_request_payer(self.payer())
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build())
            .send()
            .await
            .map_err(|error| {
                let failed = of_condition(&completion.condition, store_error("CompleteMultipartUpload", error));
                self.named(of_upload("CompleteMultipartUpload", failed), &upload.key)
            })?;
        let etag = answer.e_tag.as_deref().map(ETag::new);
        Ok(written(etag, answer.version_id, answer.checksum_crc64_nvme))
    }

    async fn abort_multipart_upload(&self, upload: &Upload) -> Result<(), StoreError> {
        let request = self
            .client
            .abort_multipart_upload()
            .bucket(&self.location.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .set_request_payer(self.payer());
        let operation = "AbortMultipartUpload";
        request
            .send()
            .await
            .map_err(|error| self.named(of_upload(operation, store_error(operation, error)), &upload.key))?;
        Ok(())
    }

    async fn delete_object(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(&self.location.bucket).key(key.as_str());
        match request.set_request_payer(self.payer()).send().await {
            Ok(_) => Ok(()),
            Err(error) => match store_error("DeleteObject", error) {
                // S3 answers a missing key with success; Google Cloud Storage does not.
                error if error.kind() == ErrorKind::NotFound => Ok(()),
                error => Err(self.named(error, key)),
            },
        }
    }

    fn copies_from(&self, source: &Location) -> bool {
        self.copies_from.as_ref() == Some(source)
    }

    async fn copy_object(&self, object: &NewObject<'_>, source: &CopySource<'_>) -> Result<Written, StoreError> {
        let answer = self
            .client
            .copy_object()
            .bucket(&self.location.bucket)
            .key(object.key.as_str())
            .copy_source(copy_source(source))
            .copy_source_if_match(source.pin.etag.quoted())
            .metadata_directive(MetadataDirective::Copy)
            .set_checksum_algorithm(self.provider.names_checksums().then_some(ChecksumAlgorithm::Crc64Nvme))
            .set_storage_class(object.storage_class.map(StorageClass::from))
            .set_request_payer(self.payer())
            .send()
            .await
            .map_err(|error| self.named(store_error("CopyObject", error), object.key))?;
        let result = answer.copy_object_result;
        let encryption = (answer.server_side_encryption, answer.sse_customer_algorithm);
        let etag = result.as_ref().and_then(|result| result.e_tag.as_deref()).map(|text| tag(text, encryption));
        let crc = result.and_then(|result| result.checksum_crc64_nvme);
        Ok(written(etag, answer.version_id, crc))
    }

    async fn upload_part_copy(
        &self,
        upload: &Upload,
        part: &PartSpec,
        source: &CopySource<'_>,
    ) -> Result<UploadedPart, StoreError> {
        let answer = self
            .client
            .upload_part_copy()
            .bucket(&self.location.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .part_number(part.number.get().into())
            .copy_source(copy_source(source))
            .copy_source_if_match(source.pin.etag.quoted())
            .copy_source_range(part.range.to_string())
            .set_request_payer(self.payer())
            .send()
            .await
            .map_err(|error| {
                self.named(of_upload("UploadPartCopy", store_error("UploadPartCopy", error)), &upload.key)
            })?;
        let result = answer.copy_part_result.ok_or_else(|| malformed("UploadPartCopy", "no result"))?;
        let etag = result.e_tag.ok_or_else(|| malformed("UploadPartCopy", "no ETag"))?;
        Ok(UploadedPart {
            number: part.number,
            size: part.range.len(),
            etag: ETag::new(&etag),
            crc64nvme: result.checksum_crc64_nvme.as_deref().and_then(Crc64::from_base64),
        })
    }
}

/// Where nothing is, S3 answers `If-Match` with a 404 (S3 User Guide, "How to prevent object overwrites").
fn of_condition(condition: &Condition, error: StoreError) -> StoreError {
    match (condition, error.kind()) {
        (Condition::IfMatch(_), ErrorKind::NotFound) => {
            let words = "the object that should be replaced is gone";
            StoreError::new(ErrorKind::PreconditionFailed, error.operation(), words).caused_by(error)
        }
        _ => error,
    }
}

fn condition_headers(condition: &Condition) -> (Option<String>, Option<String>) {
    match condition {
        Condition::None => (None, None),
        Condition::IfAbsent => (None, Some("*".to_owned())),
        Condition::IfMatch(etag) => (Some(etag.quoted()), None),
    }
}

fn metadata(object: &NewObject<'_>) -> Option<std::collections::HashMap<String, String>> {
    let metadata = &object.headers.metadata;
    (!metadata.is_empty()).then(|| metadata.clone().into_iter().collect())
}

fn written(etag: Option<ETag>, version_id: Option<String>, crc: Option<String>) -> Written {
    Written {
        etag,
        version_id: version_id.as_deref().and_then(VersionId::new),
        crc64nvme: crc.as_deref().and_then(Crc64::from_base64),
    }
}

fn copy_source(source: &CopySource<'_>) -> String {
    let path = format!("{}/{}", source.location.bucket, source.key);
    let path = utf8_percent_encode(&path, COPY_SOURCE);
    match &source.pin.version_id {
        Some(version) => format!("{path}?versionId={}", version.as_str()),
        None => path.to_string(),
    }
}

/// Sizes are below 2^63: no object has more than 50 TB.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
