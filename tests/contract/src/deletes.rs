//! Deleting takes away the current object, and nothing else.

use longhaul::{object::Pin, store::Destination};

use crate::{
    Expectations,
    steps::{assert_absent, begin, bytes_of, delete, done, head, key, put, send},
};

/// All checks of this module.
pub async fn all<D: Destination>(store: &D, expectations: &Expectations) {
    a_deleted_object_is_gone_and_its_neighbours_stay(store).await;
    a_missing_object_is_deleted_without_an_error(store).await;
    a_deleted_object_can_be_written_again(store).await;
    old_versions_outlive_a_deletion(store, expectations).await;
    an_unfinished_upload_outlives_a_deletion(store).await;
}

/// Neighbours have nearly the same key.
pub async fn a_deleted_object_is_gone_and_its_neighbours_stay<D: Destination>(store: &D) {
    let neighbours = ["deletes/a.bak", "deletes/A", "deletes/a-b/c"];
    for name in neighbours {
        put(store, name, name.as_bytes()).await;
    }
    put(store, "deletes/a", "deleted").await;
    delete(store, "deletes/a").await;
    assert_absent(store, "deletes/a").await;
    for name in neighbours {
        assert_eq!(bytes_of(store, name).await, name.as_bytes(), "the neighbour {name:?}");
    }
}

/// Once and again, below what is there and where nothing is.
pub async fn a_missing_object_is_deleted_without_an_error<D: Destination>(store: &D) {
    put(store, "deletes/there", "there").await;
    for name in ["deletes/ther", "deletes/there/below", "deletes/no/such/key", "deletes/no/such/key"] {
        delete(store, name).await;
    }
    assert_eq!(bytes_of(store, "deletes/there").await, b"there");
}

/// As if it had never been there.
pub async fn a_deleted_object_can_be_written_again<D: Destination>(store: &D) {
    put(store, "deletes/again", "first").await;
    delete(store, "deletes/again").await;
    put(store, "deletes/again", "second").await;
    assert_eq!(bytes_of(store, "deletes/again").await, b"second");
}

/// A pin with a version still reads it.
pub async fn old_versions_outlive_a_deletion<D: Destination>(store: &D, expectations: &Expectations) {
    put(store, "deletes/version", "the old one").await;
    let pin: Pin = head(store, "deletes/version").await.pin();
    delete(store, "deletes/version").await;
    assert_absent(store, "deletes/version").await;
    if expectations.versions {
        let fetched = done("get", store.get_object(&key("deletes/version"), Some(&pin), None).await);
        assert_eq!(done("body", fetched.body.collect().await), b"the old one");
    }
}

/// It is no object yet.
pub async fn an_unfinished_upload_outlives_a_deletion<D: Destination>(store: &D) {
    put(store, "deletes/upload", "replaced").await;
    let upload = begin(store, "deletes/upload").await;
    let part = send(store, &upload, 1, &"a part".into()).await;
    delete(store, "deletes/upload").await;
    let parts = done("list parts", store.list_parts(&upload).await);
    assert_eq!(parts.iter().map(|listed| listed.number).collect::<Vec<_>>(), [part.number]);
    done("abort", store.abort_multipart_upload(&upload).await);
}
