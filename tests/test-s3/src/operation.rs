//! What a request asks for, read from its line and headers alone.

use hyper::{
    HeaderMap, Method, Request,
    body::Incoming,
    header::{HOST, IF_MATCH, RANGE},
};
use percent_encoding::percent_decode_str;

/// The operation, bucket, key and so on of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    pub operation: &'static str,
    pub method: String,
    pub bucket: Option<String>,
    pub key: Option<String>,
    pub part_number: Option<u16>,
    pub upload_id: Option<String>,
    pub version_id: Option<String>,
    pub range: Option<String>,
    pub if_match: Option<String>,
}

impl Target {
    pub fn of(request: &Request<Incoming>) -> Self {
        let (bucket, key) = bucket_and_key(request.headers(), request.uri().path());
        let query = request.uri().query().unwrap_or_default();
        Self {
            operation: operation(request, bucket.is_some(), key.is_some(), query),
            method: request.method().to_string(),
            bucket,
            key,
            part_number: parameter(query, "partNumber").and_then(|number| number.parse().ok()),
            upload_id: parameter(query, "uploadId"),
            version_id: parameter(query, "versionId"),
            if_match: header(request.headers(), IF_MATCH.as_str()),
            range: header(request.headers(), RANGE.as_str())
                .or_else(|| header(request.headers(), "x-amz-copy-source-range")),
        }
    }
}

/// The bucket in a host such as `bucket.localhost:9000`.
pub(crate) fn bucket_of_host(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.strip_suffix(".localhost").filter(|bucket| !bucket.is_empty())
}

fn bucket_and_key(headers: &HeaderMap, path: &str) -> (Option<String>, Option<String>) {
    let path = path.strip_prefix('/').unwrap_or(path);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let (bucket, key) = match host.and_then(bucket_of_host) {
        Some(bucket) => (bucket, path),
        None => path.split_once('/').unwrap_or((path, "")),
    };
    (decoded(bucket), decoded(key))
}

fn decoded(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| percent_decode_str(text).decode_utf8_lossy().into_owned())
}

pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

fn has(query: &str, name: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some(name))
}

fn operation(request: &Request<Incoming>, bucket: bool, key: bool, query: &str) -> &'static str {
    let method = request.method();
    match (bucket, key) {
        (false, _) if method == Method::GET => "ListBuckets",
        (false, _) => "Unknown",
        (true, false) => bucket_operation(method, query),
        (true, true) => object_operation(method, query, request.headers().contains_key("x-amz-copy-source")),
    }
}

fn bucket_operation(method: &Method, query: &str) -> &'static str {
    match method.as_str() {
        "GET" if has(query, "location") => "GetBucketLocation",
        "GET" if has(query, "uploads") => "ListMultipartUploads",
        "GET" if has(query, "versions") => "ListObjectVersions",
        "GET" if has(query, "versioning") => "GetBucketVersioning",
        "GET" if has(query, "list-type") => "ListObjectsV2",
        "GET" => "ListObjects",
        "PUT" if has(query, "versioning") => "PutBucketVersioning",
        "PUT" => "CreateBucket",
        "HEAD" => "HeadBucket",
        "DELETE" => "DeleteBucket",
        "POST" if has(query, "delete") => "DeleteObjects",
        _ => "Unknown",
    }
}

fn object_operation(method: &Method, query: &str, copies: bool) -> &'static str {
    match method.as_str() {
        "GET" if has(query, "uploadId") => "ListParts",
        "GET" if has(query, "tagging") => "GetObjectTagging",
        "GET" if has(query, "attributes") => "GetObjectAttributes",
        "GET" => "GetObject",
        "HEAD" => "HeadObject",
        "PUT" if has(query, "uploadId") && copies => "UploadPartCopy",
        "PUT" if has(query, "uploadId") => "UploadPart",
        "PUT" if has(query, "tagging") => "PutObjectTagging",
        "PUT" if copies => "CopyObject",
        "PUT" => "PutObject",
        "DELETE" if has(query, "uploadId") => "AbortMultipartUpload",
        "DELETE" if has(query, "tagging") => "DeleteObjectTagging",
        "DELETE" => "DeleteObject",
        "POST" if has(query, "uploads") => "CreateMultipartUpload",
        "POST" if has(query, "uploadId") => "CompleteMultipartUpload",
        _ => "Unknown",
    }
}

/// Whether success of this operation changes what the store holds.
pub(crate) fn has_effect(operation: &str) -> bool {
    !(operation.starts_with("Get") || operation.starts_with("List") || operation.starts_with("Head"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_the_path() {
        let headers = HeaderMap::new();
        let key = |path| bucket_and_key(&headers, path).1;
        assert_eq!(key("/bucket/a//b").as_deref(), Some("a//b"));
        assert_eq!(key("/bucket//lead").as_deref(), Some("/lead"));
        assert_eq!(key("/bucket/a%20b%2Bc%25").as_deref(), Some("a b+c%"));
        assert_eq!(key("/bucket/"), None);
    }

    #[test]
    fn a_bucket_may_stand_in_the_host() {
        assert_eq!(bucket_of_host("photos.localhost:9000"), Some("photos"));
        assert_eq!(bucket_of_host("localhost:9000"), None);
        assert_eq!(bucket_of_host("127.0.0.1:9000"), None);
    }
}
