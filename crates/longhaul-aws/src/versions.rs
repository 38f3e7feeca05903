//! The current versions of a bucket's keys, with their ids.
//!
//! S3 lists all versions of a key, the newest first, and delete markers beside them. Only what is the latest version of
//! its key is handed on; a key whose latest is a delete marker has none. A page without a latest version is empty and
//! not the end.

use aws_sdk_s3::{
    operation::list_object_versions::ListObjectVersionsOutput,
    types::{EncodingType, ObjectVersion},
};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use longhaul::{
    error::StoreError,
    object::{ETag, Listed, ObjectKey, VersionId},
    ports::{ListRequest, Page},
};

use crate::{
    bucket::S3Bucket,
    failure::store_error,
    translate::{listed_key, malformed, timestamp},
};

const OPERATION: &str = "ListObjectVersions";

/// Where a listing stands.
struct Cursor {
    prefix: String,
    key: Option<String>,
    version: Option<String>,
    /// The last key handed on. Between two pages its next version may have become the latest.
    last: Option<ObjectKey>,
}

/// Lists a bucket as [`Source::list_versions`](longhaul::ports::Source::list_versions) says.
pub(crate) fn list(bucket: &S3Bucket, request: ListRequest) -> BoxStream<'_, Page> {
    // A key marker without a version begins behind the key, as `start_after` does.
    let start = Cursor { prefix: request.prefix, key: request.start_after, version: None, last: None };
    stream::unfold(Some(start), move |cursor| async move {
        let mut cursor = cursor?;
        let page = next_page(bucket, &mut cursor).await;
        match page {
            Ok((lines, more)) => Some((Ok(lines), more.then_some(cursor))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

/// The next page, and whether there are more.
async fn next_page(bucket: &S3Bucket, cursor: &mut Cursor) -> Result<(Vec<Listed>, bool), StoreError> {
    let request = bucket
        .client
        .list_object_versions()
        .bucket(&bucket.location.bucket)
        .prefix(&cursor.prefix)
        .set_key_marker(cursor.key.take())
        .set_version_id_marker(cursor.version.take())
        .set_request_payer(bucket.payer())
        .encoding_type(EncodingType::Url);
    let mut answer = request.send().await.map_err(|error| store_error(OPERATION, error).at(&bucket.location))?;
    let more = answer.is_truncated == Some(true);
    if more {
        cursor.key = Some(next_key(bucket, &answer)?);
        cursor.version = answer.next_version_id_marker.take();
    }
    let mut lines = page(bucket, answer)?;
    lines.retain(|line| cursor.last.as_ref() != Some(&line.key));
    if let Some(last) = lines.last() {
        cursor.last = Some(last.key.clone());
    }
    Ok((lines, more))
}

fn next_key(bucket: &S3Bucket, answer: &ListObjectVersionsOutput) -> Result<String, StoreError> {
    let marker =
        answer.next_key_marker.as_deref().ok_or_else(|| broken(bucket, "more was announced, but not where"))?;
    Ok(key(bucket, marker, is_encoded(answer))?.into())
}

fn page(bucket: &S3Bucket, answer: ListObjectVersionsOutput) -> Result<Vec<Listed>, StoreError> {
    let encoded = is_encoded(&answer);
    let mut lines = Vec::new();
    for version in answer.versions.unwrap_or_default() {
        let is_latest = version.is_latest.ok_or_else(|| broken(bucket, "a version that may be the latest or not"))?;
        if is_latest {
            lines.push(line(bucket, version, encoded)?);
        }
    }
    Ok(lines)
}

fn line(bucket: &S3Bucket, version: ObjectVersion, encoded: bool) -> Result<Listed, StoreError> {
    let text = version.key.as_deref().ok_or_else(|| broken(bucket, "a version without a key"))?;
    let size = version.size.and_then(|size| u64::try_from(size).ok());
    Ok(Listed {
        key: key(bucket, text, encoded)?,
        size: size.ok_or_else(|| broken(bucket, "a version without a size"))?,
        etag: version.e_tag.as_deref().map(ETag::new),
        modified: timestamp(version.last_modified.as_ref()),
        version_id: version.version_id.as_deref().and_then(VersionId::new),
    })
}

fn is_encoded(answer: &ListObjectVersionsOutput) -> bool {
    answer.encoding_type == Some(EncodingType::Url)
}

fn key(bucket: &S3Bucket, text: &str, encoded: bool) -> Result<ObjectKey, StoreError> {
    listed_key(text, encoded).map_err(|error| broken(bucket, "a key that cannot be read").caused_by(error))
}

fn broken(bucket: &S3Bucket, what: &str) -> StoreError {
    malformed(OPERATION, what).at(&bucket.location)
}
