//! GET and HEAD of objects, and their tags.

use std::{ops::Range, sync::Arc};

use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};
use s3s::{
    S3Request, S3Result,
    dto::{self, ETagCondition, StreamingBlob},
    s3_error,
};

use crate::{
    checksum::{Algorithm, Checksum, with_checksum},
    conditions::check_read,
    object::Object,
    record::Exchange,
    server::Dialect,
    service::Service,
    wire::{exchange, parse_http_date, strong, timestamp},
};

/// What GET and HEAD ask alike.
struct Asked<'a> {
    bucket: &'a str,
    key: &'a str,
    version_id: Option<&'a str>,
    if_match: Option<&'a ETagCondition>,
    if_none_match: Option<&'a ETagCondition>,
    range: Option<dto::Range>,
}

macro_rules! asked {
    ($input:ident) => {
        Asked {
            bucket: &$input.bucket,
            key: &$input.key,
            version_id: $input.version_id.as_deref(),
            if_match: $input.if_match.as_ref(),
            if_none_match: $input.if_none_match.as_ref(),
            range: $input.range,
        }
    };
}

struct Found {
    object: Arc<Object>,
    version_id: Option<String>,
    range: Range<u64>,
    content_range: Option<String>,
}

/// Fills the fields that the answers to GET and HEAD share.
macro_rules! object_fields {
    ($output:ident, $found:expr, $checksum:expr) => {{
        let object = &$found.object;
        let headers = &object.options.headers;
        let output = $output {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: headers.cache_control.clone(),
            content_disposition: headers.content_disposition.clone(),
            content_encoding: headers.content_encoding.clone(),
            content_language: headers.content_language.clone(),
            content_length: Some(($found.range.end - $found.range.start) as i64),
            content_range: $found.content_range.clone(),
            content_type: Some(headers.content_type.clone().unwrap_or_else(|| "binary/octet-stream".to_owned())),
            e_tag: Some(strong(&object.etag)),
            expires: headers.expires.as_deref().and_then(parse_http_date),
            last_modified: Some(timestamp(object.modified)),
            metadata: Some(object.options.metadata.clone().into_iter().collect()),
            storage_class: object.options.storage_class.clone().map(dto::StorageClass::from),
            version_id: $found.version_id.clone(),
            ..Default::default()
        };
        with_checksum!(output, $checksum)
    }};
}

type Get = dto::GetObjectOutput;
type Head = dto::HeadObjectOutput;

impl Service {
    pub async fn read(&self, request: S3Request<dto::GetObjectInput>) -> S3Result<Get> {
        let exchange = exchange(&request);
        let input = request.input;
        let found = self.find(&asked!(input), &exchange)?;
        if found.object.is_archived() {
            return Err(s3_error!(InvalidObjectState, "The operation is not valid for the object's storage class"));
        }
        if found.object.data.is_discarded() {
            return Err(s3_error!(InternalError, "The bytes of this object were discarded when they were uploaded"));
        }
        let checksum = self.shown_checksum(&found, input.checksum_mode.as_ref());
        let mut output: Get = object_fields!(Get, found, checksum);
        output.tag_count = tag_count(&found.object);
        output.body = Some(StreamingBlob::new(found.object.data.reader(found.range)));
        Ok(output)
    }

    pub async fn head(&self, request: S3Request<dto::HeadObjectInput>) -> S3Result<(Head, HeaderMap)> {
        let exchange = exchange(&request);
        let input = request.input;
        let found = self.find(&asked!(input), &exchange)?;
        let checksum = self.shown_checksum(&found, input.checksum_mode.as_ref());
        let output: Head = object_fields!(Head, found, checksum);
        let mut headers = HeaderMap::new();
        if let Some(count) = tag_count(&found.object) {
            headers.insert(HeaderName::from_static("x-amz-tagging-count"), HeaderValue::from(count));
        }
        Ok((output, headers))
    }

    fn find(&self, asked: &Asked<'_>, exchange: &Exchange) -> S3Result<Found> {
        let (object, version_id) = self.store.with_bucket(asked.bucket, |bucket, _| {
            let object = bucket.find(asked.key, asked.version_id)?;
            let version_id = bucket.shown_version(&object);
            Ok((object, version_id))
        })?;
        check_read(exchange.read_conditions, asked.if_match, asked.if_none_match, &object)?;
        let size = object.size();
        let (range, content_range) = match asked.range {
            None => (0..size, None),
            Some(range) => {
                let range = range.check(size)?;
                let shown = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
                (range, Some(shown))
            }
        };
        Ok(Found { object, version_id, range, content_range })
    }

    /// The checksum of the whole says nothing about a range.
    fn shown_checksum(&self, found: &Found, mode: Option<&dto::ChecksumMode>) -> Option<Checksum> {
        let asked = mode.is_some_and(|mode| mode.as_str().eq_ignore_ascii_case(dto::ChecksumMode::ENABLED));
        let checksum = found.object.checksum.clone().filter(|_| asked && found.content_range.is_none());
        checksum.filter(|checksum| self.knows(checksum.algorithm))
    }

    /// Whether the store this one plays has this algorithm.
    pub fn knows(&self, algorithm: Algorithm) -> bool {
        match self.dialect {
            Dialect::Aws | Dialect::Echo => true,
            Dialect::Gcs | Dialect::Plain => algorithm != Algorithm::Crc64Nvme,
        }
    }

    pub async fn tags(&self, request: S3Request<dto::GetObjectTaggingInput>) -> S3Result<dto::GetObjectTaggingOutput> {
        let input = request.input;
        self.store.with_bucket(&input.bucket, |bucket, _| {
            let object = bucket.find(&input.key, input.version_id.as_deref())?;
            let tags = object.options.tags.iter();
            let tag_set = tags.map(|(key, value)| dto::Tag { key: Some(key.clone()), value: Some(value.clone()) });
            Ok(dto::GetObjectTaggingOutput { tag_set: tag_set.collect(), version_id: bucket.shown_version(&object) })
        })
    }
}

fn tag_count(object: &Object) -> Option<i32> {
    i32::try_from(object.options.tags.len()).ok().filter(|count| *count > 0)
}
