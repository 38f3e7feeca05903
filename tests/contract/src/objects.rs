//! Objects come back as they were written, or were not written at all.

use std::collections::BTreeMap;

use bytes::Bytes;
use longhaul::{
    object::{Crc64, ETag, Headers},
    store::{ByteStream, ChecksumSupport, Condition, Destination, ErrorKind, Written},
};

use crate::{
    Expectations,
    steps::{
        assert_absent, begin, broken_body, bytes_of, complete, done, head, key, md5_hex, offers_crc, pattern, plain,
        put, refusal, send, short_body, with_headers,
    },
};

/// All checks of this module.
pub async fn all<D: Destination>(store: &D, expectations: &Expectations) {
    an_object_comes_back_as_it_was_written(store).await;
    an_object_may_be_empty(store).await;
    a_second_write_replaces_the_first(store).await;
    headers_and_metadata_are_kept(store).await;
    an_upload_keeps_headers_and_metadata(store).await;
    bytes_with_another_checksum_are_not_stored(store, expectations).await;
    a_body_that_breaks_off_stores_nothing(store).await;
    a_body_that_breaks_off_replaces_nothing(store).await;
}

/// Checks what a store answers to a write of `bytes` in one request, or of a whole upload.
pub(crate) fn assert_answer<D: Destination>(store: &D, written: &Written, bytes: &[u8]) {
    if offers_crc(store) {
        assert_eq!(written.crc64nvme, Some(Crc64::of(bytes)), "the answer names the CRC64NVME of the whole");
    } else if let Some(crc) = written.crc64nvme {
        assert_eq!(crc, Crc64::of(bytes), "a checksum that is named must be right");
    }
}

async fn assert_stored<D: Destination>(store: &D, name: &str, written: &Written, bytes: &Bytes) {
    assert_answer(store, written, bytes);
    let info = head(store, name).await;
    assert_eq!(info.size, bytes.len() as u64, "the size of {name:?}");
    assert!(info.crc64nvme.is_none_or(|crc| crc == Crc64::of(bytes)), "head names a wrong CRC64NVME of {name:?}");
    assert!(written.etag.as_ref().is_none_or(|etag| *etag == info.etag), "put and head name different tags");
    assert_eq!(written.version_id, info.version_id, "put and head name different versions");
    if store.capabilities().checksums == ChecksumSupport::Md5ETag {
        assert_eq!(info.etag, ETag::new(&md5_hex(bytes)), "the tag of a small object is its MD5");
    }
    let fetched = done("get", store.get_object(&key(name), None, None).await);
    assert_eq!(fetched.info.pin(), info.pin(), "get and head describe different objects");
    assert_eq!(fetched.range, None, "a whole object has no range");
    assert_eq!(fetched.body.length(), info.size, "the body's announced length");
    assert!(done("body", fetched.body.collect().await) == *bytes, "the bytes of {name:?} differ");
}

/// Put, head and get agree.
pub async fn an_object_comes_back_as_it_was_written<D: Destination>(store: &D) {
    let bytes = pattern(100_003, 1);
    let written = put(store, "objects/whole", bytes.clone()).await;
    assert_stored(store, "objects/whole", &written, &bytes).await;
}

/// No bytes are bytes too.
pub async fn an_object_may_be_empty<D: Destination>(store: &D) {
    let written = put(store, "objects/empty", "").await;
    assert_stored(store, "objects/empty", &written, &Bytes::new()).await;
}

/// Bytes, size and tag are the new ones.
pub async fn a_second_write_replaces_the_first<D: Destination>(store: &D) {
    put(store, "objects/replaced", "first").await;
    let first = head(store, "objects/replaced").await;
    let written = put(store, "objects/replaced", "the second").await;
    assert_stored(store, "objects/replaced", &written, &Bytes::from_static(b"the second")).await;
    assert_ne!(head(store, "objects/replaced").await.etag, first.etag, "other bytes have another tag");
}

fn headers() -> Headers {
    Headers {
        content_type: Some("text/plain; charset=utf-8".into()),
        cache_control: Some("max-age=60".into()),
        content_disposition: Some("attachment; filename=\"a b.txt\"".into()),
        content_encoding: Some("gzip".into()),
        content_language: Some("de, en".into()),
        expires: Some("Wed, 21 Oct 2026 07:28:00 GMT".into()),
        metadata: BTreeMap::from([("owner".into(), "Some Body".into()), ("x-2".into(), "a=b; c".into())]),
    }
}

/// Where the store keeps headers at all.
pub async fn headers_and_metadata_are_kept<D: Destination>(store: &D) {
    if !store.capabilities().headers {
        return;
    }
    let (key, headers) = (key("objects/headers"), headers());
    let object = with_headers(&key, &headers);
    let body = ByteStream::from_bytes("with headers".into());
    done("put", store.put_object(&object, &Condition::None, None, body).await);
    assert_eq!(head(store, key.as_str()).await.headers, headers, "headers in the answer to head");
    let fetched = done("get", store.get_object(&key, None, None).await);
    assert_eq!(fetched.info.headers, headers, "headers in the answer to get");
}

/// The headers given at its beginning are those of the object.
pub async fn an_upload_keeps_headers_and_metadata<D: Destination>(store: &D) {
    if !store.capabilities().headers {
        return;
    }
    let (key, headers) = (key("objects/upload-headers"), headers());
    let upload = done("begin", store.create_multipart_upload(&with_headers(&key, &headers)).await);
    let bytes = Bytes::from_static(b"the only part");
    let parts = [send(store, &upload, 1, &bytes).await];
    done("complete", complete(store, &upload, &parts, &bytes, Condition::None).await);
    assert_eq!(head(store, key.as_str()).await.headers, headers, "headers of a completed upload");
    // The beginning of an upload without headers must not inherit those of the object that it replaces.
    let upload = begin(store, key.as_str()).await;
    let parts = [send(store, &upload, 1, &bytes).await];
    done("complete", complete(store, &upload, &parts, &bytes, Condition::None).await);
    assert_eq!(head(store, key.as_str()).await.headers.metadata, BTreeMap::new(), "metadata of an upload without any");
}

/// The store checks what it received against what was sent.
pub async fn bytes_with_another_checksum_are_not_stored<D: Destination>(store: &D, expectations: &Expectations) {
    if !offers_crc(store) || !expectations.wrong_checksums_refused {
        return;
    }
    let key = key("objects/corrupt");
    let expected = Some(Crc64::of(b"what was sent"));
    let body = ByteStream::from_bytes("what arrived!".into());
    let answer = store.put_object(&plain(&key), &Condition::None, expected, body).await;
    assert_eq!(refusal("put of other bytes", answer), ErrorKind::Corrupt);
    assert_absent(store, key.as_str()).await;
}

/// Neither with an error nor when it merely ends.
pub async fn a_body_that_breaks_off_stores_nothing<D: Destination>(store: &D) {
    let key = key("objects/broken");
    for (how, body) in [("broken", broken_body()), ("short", short_body())] {
        let answer = store.put_object(&plain(&key), &Condition::None, None, body).await;
        refusal(&format!("put of a {how} body"), answer);
        assert_absent(store, key.as_str()).await;
    }
}

/// The object that was there is still there.
pub async fn a_body_that_breaks_off_replaces_nothing<D: Destination>(store: &D) {
    put(store, "objects/survivor", "still here").await;
    let key = key("objects/survivor");
    for (how, body) in [("broken", broken_body()), ("short", short_body())] {
        let answer = store.put_object(&plain(&key), &Condition::None, None, body).await;
        refusal(&format!("put of a {how} body"), answer);
        assert_eq!(bytes_of(store, key.as_str()).await, b"still here", "after a {how} body");
    }
}
