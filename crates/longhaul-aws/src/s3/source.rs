//! A bucket as a source.

use aws_sdk_s3::{
    operation::{get_object::GetObjectOutput, head_object::HeadObjectOutput},
    types::ChecksumMode,
};
use futures_util::stream::BoxStream;
use longhaul::{
    object::{ByteRange, Location, ObjectInfo, ObjectKey, Pin},
    store::{ErrorKind, Fetched, ListRequest, Page, Source, StoreError},
};

use crate::s3::{
    body,
    bucket::S3Bucket,
    error::store_error,
    lists::{list_objects, list_versions},
    translate::{Answer, content_range, malformed},
};

impl Source for S3Bucket {
    fn location(&self) -> &Location {
        &self.location
    }

    fn list(&self, request: ListRequest) -> BoxStream<'_, Page> {
        list_objects::list(self, request)
    }

    fn repeats_pages(&self) -> bool {
        true
    }

    fn list_versions(&self, request: ListRequest) -> BoxStream<'_, Page> {
        list_versions::list(self, request)
    }

    async fn head_object(&self, key: &ObjectKey) -> Result<ObjectInfo, StoreError> {
        let request = self
            .client
            .head_object()
            .bucket(&self.location.bucket)
            .key(key.as_str())
            .set_request_payer(self.payer())
            .set_checksum_mode(self.checksum_mode());
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Err(self.named(self.explained(store_error("HeadObject", error), key).await, key)),
        };
        of_head(answer).into_info("HeadObject").map_err(|error| self.named(error, key))
    }

    async fn get_object(
        &self,
        key: &ObjectKey,
        pin: Option<&Pin>,
        range: Option<ByteRange>,
    ) -> Result<Fetched, StoreError> {
        let request = self
            .client
            .get_object()
            .bucket(&self.location.bucket)
            .key(key.as_str())
            .set_request_payer(self.payer())
            .set_if_match(pin.map(|pin| pin.etag.quoted()))
            .set_version_id(pin.and_then(|pin| pin.version_id.as_ref()).map(|id| id.as_str().to_owned()))
            .set_range(range.map(|range| range.to_string()))
            // The checksum of the whole says nothing of a range.
            .set_checksum_mode(self.checksum_mode().filter(|_| range.is_none()));
        let answer = request.send().await.map_err(|error| self.named(store_error("GetObject", error), key))?;
        self.fetched(key, range, answer).map_err(|error| self.named(error, key))
    }
}

impl S3Bucket {
    /// The answer to a HEAD has no body and so no code: refused credentials look like a missing right, an expired token like a
    /// wrong request. A GET of one byte, which needs the same right, says which it is.
    async fn explained(&self, error: StoreError, key: &ObjectKey) -> StoreError {
        if !matches!(error.kind(), ErrorKind::AccessDenied | ErrorKind::InvalidRequest) {
            return error;
        }
        let request = self
            .client
            .get_object()
            .bucket(&self.location.bucket)
            .key(key.as_str())
            .set_request_payer(self.payer())
            .range("bytes=0-0");
        match request.send().await.map_err(|error| store_error("GetObject", error)) {
            Err(told) if matches!(told.kind(), ErrorKind::InvalidCredentials | ErrorKind::ClockSkew) => told,
            Ok(_) | Err(_) => error,
        }
    }

    fn checksum_mode(&self) -> Option<ChecksumMode> {
        self.provider.names_checksums().then_some(ChecksumMode::Enabled)
    }

    fn fetched(
        &self,
        key: &ObjectKey,
        asked: Option<ByteRange>,
        answer: GetObjectOutput,
    ) -> Result<Fetched, StoreError> {
        let length = answer.content_length.and_then(|length| u64::try_from(length).ok());
        let length = length.ok_or_else(|| malformed("GetObject", "no length"))?;
        let ranged = answer.content_range.as_deref().map(content_range);
        let (range, size) = match ranged {
            Some(Some((range, total))) => (Some(range), total),
            Some(None) => return Err(malformed("GetObject", "a Content-Range that cannot be read")),
            // The whole object in answer to a range: not what was asked for, and the caller will say so.
            None => (None, length),
        };
        let (body, description) = of_get(answer, size);
        let mut info = description.into_info("GetObject")?;
        if asked.is_some() {
            info.crc64nvme = None;
        }
        Ok(Fetched { info, range, body: body::download(body, length, &self.location, key) })
    }
}

/// What an answer says of its object: HEAD and GET say the same in the same words.
macro_rules! description {
    ($answer:ident, $size:expr) => {
        Answer {
            size: $size,
            e_tag: $answer.e_tag,
            version_id: $answer.version_id,
            last_modified: $answer.last_modified,
            checksum_crc64_nvme: $answer.checksum_crc64_nvme,
            checksum_type: $answer.checksum_type,
            server_side_encryption: $answer.server_side_encryption,
            sse_customer_algorithm: $answer.sse_customer_algorithm,
            content_type: $answer.content_type,
            cache_control: $answer.cache_control,
            content_disposition: $answer.content_disposition,
            content_encoding: $answer.content_encoding,
            content_language: $answer.content_language,
            expires_string: $answer.expires_string,
            metadata: $answer.metadata,
            storage_class: $answer.storage_class.map(|class| class.as_str().to_owned()),
            tag_count: $answer.tag_count,
            missing_meta: $answer.missing_meta,
            website_redirect_location: $answer.website_redirect_location,
        }
    };
}

fn of_head(answer: HeadObjectOutput) -> Answer {
    description!(answer, answer.content_length.and_then(|length| u64::try_from(length).ok()))
}

fn of_get(answer: GetObjectOutput, size: u64) -> (aws_sdk_s3::primitives::ByteStream, Answer) {
    (answer.body, description!(answer, Some(size)))
}
