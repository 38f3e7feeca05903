//! Copies that a store does by itself, where it can.

use std::collections::BTreeMap;

use longhaul::{
    object::{Crc64, Headers, Pin},
    store::{ByteStream, Condition, CopySource, Destination, ErrorKind},
};

use crate::{
    Expectations,
    objects::assert_answer,
    steps::{
        abandon, assert_absent, begin, bytes_of, complete, done, head, key, part, part_size, pattern, plain, put,
        refusal, with_headers,
    },
};

/// All checks of this module; but one, none where the store does not copy inside itself.
pub async fn all<D: Destination>(store: &D, expectations: &Expectations) {
    a_store_copies_from_itself_if_it_is_expected_to(store, expectations);
    if expectations.server_side_copy {
        a_copied_object_has_bytes_and_headers_of_its_source(store).await;
        a_copy_of_a_replaced_source_is_refused(store).await;
        copied_parts_make_the_object(store).await;
        a_copied_part_of_a_replaced_source_is_refused(store).await;
    }
}

/// What it says of its own location.
pub fn a_store_copies_from_itself_if_it_is_expected_to<D: Destination>(store: &D, expectations: &Expectations) {
    assert_eq!(store.copies_from(store.location()), expectations.server_side_copy, "copies_from its own location");
}

/// Headers travel where they are kept.
pub async fn a_copied_object_has_bytes_and_headers_of_its_source<D: Destination>(store: &D) {
    let (from, to) = (key("copies/from"), key("copies/to"));
    let metadata = BTreeMap::from([("owner".into(), "somebody".into())]);
    let headers = Headers { content_type: Some("text/plain".into()), metadata, ..Headers::default() };
    let body = ByteStream::from_bytes("copied".into());
    done("put", store.put_object(&with_headers(&from, &headers), &Condition::None, None, body).await);
    let info = head(store, from.as_str()).await;
    let source = CopySource { location: store.location(), key: &from, pin: &info.pin() };
    done("copy", store.copy_object(&with_headers(&to, &headers), &source).await);
    assert_eq!(bytes_of(store, to.as_str()).await, b"copied");
    assert_eq!(head(store, to.as_str()).await.headers, info.headers, "the headers of the copy");
}

/// The pin of an object that has been replaced since.
async fn stale_pin<D: Destination>(store: &D, name: &str) -> Pin {
    put(store, name, "before").await;
    let pin = head(store, name).await.pin();
    put(store, name, "and after").await;
    // With its version the old object could still be copied.
    Pin { version_id: None, ..pin }
}

/// Nothing is stored.
pub async fn a_copy_of_a_replaced_source_is_refused<D: Destination>(store: &D) {
    let pin = stale_pin(store, "copies/replaced").await;
    let (from, to) = (key("copies/replaced"), key("copies/not-made"));
    let source = CopySource { location: store.location(), key: &from, pin: &pin };
    let answer = store.copy_object(&plain(&to), &source).await;
    assert_eq!(refusal("copy of a replaced source", answer), ErrorKind::PreconditionFailed);
    assert_absent(store, to.as_str()).await;
}

/// Each part is its range of the source.
pub async fn copied_parts_make_the_object<D: Destination>(store: &D) {
    let size = part_size(store);
    let whole = pattern(size + 3, 5);
    put(store, "copies/large", whole.clone()).await;
    let pin = head(store, "copies/large").await.pin();
    let from = key("copies/large");
    let source = CopySource { location: store.location(), key: &from, pin: &pin };
    let upload = begin(store, "copies/of-parts").await;
    for (number, length) in [(2, 3), (1, size)] {
        let part = part(store, number, length);
        let answer = done("copy a part", store.upload_part_copy(&upload, &part, &source).await);
        assert_eq!(answer.number, part.number, "the number of a copied part");
        let bytes = &whole[part.range.first() as usize..=part.range.last() as usize];
        assert!(answer.crc64nvme.is_none_or(|crc| crc == Crc64::of(bytes)), "a wrong CRC64NVME of a copied part");
    }
    let parts = done("list parts", store.list_parts(&upload).await);
    let sizes: Vec<_> = parts.iter().map(|part| part.size).collect();
    assert_eq!(sizes, [size, 3], "the sizes of copied parts");
    let written = done("complete", complete(store, &upload, &parts, &whole, Condition::None).await);
    assert_answer(store, &written, &whole);
    assert!(bytes_of(store, "copies/of-parts").await == whole, "the bytes differ from the source");
}

/// The upload stays without the part.
pub async fn a_copied_part_of_a_replaced_source_is_refused<D: Destination>(store: &D) {
    let pin = stale_pin(store, "copies/replaced-part").await;
    let from = key("copies/replaced-part");
    let source = CopySource { location: store.location(), key: &from, pin: &pin };
    let upload = begin(store, "copies/not-made").await;
    let answer = store.upload_part_copy(&upload, &part(store, 1, 3), &source).await;
    assert_eq!(refusal("a part of a replaced source", answer), ErrorKind::PreconditionFailed);
    assert_eq!(done("list parts", store.list_parts(&upload).await), [], "parts after the refusal");
    abandon(store, &upload).await;
}
