//! An object made of parts is the bytes of its parts, or nothing.

use bytes::Bytes;
use longhaul::{
    object::{Crc64, ETag, PartNumber},
    store::{ByteStream, ChecksumSupport, Completion, Condition, Destination, ErrorKind, Upload, UploadedPart},
};

use crate::{
    Expectations,
    objects::assert_answer,
    steps::{
        abandon, assert_absent, begin, broken_body, bytes_of, complete, done, head, md5_hex, offers_crc, part,
        part_size, pattern, put, refusal, send, short_body,
    },
};

/// All checks of this module.
pub async fn all<D: Destination>(store: &D, expectations: &Expectations) {
    parts_sent_in_any_order_make_the_object(store).await;
    an_upload_shows_nothing_before_it_is_complete(store).await;
    a_completed_upload_is_no_upload_any_more(store).await;
    a_part_sent_again_replaces_the_first(store).await;
    a_body_that_breaks_off_leaves_no_part(store).await;
    a_completion_with_a_missing_part_is_refused(store).await;
    a_completion_with_a_replaced_part_is_refused(store).await;
    a_completion_with_another_checksum_is_refused(store, expectations).await;
    a_small_part_in_the_middle_is_refused(store, expectations).await;
    more_than_1000_parts_are_listed(store).await;
}

fn assert_part<D: Destination>(store: &D, answer: &UploadedPart, number: u16, bytes: &Bytes) {
    assert_eq!(answer.number.get(), number, "the number of a part");
    assert_eq!(answer.size, bytes.len() as u64, "the size of part {number}");
    assert!(answer.crc64nvme.is_none_or(|crc| crc == Crc64::of(bytes)), "a wrong CRC64NVME of part {number}");
    if store.capabilities().checksums == ChecksumSupport::Md5ETag {
        assert_eq!(answer.etag, ETag::new(&md5_hex(bytes)), "the tag of part {number} is its MD5");
    }
}

async fn list<D: Destination>(store: &D, upload: &Upload) -> Vec<UploadedPart> {
    done(&format!("list parts of {}", upload.key), store.list_parts(upload).await)
}

/// Also the last part may come first; the listing is in order all the same.
pub async fn parts_sent_in_any_order_make_the_object<D: Destination>(store: &D) {
    let size = part_size(store);
    let whole = pattern(2 * size + 3, 2);
    let cut = size as usize;
    let bytes = [whole.slice(..cut), whole.slice(cut..2 * cut), whole.slice(2 * cut..)];
    let upload = begin(store, "multipart/any-order").await;
    for number in [3_u16, 1, 2] {
        let bytes = &bytes[usize::from(number) - 1];
        let answer = send(store, &upload, number, bytes).await;
        assert_part(store, &answer, number, bytes);
        assert!(!offers_crc(store) || answer.crc64nvme.is_some(), "the answer to a part names its CRC64NVME");
    }
    let parts = list(store, &upload).await;
    assert_eq!(parts.len(), 3, "the parts listed: {parts:?}");
    for (number, (answer, bytes)) in (1..).zip(parts.iter().zip(&bytes)) {
        assert_part(store, answer, number, bytes);
    }
    let written = done("complete", complete(store, &upload, &parts, &whole, Condition::None).await);
    assert_answer(store, &written, &whole);
    let info = head(store, "multipart/any-order").await;
    assert_eq!(info.size, whole.len() as u64, "the size of the whole");
    assert!(written.etag.is_none_or(|etag| etag == info.etag), "completion and head name different tags");
    assert!(info.crc64nvme.is_none_or(|crc| crc == Crc64::of(&whole)), "head names a wrong CRC64NVME of the whole");
    assert!(bytes_of(store, "multipart/any-order").await == whole, "the bytes differ from the parts");
}

/// Neither where nothing was, nor over an object.
pub async fn an_upload_shows_nothing_before_it_is_complete<D: Destination>(store: &D) {
    let new = Bytes::from_static(b"new bytes");
    let upload = begin(store, "multipart/unseen").await;
    send(store, &upload, 1, &new).await;
    assert_absent(store, "multipart/unseen").await;
    abandon(store, &upload).await;
    assert_absent(store, "multipart/unseen").await;

    put(store, "multipart/over", "old").await;
    let upload = begin(store, "multipart/over").await;
    let parts = [send(store, &upload, 1, &new).await];
    assert_eq!(bytes_of(store, "multipart/over").await, b"old");
    done("complete", complete(store, &upload, &parts, &new, Condition::None).await);
    assert_eq!(bytes_of(store, "multipart/over").await, new);
}

/// Its id means nothing from then on.
pub async fn a_completed_upload_is_no_upload_any_more<D: Destination>(store: &D) {
    let bytes = Bytes::from_static(b"complete");
    let upload = begin(store, "multipart/completed").await;
    assert_eq!(list(store, &upload).await, [], "an upload begins without parts");
    let parts = [send(store, &upload, 1, &bytes).await];
    done("complete", complete(store, &upload, &parts, &bytes, Condition::None).await);
    let answer = store.list_parts(&upload).await;
    assert_eq!(refusal("list the parts of a completed upload", answer), ErrorKind::NoSuchUpload);
}

/// With other bytes and another length.
pub async fn a_part_sent_again_replaces_the_first<D: Destination>(store: &D) {
    let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"the second"));
    let upload = begin(store, "multipart/again").await;
    send(store, &upload, 1, &first).await;
    let answer = send(store, &upload, 1, &second).await;
    let parts = list(store, &upload).await;
    assert_eq!(parts.len(), 1, "one number is one part: {parts:?}");
    assert_part(store, &parts[0], 1, &second);
    done("complete", complete(store, &upload, &[answer], &second, Condition::None).await);
    assert_eq!(bytes_of(store, "multipart/again").await, second);
}

/// Neither with an error nor when it merely ends.
pub async fn a_body_that_breaks_off_leaves_no_part<D: Destination>(store: &D) {
    let upload = begin(store, "multipart/broken").await;
    for (how, body) in [("broken", broken_body()), ("short", short_body())] {
        let answer = store.upload_part(&upload, &part(store, 1, 10), body).await;
        refusal(&format!("a part with a {how} body"), answer);
        assert_eq!(list(store, &upload).await, [], "parts after a {how} body");
    }
    abandon(store, &upload).await;
}

/// Nothing is stored, and the parts that are there stay.
pub async fn a_completion_with_a_missing_part_is_refused<D: Destination>(store: &D) {
    let first = pattern(part_size(store), 3);
    let upload = begin(store, "multipart/missing").await;
    let sent = send(store, &upload, 1, &first).await;
    let missing = UploadedPart {
        number: PartNumber::new(2).expect("2 is a part's number"),
        size: 3,
        etag: ETag::new(&md5_hex(b"two")),
        crc64nvme: Some(Crc64::of(b"two")),
    };
    let whole = [&first[..], b"two"].concat();
    let answer = complete(store, &upload, &[sent, missing], &whole, Condition::None).await;
    assert_eq!(refusal("completion with a missing part", answer), ErrorKind::InvalidPart);
    assert_absent(store, "multipart/missing").await;
    assert_eq!(list(store, &upload).await.len(), 1, "the parts after a refused completion");
    abandon(store, &upload).await;
}

/// A late duplicate may have sent a part once more; the answer that is named must be the last one.
pub async fn a_completion_with_a_replaced_part_is_refused<D: Destination>(store: &D) {
    let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"again"));
    let upload = begin(store, "multipart/replaced").await;
    let stale = send(store, &upload, 1, &first).await;
    send(store, &upload, 1, &second).await;
    let answer = complete(store, &upload, &[stale], &first, Condition::None).await;
    assert_eq!(refusal("completion with a replaced part", answer), ErrorKind::InvalidPart);
    assert_absent(store, "multipart/replaced").await;
    abandon(store, &upload).await;
}

/// Where the store checks the whole.
pub async fn a_completion_with_another_checksum_is_refused<D: Destination>(store: &D, expectations: &Expectations) {
    if !offers_crc(store) || !expectations.wrong_checksums_refused {
        return;
    }
    let bytes = Bytes::from_static(b"what arrived");
    let upload = begin(store, "multipart/corrupt").await;
    let parts = [send(store, &upload, 1, &bytes).await];
    let crc64nvme = Some(Crc64::of(b"what was sent"));
    let completion = Completion { parts: &parts, size: bytes.len() as u64, crc64nvme, condition: Condition::None };
    let answer = store.complete_multipart_upload(&upload, &completion).await;
    assert_eq!(refusal("completion with another checksum", answer), ErrorKind::Corrupt);
    assert_absent(store, "multipart/corrupt").await;
    abandon(store, &upload).await;
}

/// S3 calls it EntityTooSmall. Only the last part may be small.
pub async fn a_small_part_in_the_middle_is_refused<D: Destination>(store: &D, expectations: &Expectations) {
    if !expectations.small_parts_refused || store.capabilities().min_part_size < 2 {
        return;
    }
    let (first, last) = (Bytes::from_static(b"1"), Bytes::from_static(b"2"));
    let upload = begin(store, "multipart/small").await;
    let parts = [send(store, &upload, 1, &first).await, send(store, &upload, 2, &last).await];
    let answer = complete(store, &upload, &parts, b"12", Condition::None).await;
    assert_eq!(refusal("completion with a small part in the middle", answer), ErrorKind::InvalidRequest);
    assert_absent(store, "multipart/small").await;
    abandon(store, &upload).await;
}

/// S3 lists 1,000 a page. Left out where the parts would be large.
pub async fn more_than_1000_parts_are_listed<D: Destination>(store: &D) {
    if store.capabilities().min_part_size > 1024 {
        return;
    }
    let bytes = pattern(part_size(store), 4);
    let body = || ByteStream::from_bytes(bytes.clone());
    let upload = begin(store, "multipart/many").await;
    for number in 1..=1005 {
        let part = part(store, number, bytes.len() as u64);
        done("one of 1,005 parts", store.upload_part(&upload, &part, body()).await);
    }
    let parts = list(store, &upload).await;
    assert!(
        parts.iter().map(|part| part.number.get()).eq(1..=1005),
        "the numbers of 1,005 parts: {} parts",
        parts.len()
    );
    let whole = bytes.repeat(1005);
    done("complete 1,005 parts", complete(store, &upload, &parts, &whole, Condition::None).await);
    assert_eq!(head(store, "multipart/many").await.size, whole.len() as u64);
}
