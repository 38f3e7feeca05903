//! The operations that list keys and versions.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use s3s::{S3Request, S3Result, dto, s3_error};

use crate::{
    listing::{After, ListPage, ListQuery, Listed, ListedVersion, list, list_versions},
    object::Version,
    service::Service,
    wire::{Encoding, strong, timestamp},
};

/// The longest page.
const PAGE: i32 = 1000;

fn page_size(asked: Option<i32>) -> S3Result<usize> {
    usize::try_from(asked.unwrap_or(PAGE).min(PAGE))
        .map_err(|_| s3_error!(InvalidArgument, "max-keys must not be negative"))
}

fn token(after: &After) -> String {
    let text = match after {
        After::Beginning => "b".to_owned(),
        After::Key(key) => format!("k{key}"),
        After::Prefix(prefix) => format!("p{prefix}"),
    };
    URL_SAFE_NO_PAD.encode(text)
}

fn parse_token(token: &str) -> S3Result<After> {
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let after = text.as_deref().and_then(|text| match text.split_at_checked(1)? {
        ("b", _) => Some(After::Beginning),
        ("k", key) => Some(After::Key(key.to_owned())),
        ("p", prefix) => Some(After::Prefix(prefix.to_owned())),
        _ => None,
    });
    after.ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}

impl Service {
    pub async fn list_v2(&self, request: S3Request<dto::ListObjectsV2Input>) -> S3Result<dto::ListObjectsV2Output> {
        let input = request.input;
        let encoding = Encoding::of(input.encoding_type.as_ref());
        let after = match (&input.continuation_token, &input.start_after) {
            (Some(token), _) => parse_token(token)?,
            (None, Some(key)) => After::Key(key.clone()),
            (None, None) => After::Beginning,
        };
        let query = ListQuery {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone(),
            after,
            max: page_size(input.max_keys)?,
        };
        let page = self.store.with_bucket(&input.bucket, |bucket, _| Ok(list(bucket, &query)))?;
        let next = page.next.as_ref().map(token);
        let shown = self.shown(page, encoding);
        Ok(dto::ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(encoding.text(&query.prefix)),
            max_keys: i32::try_from(query.max).ok(),
            key_count: i32::try_from(shown.objects.len() + shown.prefixes.len()).ok(),
            continuation_token: input.continuation_token,
            is_truncated: Some(next.is_some()),
            next_continuation_token: next,
            contents: Some(shown.objects),
            common_prefixes: Some(shown.prefixes),
            delimiter: input.delimiter.map(|delimiter| encoding.text(&delimiter)),
            encoding_type: input.encoding_type,
            start_after: input.start_after.map(|key| encoding.text(&key)),
            ..Default::default()
        })
    }

    pub async fn list_v1(&self, request: S3Request<dto::ListObjectsInput>) -> S3Result<dto::ListObjectsOutput> {
        let input = request.input;
        let encoding = Encoding::of(input.encoding_type.as_ref());
        let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
        let marker = input.marker.clone().filter(|marker| !marker.is_empty());
        // A marker that is a common prefix stands behind all its keys.
        let after = match (marker, &delimiter) {
            (None, _) => After::Beginning,
            (Some(marker), Some(delimiter)) if marker.ends_with(delimiter.as_str()) => After::Prefix(marker),
            (Some(marker), _) => After::Key(marker),
        };
        let prefix = input.prefix.clone().unwrap_or_default();
        let query = ListQuery { prefix, delimiter, after, max: page_size(input.max_keys)? };
        let page = self.store.with_bucket(&input.bucket, |bucket, _| Ok(list(bucket, &query)))?;
        let next = match &page.next {
            Some(After::Key(text) | After::Prefix(text)) => Some(encoding.text(text)),
            Some(After::Beginning) | None => None,
        };
        let shown = self.shown(page, encoding);
        Ok(dto::ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(encoding.text(&query.prefix)),
            marker: input.marker.map(|marker| encoding.text(&marker)),
            max_keys: i32::try_from(query.max).ok(),
            is_truncated: Some(next.is_some()),
            next_marker: next,
            contents: Some(shown.objects),
            common_prefixes: Some(shown.prefixes),
            delimiter: input.delimiter.map(|delimiter| encoding.text(&delimiter)),
            encoding_type: input.encoding_type,
            ..Default::default()
        })
    }

    fn shown(&self, page: ListPage, encoding: Encoding) -> Shown {
        let objects = page.objects.into_iter().map(|listed| self.shown_object(listed, encoding)).collect();
        let prefixes = page.prefixes.iter().map(|prefix| dto::CommonPrefix { prefix: Some(encoding.text(prefix)) });
        Shown { objects, prefixes: prefixes.collect() }
    }

    fn shown_object(&self, listed: Listed, encoding: Encoding) -> dto::Object {
        let checksum = listed.checksum.filter(|(algorithm, _)| self.knows(*algorithm));
        dto::Object {
            checksum_algorithm: checksum
                .map(|(algorithm, _)| vec![dto::ChecksumAlgorithm::from_static(algorithm.as_str())]),
            checksum_type: checksum.map(|(_, kind)| dto::ChecksumType::from_static(kind.as_str())),
            e_tag: Some(strong(&listed.etag)),
            key: Some(encoding.text(&listed.key)),
            last_modified: Some(timestamp(listed.modified)),
            size: i64::try_from(listed.size).ok(),
            storage_class: Some(dto::ObjectStorageClass::from(listed.storage_class)),
            ..Default::default()
        }
    }

    pub async fn list_all_versions(
        &self,
        request: S3Request<dto::ListObjectVersionsInput>,
    ) -> S3Result<dto::ListObjectVersionsOutput> {
        let input = request.input;
        let encoding = Encoding::of(input.encoding_type.as_ref());
        let max = page_size(input.max_keys)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let marker = input.key_marker.as_deref().filter(|key| !key.is_empty());
        let marker = marker.map(|key| (key, input.version_id_marker.as_deref().filter(|id| !id.is_empty())));
        let page =
            self.store.with_bucket(&input.bucket, |bucket, _| Ok(list_versions(bucket, &prefix, marker, max)))?;
        let last = page.versions.last().filter(|_| page.truncated);
        let (next_key, next_id) = last.map(|last| (encoding.text(&last.key), last.version.id().to_owned())).unzip();
        let versions = page.versions.iter().filter_map(|listed| shown_version(listed, encoding)).collect();
        let delete_markers = page.versions.iter().filter_map(|listed| shown_marker(listed, encoding)).collect();
        Ok(dto::ListObjectVersionsOutput {
            name: Some(input.bucket),
            prefix: Some(encoding.text(&prefix)),
            key_marker: input.key_marker.map(|key| encoding.text(&key)),
            version_id_marker: input.version_id_marker,
            max_keys: i32::try_from(max).ok(),
            is_truncated: Some(page.truncated),
            next_key_marker: next_key,
            next_version_id_marker: next_id,
            versions: Some(versions),
            delete_markers: Some(delete_markers),
            encoding_type: input.encoding_type,
            ..Default::default()
        })
    }
}

struct Shown {
    objects: Vec<dto::Object>,
    prefixes: Vec<dto::CommonPrefix>,
}

fn shown_version(listed: &ListedVersion, encoding: Encoding) -> Option<dto::ObjectVersion> {
    let object = listed.version.object()?;
    Some(dto::ObjectVersion {
        e_tag: Some(strong(&object.etag)),
        is_latest: Some(listed.is_latest),
        key: Some(encoding.text(&listed.key)),
        last_modified: Some(timestamp(object.modified)),
        size: i64::try_from(object.size()).ok(),
        storage_class: Some(dto::ObjectVersionStorageClass::from(object.storage_class().to_owned())),
        version_id: Some(object.version_id.clone()),
        ..Default::default()
    })
}

fn shown_marker(listed: &ListedVersion, encoding: Encoding) -> Option<dto::DeleteMarkerEntry> {
    let Version::Marker { version_id, modified } = &listed.version else { return None };
    Some(dto::DeleteMarkerEntry {
        is_latest: Some(listed.is_latest),
        key: Some(encoding.text(&listed.key)),
        last_modified: Some(timestamp(*modified)),
        version_id: Some(version_id.clone()),
        ..Default::default()
    })
}
