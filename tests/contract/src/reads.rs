//! Reads give what was asked for: a range, a pinned object, or the word that it is not there.

use longhaul::{
    object::{ByteRange, Pin},
    store::{Destination, ErrorKind, Source},
};

use crate::{
    Expectations,
    steps::{assert_absent, done, head, key, put, refusal},
};

/// All checks of this module.
pub async fn all<D: Destination>(store: &D, expectations: &Expectations) {
    a_range_is_read_as_asked(store).await;
    a_pinned_object_is_read_while_it_is_there(store).await;
    a_pinned_read_of_a_replaced_object_is_refused(store).await;
    old_versions_stay_readable_where_they_are_kept(store, expectations).await;
    a_missing_key_is_not_found(store).await;
}

async fn read<S: Source>(store: &S, name: &str, pin: Option<&Pin>, range: Option<ByteRange>) -> Vec<u8> {
    let step = format!("get {name:?}, pin {pin:?}, range {range:?}");
    let fetched = done(&step, store.get_object(&key(name), pin, range).await);
    assert_eq!(fetched.range, range, "{step}: the range that was read");
    let length = range.map_or(fetched.info.size, ByteRange::len);
    assert_eq!(fetched.body.length(), length, "{step}: the announced length");
    done(&step, fetched.body.collect().await)
}

/// The answer says which range it is, and describes the whole object.
pub async fn a_range_is_read_as_asked<D: Destination>(store: &D) {
    put(store, "reads/digits", "0123456789").await;
    let pin = head(store, "reads/digits").await.pin();
    for (first, length, expected) in [(0, 1, "0"), (2, 3, "234"), (9, 1, "9"), (0, 10, "0123456789")] {
        let range = ByteRange::new(first, length);
        assert_eq!(read(store, "reads/digits", None, range).await, expected.as_bytes());
        assert_eq!(read(store, "reads/digits", Some(&pin), range).await, expected.as_bytes());
    }
    let fetched = done("get", store.get_object(&key("reads/digits"), None, ByteRange::new(2, 3)).await);
    assert_eq!(fetched.info.size, 10, "a range describes the whole object");
    assert_eq!(fetched.info.etag, pin.etag, "a range carries the object's tag");
}

/// With and without its version.
pub async fn a_pinned_object_is_read_while_it_is_there<D: Destination>(store: &D) {
    put(store, "reads/pinned", "pinned").await;
    let pin = head(store, "reads/pinned").await.pin();
    let by_tag = Pin { version_id: None, ..pin.clone() };
    assert_eq!(read(store, "reads/pinned", Some(&pin), None).await, b"pinned");
    assert_eq!(read(store, "reads/pinned", Some(&by_tag), None).await, b"pinned");
}

/// Whole or in a range: bytes of two objects never mix.
pub async fn a_pinned_read_of_a_replaced_object_is_refused<D: Destination>(store: &D) {
    put(store, "reads/replaced", "before").await;
    let pin = Pin { version_id: None, ..head(store, "reads/replaced").await.pin() };
    put(store, "reads/replaced", "and after").await;
    for range in [None, ByteRange::new(1, 2)] {
        let answer = store.get_object(&key("reads/replaced"), Some(&pin), range).await;
        let kind = refusal(&format!("get of a replaced object, range {range:?}"), answer);
        assert_eq!(kind, ErrorKind::PreconditionFailed, "range {range:?}");
    }
}

/// A pin with a version means that version.
pub async fn old_versions_stay_readable_where_they_are_kept<D: Destination>(store: &D, expectations: &Expectations) {
    let written = put(store, "reads/versions", "the old one").await;
    assert_eq!(written.version_id.is_some(), expectations.versions, "the answer to a put names a version");
    let pin = head(store, "reads/versions").await.pin();
    put(store, "reads/versions", "the new").await;
    if expectations.versions {
        assert_eq!(read(store, "reads/versions", Some(&pin), None).await, b"the old one");
        assert_eq!(read(store, "reads/versions", Some(&pin), ByteRange::new(4, 3)).await, b"old");
        assert_eq!(read(store, "reads/versions", None, None).await, b"the new");
    }
}

/// Also where the missing key is the beginning of another, or below an object.
pub async fn a_missing_key_is_not_found<D: Destination>(store: &D) {
    put(store, "reads/there", "there").await;
    let pin = Pin { version_id: None, ..head(store, "reads/there").await.pin() };
    for name in ["reads/ther", "reads/there/below", "reads", "no/such/key"] {
        assert_absent(store, name).await;
        for pin in [None, Some(&pin)] {
            let answer = store.get_object(&key(name), pin, None).await;
            assert_eq!(refusal(&format!("get of the missing {name:?}"), answer), ErrorKind::NotFound, "{name:?}");
        }
    }
}
