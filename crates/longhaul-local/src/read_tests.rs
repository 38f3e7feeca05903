//! Listing and reading a folder.

use std::{collections::BTreeSet, fs, os::unix::fs::symlink, path::Path, time::Duration};

use futures_util::StreamExt;
use longhaul::{
    object::{ByteRange, ObjectKey},
    store::{ErrorKind, ListRequest, Source},
};
use tempfile::TempDir;

use crate::{LocalFolder, Role, SkipReason, SkippedEntry};

const FILES: [&str; 13] =
    ["a", "a-b", "a.b/x", "a.b/y/z", "a0", "b/a", "b/c", "b-c", "b.c", "b0/é", "b0/e", "z/z/z/z", "Z"];

/// A folder with these files and one with many.
fn tree() -> (TempDir, BTreeSet<String>) {
    let folder = tempfile::tempdir().unwrap();
    let mut keys: BTreeSet<String> = FILES.map(str::to_owned).into();
    keys.extend((0..40).map(|number| format!("many/{}", number * 7919 % 40)));
    for key in &keys {
        write(folder.path(), key, "x");
    }
    (folder, keys)
}

fn write(root: &Path, key: &str, content: &str) {
    let path = root.join(key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn source(folder: &TempDir) -> LocalFolder {
    LocalFolder::new(folder.path().to_owned(), Role::Source).unwrap()
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

async fn keys(folder: &LocalFolder, prefix: &str, start_after: Option<&str>) -> Vec<String> {
    let request = ListRequest { prefix: prefix.to_owned(), start_after: start_after.map(str::to_owned) };
    let pages: Vec<_> = folder.list(request).collect().await;
    let listed = pages.into_iter().flat_map(|page| page.unwrap());
    listed.map(|listed| listed.key.as_str().to_owned()).collect()
}

#[tokio::test]
async fn a_walk_gives_keys_in_the_byte_order_of_whole_keys() {
    let (folder, expected) = tree();
    let expected: Vec<String> = expected.into_iter().collect();
    assert_eq!(keys(&source(&folder), "", None).await, expected);
    let spilling = source(&folder).with_entries_in_memory(2);
    assert_eq!(keys(&spilling, "", None).await, expected);
}

#[tokio::test]
async fn a_destination_also_shows_its_folders() {
    let (folder, mut expected) = tree();
    expected.extend(["a.b/", "a.b/y/", "b/", "b0/", "many/", "z/", "z/z/", "z/z/z/"].map(str::to_owned));
    let destination = LocalFolder::new(folder.path().to_owned(), Role::Destination).unwrap();
    let expected: Vec<String> = expected.into_iter().collect();
    assert_eq!(keys(&destination, "", None).await, expected);
    assert_eq!(keys(&destination, "z/z/", None).await, ["z/z/", "z/z/z/", "z/z/z/z"]);
}

#[tokio::test]
async fn a_listing_can_begin_behind_any_key_and_within_any_prefix() {
    let (folder, all) = tree();
    let source = source(&folder);
    let starts = all.iter().map(String::as_str).chain(["", "a/", "a.", "b/b", "many", "many/", "zz", "~"]);
    let prefixes = ["", "a", "a.b", "a.b/", "a.b/y/z", "b", "many/1", "z/z/", "missing/", "a//", "../", "a/b/c"];
    for start in starts {
        for prefix in prefixes {
            let expected: Vec<&String> =
                all.iter().filter(|key| key.starts_with(prefix) && key.as_str() > start).collect();
            let listed = keys(&source, prefix, Some(start)).await;
            assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "prefix {prefix:?} behind {start:?}");
        }
    }
}

#[tokio::test]
async fn links_and_odd_names_are_skipped_and_said_to_be() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "real/a", "x");
    symlink("real", folder.path().join("link")).unwrap();
    fs::write(folder.path().join(OsStr::from_bytes(b"bad-\xff")), "x").unwrap();
    fs::write(folder.path().join(".longhaul-0-0.tmp"), "x").unwrap();
    let source = source(&folder);
    assert_eq!(keys(&source, "", None).await, ["real/a"]);
    let skipped = |path: &str, reason| SkippedEntry { path: path.to_owned(), reason };
    let expected = [
        skipped(".longhaul-0-0.tmp", SkipReason::OwnName),
        skipped("bad-\u{fffd}", SkipReason::NotUtf8),
        skipped("link", SkipReason::Symlink),
    ];
    assert_eq!(source.skipped(), expected);
    assert_eq!(source.head_object(&key("link/a")).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_missing_folder_is_an_error_and_not_empty() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(&folder);
    let missing = LocalFolder::new(folder.path().join("none"), Role::Source).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NoSuchBucket);
    fs::remove_dir(folder.path()).unwrap();
    let page = source.list(ListRequest::default()).next().await.unwrap();
    assert_eq!(page.unwrap_err().kind(), ErrorKind::NoSuchBucket);
}

#[tokio::test]
async fn a_file_is_read_whole_and_in_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let content = "0123456789".repeat(60_000);
    write(folder.path(), "a/b.txt", &content);
    write(folder.path(), "empty", "");
    let source = source(&folder);
    let whole = source.get_object(&key("a/b.txt"), None, None).await.unwrap();
    assert_eq!(whole.info, source.head_object(&key("a/b.txt")).await.unwrap());
    assert_eq!(whole.info.headers.content_type.as_deref(), Some("text/plain"));
    assert_eq!(whole.body.collect().await.unwrap(), content.as_bytes());
    let pin = whole.info.pin();
    let range = ByteRange::new(300_005, 299_990).unwrap();
    let part = source.get_object(&key("a/b.txt"), Some(&pin), Some(range)).await.unwrap();
    assert_eq!((part.range, part.body.length()), (Some(range), 299_990));
    assert_eq!(part.body.collect().await.unwrap(), &content.as_bytes()[300_005..599_995]);
    let empty = source.get_object(&key("empty"), None, None).await.unwrap();
    assert!(empty.body.collect().await.unwrap().is_empty());
    let behind = source.get_object(&key("empty"), None, Some(range)).await.err().unwrap();
    assert_eq!(behind.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn another_file_than_the_pinned_one_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a", "one");
    let source = source(&folder);
    let pin = source.head_object(&key("a")).await.unwrap().pin();
    fs::remove_file(folder.path().join("a")).unwrap();
    write(folder.path(), "a", "other");
    let refused = source.get_object(&key("a"), Some(&pin), None).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::PreconditionFailed);
}

/// Reads one chunk, lets `change` happen, and reads on to the error.
async fn read_across(change: impl FnOnce(&Path)) -> (usize, ErrorKind) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a", &"x".repeat(1 << 20));
    let source = source(&folder);
    let mut chunks = source.get_object(&key("a"), None, None).await.unwrap().body.into_chunks();
    let mut got = chunks.next().await.unwrap().unwrap().len();
    // The clock of a file system ticks every few milliseconds.
    tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(50))).await.unwrap();
    change(&folder.path().join("a"));
    loop {
        match chunks.next().await.expect("a changed file ends in an error") {
            Ok(chunk) => got += chunk.len(),
            Err(error) => return (got, error.kind()),
        }
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_ends_in_an_error_before_its_last_byte() {
    let rewritten = read_across(|path| fs::write(path, "y".repeat(1 << 20)).unwrap()).await;
    assert_eq!(rewritten.1, ErrorKind::PreconditionFailed);
    assert!(rewritten.0 < 1 << 20);
    let replaced = read_across(|path| {
        fs::write(path.with_extension("new"), "x".repeat(1 << 20)).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    });
    let replaced = replaced.await;
    assert_eq!(replaced.1, ErrorKind::PreconditionFailed);
    assert!(replaced.0 < 1 << 20);
    let cut = read_across(|path| fs::write(path, "").unwrap()).await;
    assert_eq!(cut.1, ErrorKind::PreconditionFailed);
    let removed = read_across(|path| fs::remove_file(path).unwrap()).await;
    assert_eq!(removed.1, ErrorKind::PreconditionFailed);
}
