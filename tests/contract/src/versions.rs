//! Listings of current versions: what a listing shows, and which version each key has.

use futures_util::{StreamExt, TryStreamExt, stream};
use longhaul::{
    object::{Listed, VersionId},
    store::{Destination, ErrorKind, ListRequest, Source},
};

use crate::{
    Expectations,
    listing::listed,
    steps::{delete, done, head, put, refusal},
};

/// All checks of this module; but one, none where versions are not listed.
pub async fn all<D: Destination>(store: &D, expectations: &Expectations) {
    if !expectations.versions_listed {
        versions_that_are_not_listed_are_an_error(store).await;
        return;
    }
    current_versions_are_listed_with_their_ids(store, expectations).await;
    a_deleted_key_has_no_current_version(store).await;
    versions_are_listed_in_order_and_behind_a_key(store).await;
    old_versions_fill_pages_and_are_not_shown(store, expectations).await;
}

async fn pages<S: Source>(store: &S, prefix: &str, start_after: Option<&str>) -> Vec<Vec<Listed>> {
    let request = ListRequest { prefix: prefix.to_owned(), start_after: start_after.map(str::to_owned) };
    let pages = store.list_versions(request).try_collect::<Vec<_>>().await;
    done(&format!("list versions of {prefix:?} behind {start_after:?}"), pages)
}

async fn versions<S: Source>(store: &S, prefix: &str, start_after: Option<&str>) -> Vec<Listed> {
    pages(store, prefix, start_after).await.concat()
}

fn names(lines: &[Listed]) -> Vec<&str> {
    lines.iter().map(|line| line.key.as_str()).collect()
}

async fn current_version<D: Destination>(store: &D, name: &str) -> Option<VersionId> {
    head(store, name).await.version_id
}

/// And never an empty listing, which would mean an empty bucket.
pub async fn versions_that_are_not_listed_are_an_error<S: Source>(store: &S) {
    let answer = store.list_versions(ListRequest::default()).try_collect::<Vec<_>>().await;
    assert_eq!(refusal("list versions", answer), ErrorKind::Unsupported);
}

/// One line a key, however often it was written; without versions there is no id.
pub async fn current_versions_are_listed_with_their_ids<D: Destination>(store: &D, expectations: &Expectations) {
    for name in ["versions/once", "versions/twice", "versions/twice"] {
        put(store, name, format!("of {name}")).await;
    }
    let lines = versions(store, "versions/", None).await;
    assert_eq!(names(&lines), ["versions/once", "versions/twice"], "one line a key");
    for line in &lines {
        let info = head(store, line.key.as_str()).await;
        assert_eq!(line.version_id, info.version_id, "the version of {}", line.key);
        assert_eq!(line.version_id.is_some(), expectations.versions, "an id of {}", line.key);
        assert_eq!(line.size, info.size, "the size of {}", line.key);
        assert!(line.etag.as_ref().is_none_or(|etag| *etag == info.etag), "the tag of {}", line.key);
    }
    for line in listed(store, "versions/", None).await {
        assert_eq!(line.version_id, None, "a plain listing names no versions");
    }
}

/// Neither the old one nor what marks the deletion; written again, it has a new one.
pub async fn a_deleted_key_has_no_current_version<D: Destination>(store: &D) {
    put(store, "versions/deleted", "then").await;
    let then = current_version(store, "versions/deleted").await;
    delete(store, "versions/deleted").await;
    assert_eq!(versions(store, "versions/deleted", None).await, []);
    put(store, "versions/deleted", "now").await;
    let lines = versions(store, "versions/deleted", None).await;
    assert_eq!(names(&lines), ["versions/deleted"]);
    assert!(lines[0].version_id.is_none() || lines[0].version_id != then, "a new version has a new id");
}

/// As other listings, with keys that must be encoded on their way.
pub async fn versions_are_listed_in_order_and_behind_a_key<D: Destination>(store: &D) {
    let ordered = ["versions-order/Z", "versions-order/a b+c%20", "versions-order/a/b", "versions-order/日本語"];
    for name in ordered.into_iter().rev() {
        put(store, name, name.as_bytes()).await;
        put(store, name, name.as_bytes()).await;
    }
    assert_eq!(names(&versions(store, "versions-order/", None).await), ordered);
    for (index, name) in ordered.into_iter().enumerate() {
        let rest = versions(store, "versions-order/", Some(name)).await;
        assert_eq!(names(&rest), ordered[index + 1..], "behind {name:?}");
    }
    assert_eq!(versions(store, "versions-order/nothing", None).await, []);
}

/// More old versions than two pages hold lie between two keys: a page may show nothing, and the next key is still
/// found.
pub async fn old_versions_fill_pages_and_are_not_shown<D: Destination>(store: &D, expectations: &Expectations) {
    if !expectations.versions {
        return;
    }
    put(store, "versions-many/a", "a").await;
    let puts = stream::iter(0..2100).map(move |number| async move {
        put(store, "versions-many/b", format!("{number}")).await;
    });
    puts.buffer_unordered(8).collect::<Vec<()>>().await;
    delete(store, "versions-many/b").await;
    put(store, "versions-many/c", "c").await;
    let lines = versions(store, "versions-many/", None).await;
    assert_eq!(names(&lines), ["versions-many/a", "versions-many/c"], "the deleted key and its old versions");
    put(store, "versions-many/b", "current").await;
    let lines = versions(store, "versions-many/", None).await;
    assert_eq!(names(&lines), ["versions-many/a", "versions-many/b", "versions-many/c"]);
    assert_eq!(lines[1].version_id, current_version(store, "versions-many/b").await);
}
