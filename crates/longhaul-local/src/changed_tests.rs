//! Files that change, or are larger than they say, while they are read.

use std::{
    fs::{self, File, FileTimes, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use futures_util::StreamExt;
use longhaul::{
    object::ObjectKey,
    store::{ErrorKind, Fetched, Source},
};
use tempfile::TempDir;

use crate::{LocalFolder, Role};

fn source(folder: &Path) -> LocalFolder {
    LocalFolder::new(folder.to_owned(), Role::Source).unwrap()
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

/// Writes in place and sets the time back, until the file system's clock has ticked.
fn rewrite_with_time_set_back(path: &Path, content: &[u8]) {
    let before = fs::metadata(path).unwrap();
    let ctime = |path: &Path| fs::metadata(path).map(|now| (now.ctime(), now.ctime_nsec())).unwrap();
    let old = ctime(path);
    while ctime(path) == old {
        fs::write(path, content).unwrap();
        let times = FileTimes::new().set_modified(before.modified().unwrap());
        File::options().write(true).open(path).unwrap().set_times(times).unwrap();
    }
    let now = fs::metadata(path).unwrap();
    assert_eq!((now.len(), now.modified().unwrap()), (before.len(), before.modified().unwrap()));
}

/// Changes the mode until the file system's clock has ticked.
fn change_mode(path: &Path) {
    let ctime = |path: &Path| fs::metadata(path).map(|now| (now.ctime(), now.ctime_nsec())).unwrap();
    let old = ctime(path);
    while ctime(path) == old {
        fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
    }
}

fn one_file(content: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, content).unwrap();
    (folder, path)
}

#[tokio::test]
async fn a_file_that_says_it_is_empty_and_is_not_is_refused_by_name() {
    // Files of /proc are 0 bytes long, whatever can be read from them; so are online documents.
    let proc = source(Path::new("/proc"));
    let error = proc.get_object(&key("version"), None, None).await.err().expect("no empty object");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!error.is_retryable());
    let words = error.to_string();
    assert!(words.contains("\"version\"") && words.contains("more bytes"), "{words}");
}

#[tokio::test]
async fn a_file_that_ends_before_its_size_is_refused_and_not_tried_again() {
    // Files of /sys are said to have a page of bytes each.
    let sys = source(Path::new("/sys"));
    let fetched = sys.get_object(&key("kernel/uevent_seqnum"), None, None).await.unwrap();
    let error = fetched.body.collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("ends after"), "{error}");
}

#[tokio::test]
async fn a_file_rewritten_in_place_with_its_time_set_back_is_not_the_pinned_one() {
    let (folder, path) = one_file(b"old");
    let source = source(folder.path());
    let pin = source.head_object(&key("a")).await.unwrap().pin();
    rewrite_with_time_set_back(&path, b"new");
    let refused = source.get_object(&key("a"), Some(&pin), None).await.err().expect("another state");
    assert_eq!(refused.kind(), ErrorKind::PreconditionFailed);
}

/// Reads one chunk, lets `change` happen, and reads on.
async fn read_across(change: impl FnOnce(&Path)) -> (usize, Option<ErrorKind>) {
    let (folder, path) = one_file("x".repeat(1 << 20).as_bytes());
    let Fetched { body, .. } = source(folder.path()).get_object(&key("a"), None, None).await.unwrap();
    let mut chunks = body.into_chunks();
    let mut got = chunks.next().await.unwrap().unwrap().len();
    change(&path);
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => got += chunk.len(),
            Err(error) => return (got, Some(error.kind())),
        }
    }
    (got, None)
}

#[tokio::test]
async fn a_file_whose_time_is_set_back_while_it_is_read_ends_in_an_error_before_its_last_byte() {
    let (got, error) = read_across(|path| rewrite_with_time_set_back(path, "y".repeat(1 << 20).as_bytes())).await;
    assert_eq!(error, Some(ErrorKind::PreconditionFailed));
    assert!(got < 1 << 20);
    let (got, error) = read_across(change_mode).await;
    assert_eq!(error, Some(ErrorKind::PreconditionFailed), "whether the bytes changed too cannot be told");
    assert!(got < 1 << 20);
}

#[tokio::test]
async fn a_file_with_holes_is_read_whole() {
    let (folder, path) = one_file(b"");
    File::options().write(true).open(&path).unwrap().set_len(3 << 20).unwrap();
    let fetched = source(folder.path()).get_object(&key("a"), None, None).await.unwrap();
    assert_eq!(fetched.body.collect().await.unwrap(), vec![0; 3 << 20]);
}
