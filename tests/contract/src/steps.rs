//! The steps that checks are made of. Each panics with the store's own words when it fails.

use std::collections::BTreeMap;

use bytes::Bytes;
use longhaul::{
    object::{ByteRange, Crc64, Hasher, Headers, ObjectInfo, ObjectKey, PartNumber, PartSpec, Timestamp, WithMd5},
    store::{
        ByteStream, ChecksumSupport, Completion, Condition, Destination, ErrorKind, NewObject, Source, StoreError,
        Upload, UploadedPart, Written,
    },
};

static NO_HEADERS: Headers = Headers {
    content_type: None,
    cache_control: None,
    content_disposition: None,
    content_encoding: None,
    content_language: None,
    expires: None,
    metadata: BTreeMap::new(),
};

/// When all objects of the suite were written at their sources.
const WRITTEN: Timestamp = Timestamp(1_700_000_000_000);

pub(crate) fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).expect("the suite uses keys of 1 to 1,024 bytes")
}

pub(crate) fn plain(key: &ObjectKey) -> NewObject<'_> {
    with_headers(key, &NO_HEADERS)
}

pub(crate) fn with_headers<'a>(key: &'a ObjectKey, headers: &'a Headers) -> NewObject<'a> {
    NewObject { key, headers, storage_class: None, modified: WRITTEN }
}

/// Bytes that look the same nowhere; another seed gives others.
pub(crate) fn pattern(length: u64, seed: u8) -> Bytes {
    let byte = |index: u64| (index.wrapping_mul(2_654_435_761) >> 16) as u8 ^ index as u8 ^ seed;
    (0..length).map(byte).collect()
}

/// The answer, or the end of the test in the store's words.
pub(crate) fn done<T>(step: &str, answer: Result<T, StoreError>) -> T {
    answer.unwrap_or_else(|error| panic!("{step}: {error} ({:?})", error.kind()))
}

/// Why it failed, or the end of the test if it did not.
pub(crate) fn refusal<T>(step: &str, answer: Result<T, StoreError>) -> ErrorKind {
    match answer {
        Ok(_) => panic!("{step}: it should have been refused"),
        Err(error) => error.kind(),
    }
}

pub(crate) async fn try_put<D: Destination>(
    store: &D,
    name: &str,
    condition: &Condition,
    bytes: &Bytes,
) -> Result<Written, StoreError> {
    let key = key(name);
    let body = ByteStream::from_bytes(bytes.clone());
    store.put_object(&plain(&key), condition, Some(Crc64::of(bytes)), body).await
}

pub(crate) async fn put<D: Destination>(store: &D, name: &str, bytes: impl Into<Bytes>) -> Written {
    let written = try_put(store, name, &Condition::None, &bytes.into()).await;
    done(&format!("put {name:?}"), written)
}

pub(crate) async fn delete<D: Destination>(store: &D, name: &str) {
    done(&format!("delete {name:?}"), store.delete_object(&key(name)).await);
}

pub(crate) async fn head<S: Source>(store: &S, name: &str) -> ObjectInfo {
    done(&format!("head {name:?}"), store.head_object(&key(name)).await)
}

pub(crate) async fn bytes_of<S: Source>(store: &S, name: &str) -> Vec<u8> {
    let fetched = done(&format!("get {name:?}"), store.get_object(&key(name), None, None).await);
    done(&format!("the body of {name:?}"), fetched.body.collect().await)
}

pub(crate) async fn assert_absent<S: Source>(store: &S, name: &str) {
    let kind = refusal(&format!("head of {name:?}, which should be absent"), store.head_object(&key(name)).await);
    assert_eq!(kind, ErrorKind::NotFound, "head of the absent {name:?}");
}

/// A body that announces ten bytes and breaks off after three.
pub(crate) fn broken_body() -> ByteStream {
    let broken = StoreError::new(ErrorKind::Unavailable, "GetObject", "the line broke");
    ByteStream::new(10, futures_util::stream::iter([Ok(Bytes::from_static(b"abc")), Err(broken)]))
}

/// A body that announces ten bytes and ends after three, as if that were all.
pub(crate) fn short_body() -> ByteStream {
    ByteStream::new(10, futures_util::stream::iter([Ok(Bytes::from_static(b"abc"))]))
}

pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    let mut hasher = Hasher::new(WithMd5::Yes);
    hasher.update(bytes);
    hasher.md5().expect("the hasher was asked for the MD5").to_hex()
}

pub(crate) fn offers_crc<D: Destination>(store: &D) -> bool {
    store.capabilities().checksums == ChecksumSupport::Crc64Nvme
}

/// Parts as small as the store permits, but not so small that their content could be equal by chance.
pub(crate) fn part_size<D: Destination>(store: &D) -> u64 {
    store.capabilities().min_part_size.max(64)
}

pub(crate) async fn begin<D: Destination>(store: &D, name: &str) -> Upload {
    let key = key(name);
    let upload = done(&format!("begin {name:?}"), store.create_multipart_upload(&plain(&key)).await);
    assert_eq!(upload.key, key, "an upload keeps its key");
    upload
}

/// The part with that number where all before it have [`part_size`].
pub(crate) fn part<D: Destination>(store: &D, number: u16, length: u64) -> PartSpec {
    let first = u64::from(number - 1) * part_size(store);
    let range = ByteRange::new(first, length).expect("the suite sends no empty parts");
    PartSpec { number: PartNumber::new(number).expect("the suite numbers parts from 1"), range }
}

pub(crate) async fn send<D: Destination>(store: &D, upload: &Upload, number: u16, bytes: &Bytes) -> UploadedPart {
    let part = part(store, number, bytes.len() as u64);
    let sent = store.upload_part(upload, &part, ByteStream::from_bytes(bytes.clone())).await;
    done(&format!("part {number} of {}", upload.key), sent)
}

pub(crate) async fn complete<D: Destination>(
    store: &D,
    upload: &Upload,
    parts: &[UploadedPart],
    whole: &[u8],
    condition: Condition,
) -> Result<Written, StoreError> {
    let completion = Completion { parts, size: whole.len() as u64, crc64nvme: Some(Crc64::of(whole)), condition };
    store.complete_multipart_upload(upload, &completion).await
}

/// Drops an upload that a check has left behind; a store may have dropped it already.
pub(crate) async fn abandon<D: Destination>(store: &D, upload: &Upload) {
    if let Err(error) = store.abort_multipart_upload(upload).await {
        assert_eq!(error.kind(), ErrorKind::NoSuchUpload, "abort: {error}");
    }
}
