//! Writing a folder: whole objects and uploads.

use std::{fs, os::unix::fs::symlink};

use bytes::Bytes;
use futures_util::StreamExt;
use longhaul::{
    object::{ByteRange, Crc64, ETag, Headers, ObjectKey, PartNumber, PartSpec, Timestamp},
    store::{
        ByteStream, Completion, Condition, Destination, ErrorKind, NewObject, Source, StoreError, Upload, UploadFilter,
        UploadedPart, Written,
    },
};
use tempfile::TempDir;

use crate::{LocalFolder, Role};

const MODIFIED: Timestamp = Timestamp(1_600_000_000_123);

struct Fixture {
    folder: TempDir,
    store: LocalFolder,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalFolder::new(folder.path().join("made/for/it"), Role::Destination).unwrap();
        Self { folder, store }
    }

    async fn put(&self, text: &str, content: &'static str, condition: Condition) -> Result<Written, StoreError> {
        self.put_expecting(text, content, condition, None).await
    }

    async fn put_expecting(
        &self,
        text: &str,
        content: &'static str,
        condition: Condition,
        expected: Option<Crc64>,
    ) -> Result<Written, StoreError> {
        let (key, headers) = (key(text), Headers::default());
        let object = NewObject { key: &key, headers: &headers, storage_class: None, modified: MODIFIED };
        self.store.put_object(&object, &condition, expected, body(content)).await
    }

    async fn create(&self, text: &str) -> Upload {
        let (key, headers) = (key(text), Headers::default());
        let object = NewObject { key: &key, headers: &headers, storage_class: None, modified: MODIFIED };
        self.store.create_multipart_upload(&object).await.unwrap()
    }

    async fn part(&self, upload: &Upload, number: u16, first: u64, content: &'static str) -> UploadedPart {
        let range = ByteRange::new(first, content.len() as u64).unwrap();
        let part = PartSpec { number: PartNumber::new(number).unwrap(), range };
        self.store.upload_part(upload, &part, body(content)).await.unwrap()
    }

    async fn complete(&self, upload: &Upload, parts: &[UploadedPart], size: u64) -> Result<Written, StoreError> {
        let completion = Completion { parts, size, crc64nvme: None, condition: Condition::IfAbsent };
        self.store.complete_multipart_upload(upload, &completion).await
    }

    /// Every file below the root, own ones too.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.store.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path.strip_prefix(self.store.path()).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(text).unwrap()
}

fn body(content: &'static str) -> ByteStream {
    ByteStream::from_bytes(Bytes::from_static(content.as_bytes()))
}

#[tokio::test]
async fn an_object_is_written_with_its_time_and_leaves_nothing_else_behind() {
    let fixture = Fixture::new();
    let written = fixture.put("a/b/c", "hello", Condition::None).await.unwrap();
    assert_eq!(written.crc64nvme, Some(Crc64::of(b"hello")));
    let info = fixture.store.head_object(&key("a/b/c")).await.unwrap();
    assert_eq!((Some(info.etag), info.size, info.modified), (written.etag, 5, MODIFIED));
    assert_eq!(fixture.files(), ["a/b/c"]);
}

#[tokio::test]
async fn conditions_are_kept() {
    let fixture = Fixture::new();
    let first = fixture.put("a", "one", Condition::IfAbsent).await.unwrap().etag.unwrap();
    let again = fixture.put("a", "two", Condition::IfAbsent).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::PreconditionFailed);
    let wrong = fixture.put("a", "two", Condition::IfMatch(ETag::new("1-2-3"))).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::PreconditionFailed);
    fixture.put("a", "two", Condition::IfMatch(first)).await.unwrap();
    assert_eq!(fs::read_to_string(fixture.store.path().join("a")).unwrap(), "two");
    assert_eq!(fixture.files(), ["a"]);
}

#[tokio::test]
async fn bytes_that_are_not_the_expected_ones_never_get_the_name() {
    let fixture = Fixture::new();
    let wrong = fixture.put_expecting("a", "one", Condition::None, Some(Crc64::of(b"two"))).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Corrupt);
    let (key, headers) = (key("a"), Headers::default());
    let object = NewObject { key: &key, headers: &headers, storage_class: None, modified: MODIFIED };
    let short = ByteStream::new(4, body("one").into_chunks());
    let short = fixture.store.put_object(&object, &Condition::None, None, short).await.unwrap_err();
    assert_eq!(short.kind(), ErrorKind::Corrupt);
    assert!(fixture.files().is_empty());
}

#[tokio::test]
async fn what_stands_in_the_way_is_named() {
    let fixture = Fixture::new();
    fixture.put("a", "x", Condition::None).await.unwrap();
    let below = fixture.put("a/b", "x", Condition::None).await.unwrap_err();
    assert_eq!(below.kind(), ErrorKind::InvalidKey);
    assert!(below.to_string().contains("is a file"), "{below}");
    fixture.put("d/e", "x", Condition::None).await.unwrap();
    let above = fixture.put("d", "x", Condition::IfAbsent).await.unwrap_err();
    assert_eq!(above.kind(), ErrorKind::InvalidKey);
    assert!(above.to_string().contains("a folder of this name"), "{above}");
}

#[tokio::test]
async fn nothing_is_written_through_a_link() {
    let fixture = Fixture::new();
    let outside = fixture.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, fixture.store.path().join("link")).unwrap();
    let refused = fixture.put("link/a", "x", Condition::None).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidKey);
    assert!(refused.to_string().contains("symbolic link"), "{refused}");
    let replaced = fixture.put("link", "x", Condition::None).await.unwrap_err();
    assert_eq!(replaced.kind(), ErrorKind::InvalidKey);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_key_makes_a_folder_and_takes_no_bytes() {
    let fixture = Fixture::new();
    fixture.put("a/b/", "", Condition::IfAbsent).await.unwrap();
    assert!(fixture.store.path().join("a/b").is_dir());
    let info = fixture.store.head_object(&key("a/b/")).await.unwrap();
    assert_eq!(info.size, 0);
    let again = fixture.put("a/b/", "", Condition::IfAbsent).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::PreconditionFailed);
    let bytes = fixture.put("a/c/", "x", Condition::None).await.unwrap_err();
    assert_eq!(bytes.kind(), ErrorKind::InvalidKey);
    assert_eq!(fixture.store.head_object(&key("a/b")).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn keys_that_a_folder_cannot_hold_are_refused_in_words() {
    let fixture = Fixture::new();
    for text in ["a//b", "/a", "../a", "a/.", ".longhaul-x"] {
        assert!(fixture.store.refuse_key(&key(text)).is_some(), "{text}");
        let error = fixture.put(text, "x", Condition::None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey);
    }
    assert_eq!(fixture.store.refuse_key(&key("a/b c/ü")), None);
}

#[tokio::test]
async fn an_upload_becomes_the_object_of_its_parts_in_whatever_order_they_came() {
    let fixture = Fixture::new();
    let upload = fixture.create("d/a").await;
    let last = fixture.part(&upload, 2, 5, " world").await;
    let first = fixture.part(&upload, 1, 0, "hello").await;
    assert_eq!(fixture.store.list_parts(&upload).await.unwrap(), [first.clone(), last.clone()]);
    let listed: Vec<_> = fixture.store.list(Default::default()).collect().await;
    let listed: Vec<_> = listed.into_iter().flat_map(|page| page.unwrap()).map(|listed| listed.key).collect();
    assert_eq!(listed, [key("d/")]);
    let written = fixture.complete(&upload, &[first, last], 11).await.unwrap();
    assert_eq!(written.crc64nvme, Some(Crc64::of(b"hello world")));
    let info = fixture.store.head_object(&key("d/a")).await.unwrap();
    assert_eq!((Some(info.etag), info.modified), (written.etag, MODIFIED));
    assert_eq!(fs::read_to_string(fixture.store.path().join("d/a")).unwrap(), "hello world");
    assert_eq!(fixture.files(), ["d/a"]);
    let again = fixture.store.list_parts(&upload).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NoSuchUpload);
}

#[tokio::test]
async fn a_part_that_is_written_again_is_the_later_one() {
    let fixture = Fixture::new();
    let upload = fixture.create("a").await;
    let old = fixture.part(&upload, 1, 0, "old").await;
    let new = fixture.part(&upload, 1, 0, "new").await;
    assert_eq!(fixture.store.list_parts(&upload).await.unwrap(), std::slice::from_ref(&new));
    let stale = fixture.complete(&upload, &[old], 3).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::InvalidPart);
    fixture.complete(&upload, &[new], 3).await.unwrap();
    assert_eq!(fs::read_to_string(fixture.store.path().join("a")).unwrap(), "new");
}

#[tokio::test]
async fn parts_with_a_gap_and_parts_of_another_size_are_not_completed() {
    let fixture = Fixture::new();
    let upload = fixture.create("a").await;
    let first = fixture.part(&upload, 1, 0, "abc").await;
    let third = fixture.part(&upload, 3, 6, "ghi").await;
    for (parts, size) in [(vec![first.clone(), third.clone()], 6), (vec![third, first.clone()], 6), (vec![], 0)] {
        let error = fixture.complete(&upload, &parts, size).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidPart);
    }
    assert_eq!(
        fixture.complete(&upload, std::slice::from_ref(&first), 4).await.unwrap_err().kind(),
        ErrorKind::InvalidPart
    );
    fixture.complete(&upload, &[first], 3).await.unwrap();
    assert_eq!(fs::read_to_string(fixture.store.path().join("a")).unwrap(), "abc");
}

#[tokio::test]
async fn a_part_is_remembered_by_the_next_process() {
    let fixture = Fixture::new();
    let upload = fixture.create("d/a").await;
    let part = fixture.part(&upload, 1, 0, "abc").await;
    let next = LocalFolder::new(fixture.store.path().to_owned(), Role::Destination).unwrap();
    assert_eq!(next.list_parts(&upload).await.unwrap(), [part]);
    for filter in [UploadFilter::Key(key("d/a")), UploadFilter::Prefix("d/".into()), UploadFilter::Prefix("".into())] {
        let pages: Vec<_> = next.list_multipart_uploads(filter).collect().await;
        let found: Vec<_> = pages.into_iter().flat_map(|page| page.unwrap()).collect();
        assert_eq!(found.iter().map(|found| &found.upload).collect::<Vec<_>>(), [&upload]);
        assert!(found[0].adoptable && found[0].initiated > MODIFIED);
    }
    for filter in [UploadFilter::Key(key("d/b")), UploadFilter::Prefix("e".into()), UploadFilter::Prefix("../".into())]
    {
        let pages: Vec<_> = next.list_multipart_uploads(filter).collect().await;
        assert!(pages.into_iter().all(|page| page.unwrap().is_empty()));
    }
}

#[tokio::test]
async fn an_aborted_upload_is_gone_and_an_id_never_becomes_a_path() {
    let fixture = Fixture::new();
    let upload = fixture.create("a").await;
    fixture.part(&upload, 1, 0, "abc").await;
    fixture.store.abort_multipart_upload(&upload).await.unwrap();
    assert!(fixture.files().is_empty());
    for id in [upload.id.as_str(), "", "../x", "{00000000-0000-4000-8000-000000000000}"] {
        let unknown = Upload { key: key("a"), id: id.to_owned() };
        let error = fixture.store.abort_multipart_upload(&unknown).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSuchUpload);
    }
}
