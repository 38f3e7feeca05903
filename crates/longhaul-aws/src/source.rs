//! A bucket as a source.

use aws_sdk_s3::{
    operation::{get_object::GetObjectOutput, head_object::HeadObjectOutput, list_objects_v2::ListObjectsV2Output},
    types::{ChecksumMode, EncodingType, Object},
};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use longhaul::{
    error::{ErrorKind, StoreError},
    object::{ETag, Listed, Location, ObjectInfo, ObjectKey, Pin},
    part::ByteRange,
    ports::{Fetched, ListRequest, Page, Source},
};

use crate::{
    body,
    bucket::S3Bucket,
    failure::store_error,
    translate::{Answer, content_range, listed_key, malformed, timestamp},
    versions,
};

/// Where a listing stands.
#[derive(Clone)]
enum Next {
    Start(ListRequest),
    Continue { prefix: String, token: String },
    End,
}

impl Source for S3Bucket {
    fn location(&self) -> &Location {
        &self.location
    }

    fn list(&self, request: ListRequest) -> BoxStream<'_, Page> {
        stream::unfold(Next::Start(request), move |next| self.next_page(next)).boxed()
    }

    fn repeats_pages(&self) -> bool {
        true
    }

    fn list_versions(&self, request: ListRequest) -> BoxStream<'_, Page> {
        versions::list(self, request)
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

    /// A page that fails is asked for again by whoever goes on behind the error.
    async fn next_page(&self, next: Next) -> Option<(Page, Next)> {
        let asked = next.clone();
        let (prefix, start_after, token) = match next {
            Next::Start(request) => (request.prefix, request.start_after, None),
            Next::Continue { prefix, token } => (prefix, None, Some(token)),
            Next::End => return None,
        };
        let request = self
            .client
            .list_objects_v2()
            .bucket(&self.location.bucket)
            .prefix(&prefix)
            .set_start_after(start_after)
            .set_continuation_token(token)
            .set_request_payer(self.payer())
            .encoding_type(EncodingType::Url);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Some((Err(store_error("ListObjectsV2", error).at(&self.location)), asked)),
        };
        let more = answer.is_truncated == Some(true);
        let next = match answer.next_continuation_token.clone().filter(|_| more) {
            Some(token) => Next::Continue { prefix, token },
            None if more => {
                let error = malformed("ListObjectsV2", "more was announced, but not where").at(&self.location);
                return Some((Err(error), asked));
            }
            None => Next::End,
        };
        let page = self.page(answer);
        let next = if page.is_ok() { next } else { asked };
        Some((page, next))
    }

    fn page(&self, answer: ListObjectsV2Output) -> Page {
        let encoded = answer.encoding_type == Some(EncodingType::Url);
        let lines = answer.contents.unwrap_or_default().into_iter().map(|object| self.line(object, encoded));
        lines.collect()
    }

    fn line(&self, object: Object, encoded: bool) -> Result<Listed, StoreError> {
        let broken = |what: &str| malformed("ListObjectsV2", what).at(&self.location);
        let text = object.key.as_deref().ok_or_else(|| broken("a line without a key"))?;
        let key = listed_key(text, encoded).map_err(|error| broken("a key that cannot be read").caused_by(error))?;
        let size = object.size.and_then(|size| u64::try_from(size).ok());
        Ok(Listed {
            key,
            size: size.ok_or_else(|| broken("a line without a size"))?,
            etag: object.e_tag.as_deref().map(ETag::new),
            modified: timestamp(object.last_modified.as_ref()),
            version_id: None,
        })
    }
}

fn of_head(answer: HeadObjectOutput) -> Answer {
    Answer {
        size: answer.content_length.and_then(|length| u64::try_from(length).ok()),
        e_tag: answer.e_tag,
        version_id: answer.version_id,
        last_modified: answer.last_modified,
        checksum_crc64_nvme: answer.checksum_crc64_nvme,
        checksum_type: answer.checksum_type,
        content_type: answer.content_type,
        cache_control: answer.cache_control,
        content_disposition: answer.content_disposition,
        content_encoding: answer.content_encoding,
        content_language: answer.content_language,
        expires_string: answer.expires_string,
        metadata: answer.metadata,
        storage_class: answer.storage_class.map(|class| class.as_str().to_owned()),
        tag_count: answer.tag_count,
        missing_meta: answer.missing_meta,
        website_redirect_location: answer.website_redirect_location,
    }
}

fn of_get(answer: GetObjectOutput, size: u64) -> (aws_sdk_s3::primitives::ByteStream, Answer) {
    let description = Answer {
        size: Some(size),
        e_tag: answer.e_tag,
        version_id: answer.version_id,
        last_modified: answer.last_modified,
        checksum_crc64_nvme: answer.checksum_crc64_nvme,
        checksum_type: answer.checksum_type,
        content_type: answer.content_type,
        cache_control: answer.cache_control,
        content_disposition: answer.content_disposition,
        content_encoding: answer.content_encoding,
        content_language: answer.content_language,
        expires_string: answer.expires_string,
        metadata: answer.metadata,
        storage_class: answer.storage_class.map(|class| class.as_str().to_owned()),
        tag_count: answer.tag_count,
        missing_meta: answer.missing_meta,
        website_redirect_location: answer.website_redirect_location,
    };
    (answer.body, description)
}
