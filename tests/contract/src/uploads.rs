//! Unfinished uploads can be found, and dropped.

use bytes::Bytes;
use futures_util::TryStreamExt;
use longhaul::store::{ByteStream, Condition, Destination, ErrorKind, UnfinishedUpload, Upload, UploadFilter};

use crate::steps::{assert_absent, begin, complete, done, key, part, refusal, send};

/// All checks of this module.
pub async fn all<D: Destination>(store: &D) {
    uploads_of_a_key_are_those_of_exactly_this_key(store).await;
    uploads_of_a_prefix_are_listed(store).await;
    a_finished_upload_is_not_listed(store).await;
    an_aborted_upload_is_gone(store).await;
}

async fn unfinished<D: Destination>(store: &D, filter: UploadFilter) -> Vec<UnfinishedUpload> {
    let step = format!("list uploads, {filter:?}");
    let pages = store.list_multipart_uploads(filter).try_collect::<Vec<_>>().await;
    done(&step, pages).concat()
}

async fn of_key<D: Destination>(store: &D, name: &str) -> Vec<UnfinishedUpload> {
    unfinished(store, UploadFilter::Key(key(name))).await
}

async fn abort<D: Destination>(store: &D, upload: &Upload) {
    done(&format!("abort {}", upload.key), store.abort_multipart_upload(upload).await);
}

fn ids(uploads: &[UnfinishedUpload]) -> Vec<&str> {
    let mut ids: Vec<_> = uploads.iter().map(|listed| listed.upload.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

fn sorted<'a>(uploads: &[&'a Upload]) -> Vec<&'a str> {
    let mut ids: Vec<_> = uploads.iter().map(|upload| upload.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// A store may list by prefix, but `a.bak` is not `a`. Two uploads of one key are two.
pub async fn uploads_of_a_key_are_those_of_exactly_this_key<D: Destination>(store: &D) {
    let one = begin(store, "uploads/exact/a").await;
    let two = begin(store, "uploads/exact/a").await;
    let other = begin(store, "uploads/exact/a.bak").await;
    let found = of_key(store, "uploads/exact/a").await;
    assert_eq!(ids(&found), sorted(&[&one, &two]), "uploads of the key: {found:?}");
    assert!(found.iter().all(|found| found.upload.key == one.key), "the keys of uploads: {found:?}");
    assert!(found.iter().all(|found| found.adoptable), "uploads that this adapter began: {found:?}");
    assert_eq!(of_key(store, "uploads/exact/").await, [], "the beginning of a key is another key");
    for upload in [one, two, other] {
        abort(store, &upload).await;
    }
}

/// All of them, and no others.
pub async fn uploads_of_a_prefix_are_listed<D: Destination>(store: &D) {
    let one = begin(store, "uploads/prefix/a").await;
    let two = begin(store, "uploads/prefix/b/c").await;
    let other = begin(store, "uploads/other").await;
    let found = unfinished(store, UploadFilter::Prefix("uploads/prefix/".into())).await;
    assert_eq!(ids(&found), sorted(&[&one, &two]), "uploads below the prefix: {found:?}");
    let found = unfinished(store, UploadFilter::Prefix("uploads/".into())).await;
    assert_eq!(ids(&found), sorted(&[&one, &two, &other]), "uploads below the longer prefix: {found:?}");
    for upload in [one, two, other] {
        abort(store, &upload).await;
    }
}

/// Neither a completed nor an aborted one.
pub async fn a_finished_upload_is_not_listed<D: Destination>(store: &D) {
    let bytes = Bytes::from_static(b"finished");
    let completed = begin(store, "uploads/finished").await;
    let aborted = begin(store, "uploads/finished").await;
    let parts = [send(store, &completed, 1, &bytes).await];
    done("complete", complete(store, &completed, &parts, &bytes, Condition::None).await);
    let found = of_key(store, "uploads/finished").await;
    assert_eq!(ids(&found), sorted(&[&aborted]), "beside a completed upload: {found:?}");
    abort(store, &aborted).await;
    assert_eq!(of_key(store, "uploads/finished").await, [], "after the abort");
}

/// Whatever is asked of it is answered so.
pub async fn an_aborted_upload_is_gone<D: Destination>(store: &D) {
    let bytes = Bytes::from_static(b"aborted");
    let upload = begin(store, "uploads/aborted").await;
    let parts = [send(store, &upload, 1, &bytes).await];
    abort(store, &upload).await;
    let listed = refusal("list its parts", store.list_parts(&upload).await);
    assert_eq!(listed, ErrorKind::NoSuchUpload, "ListParts after the abort");
    let body = ByteStream::from_bytes(bytes.clone());
    let sent = refusal("send a part", store.upload_part(&upload, &part(store, 1, bytes.len() as u64), body).await);
    assert_eq!(sent, ErrorKind::NoSuchUpload, "UploadPart after the abort");
    let completed = refusal("complete", complete(store, &upload, &parts, &bytes, Condition::None).await);
    assert_eq!(completed, ErrorKind::NoSuchUpload, "CompleteMultipartUpload after the abort");
    let again = refusal("abort again", store.abort_multipart_upload(&upload).await);
    assert_eq!(again, ErrorKind::NoSuchUpload, "AbortMultipartUpload after the abort");
    assert_absent(store, "uploads/aborted").await;
}
