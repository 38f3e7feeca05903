//! The current versions of a bucket's keys, with their ids.
//!
//! S3 lists all versions of a key, the newest first, and delete markers beside them. Only what is the latest version of
//! its key is handed on; a key whose latest is a delete marker has none. A page without a latest version is empty and
//! not the end.

use aws_sdk_s3::{
    operation::list_object_versions::ListObjectVersionsOutput,
    types::{DeleteMarkerEntry, EncodingType, ObjectVersion},
};
use futures_util::stream::BoxStream;
use longhaul::{
    object::{ETag, Listed, ObjectKey, VersionId},
    store::{ListRequest, Page, PageEnd, Paging, StoreError},
};

use crate::s3::{
    bucket::S3Bucket,
    error::store_error,
    lists::pages::{self, Pages, given, most_lines},
    translate::{listed_key, malformed, timestamp},
};

const OPERATION: &str = "ListObjectVersions";

/// Behind which version a page begins; without one, behind all versions of the key.
#[derive(Clone, PartialEq)]
struct Marker {
    key: String,
    version: Option<String>,
}

struct Versions<'a> {
    bucket: &'a S3Bucket,
    prefix: String,
    paging: Paging<Marker>,
    /// The last key handed on. Between two pages its next version may have become the latest.
    last: Option<ObjectKey>,
}

/// Lists a bucket as [`Source::list_versions`](longhaul::store::Source::list_versions) says.
pub(crate) fn list(bucket: &S3Bucket, request: ListRequest) -> BoxStream<'_, Page> {
    // A key marker without a version begins behind the key, as `start_after` does.
    let paging = Paging::from(request.start_after.map(|key| Marker { key, version: None }));
    pages::stream(Versions { bucket, prefix: request.prefix, paging, last: None })
}

impl Pages for Versions<'_> {
    type Line = Listed;

    async fn next(&mut self) -> Result<(Vec<Listed>, bool), StoreError> {
        let (key, version) = self.paging.asked().cloned().map(|marker| (marker.key, marker.version)).unzip();
        let bucket = self.bucket;
        let request = bucket
            .client
            .list_object_versions()
            .bucket(&bucket.location.bucket)
            .prefix(&self.prefix)
            .set_key_marker(key)
            .set_version_id_marker(version.flatten())
            .set_request_payer(bucket.payer())
            .encoding_type(EncodingType::Url);
        let answer = request.send().await.map_err(|error| store_error(OPERATION, error).at(&bucket.location))?;
        self.page(answer).map_err(|error| error.at(&bucket.location))
    }
}

impl Versions<'_> {
    fn page(&mut self, answer: ListObjectVersionsOutput) -> Result<(Vec<Listed>, bool), StoreError> {
        let encoded = answer.encoding_type == Some(EncodingType::Url);
        let versions = answer.versions.unwrap_or_default();
        let deletions = answer.delete_markers.unwrap_or_default();
        let next = given(answer.next_key_marker).map(|text| key(&text, encoded)).transpose()?;
        let version = given(answer.next_version_id_marker);
        let end = PageEnd {
            truncated: answer.is_truncated,
            next: next.map(|key| Marker { key: key.into(), version }),
            behind_last: last_key(&versions, &deletions, encoded)?.map(|key| Marker { key, version: None }),
            lines: versions.len() + deletions.len(),
            most_lines: most_lines(answer.max_keys),
            names_what_was_asked: answer.name.is_some(),
        };
        let last_line = last_line(&versions, &deletions);
        let mut lines = latest(versions, encoded)?;
        let more = pages::has_more(OPERATION, &mut self.paging, last_line, end)?;
        lines.retain(|line| self.last.as_ref() != Some(&line.key));
        if let Some(last) = lines.last() {
            self.last = Some(last.key.clone());
        }
        Ok((lines, more))
    }
}

/// The key of the last line: versions and deletions come apart, each in the order of keys.
fn last_key(
    versions: &[ObjectVersion],
    deletions: &[DeleteMarkerEntry],
    encoded: bool,
) -> Result<Option<String>, StoreError> {
    let last = [versions.last().and_then(ObjectVersion::key), deletions.last().and_then(DeleteMarkerEntry::key)];
    let keys = last.into_iter().flatten().map(|text| key(text, encoded).map(String::from));
    Ok(keys.collect::<Result<Vec<_>, _>>()?.into_iter().max())
}

/// Both last lines in words that no other page ends with.
fn last_line(versions: &[ObjectVersion], deletions: &[DeleteMarkerEntry]) -> Option<String> {
    let version = versions.last().map(|version| (version.key(), version.version_id()));
    let deletion = deletions.last().map(|deletion| (deletion.key(), deletion.version_id()));
    (version.is_some() || deletion.is_some()).then(|| format!("{version:?} {deletion:?}"))
}

fn latest(versions: Vec<ObjectVersion>, encoded: bool) -> Result<Vec<Listed>, StoreError> {
    let mut lines = Vec::new();
    for version in versions {
        let is_latest = version.is_latest.ok_or_else(|| broken("a version that may be the latest or not"))?;
        if is_latest {
            lines.push(line(version, encoded)?);
        }
    }
    Ok(lines)
}

fn line(version: ObjectVersion, encoded: bool) -> Result<Listed, StoreError> {
    let text = version.key.as_deref().ok_or_else(|| broken("a version without a key"))?;
    let size = version.size.and_then(|size| u64::try_from(size).ok());
    Ok(Listed {
        key: key(text, encoded)?,
        size: size.ok_or_else(|| broken("a version without a size"))?,
        etag: version.e_tag.as_deref().map(ETag::new),
        modified: timestamp(version.last_modified.as_ref()),
        version_id: version.version_id.as_deref().and_then(VersionId::new),
    })
}

fn key(text: &str, encoded: bool) -> Result<ObjectKey, StoreError> {
    listed_key(text, encoded).map_err(|error| broken("a key that cannot be read").caused_by(error))
}

fn broken(what: &str) -> StoreError {
    malformed(OPERATION, what)
}
