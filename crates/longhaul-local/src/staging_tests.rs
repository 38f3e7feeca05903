//! Staging files that others could have touched: nothing of them is believed, and nothing is written through them.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures_util::StreamExt;
use longhaul::{
    object::{ByteRange, Headers, ObjectKey, PartNumber, PartSpec, Timestamp},
    store::{
        ByteStream, Completion, Condition, Destination, ErrorKind, NewObject, Source, StoreError, Upload, UploadFilter,
        UploadedPart, Written,
    },
};
use tempfile::TempDir;

use crate::{LocalFolder, Role};

struct Fixture {
    folder: TempDir,
    store: LocalFolder,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalFolder::new(folder.path().join("copies"), Role::Destination).unwrap();
        Self { folder, store }
    }

    /// What a process that was killed leaves to the next one: an upload with two parts.
    async fn inherited() -> (Self, Upload, Vec<UploadedPart>) {
        let mut fixture = Self::new();
        let upload = fixture.create().await;
        let parts = vec![
            fixture.part(&upload, 1, 0, "hello").await.unwrap(),
            fixture.part(&upload, 2, 5, " world").await.unwrap(),
        ];
        fixture.store = LocalFolder::new(fixture.store.path().to_owned(), Role::Destination).unwrap();
        (fixture, upload, parts)
    }

    async fn create(&self) -> Upload {
        let (key, headers) = (key(), Headers::default());
        let object = NewObject { key: &key, headers: &headers, storage_class: None, modified: Timestamp(1) };
        self.store.create_multipart_upload(&object).await.unwrap()
    }

    async fn part(&self, upload: &Upload, number: u16, first: u64, text: &str) -> Result<UploadedPart, StoreError> {
        let range = ByteRange::new(first, text.len() as u64).unwrap();
        let part = PartSpec { number: PartNumber::new(number).unwrap(), range };
        let body = ByteStream::from_bytes(Bytes::from(text.to_owned()));
        self.store.upload_part(upload, &part, body).await
    }

    async fn complete(&self, upload: &Upload, parts: &[UploadedPart]) -> Result<Written, StoreError> {
        let completion = Completion { parts, size: 11, crc64nvme: None, condition: Condition::IfAbsent };
        self.store.complete_multipart_upload(upload, &completion).await
    }

    /// The upload's own file that ends so.
    fn own(&self, end: &str) -> PathBuf {
        let mut names = fs::read_dir(self.store.path()).unwrap().map(|entry| entry.unwrap().path());
        names.find(|path| path.to_str().unwrap().ends_with(end)).expect("the upload's file")
    }

    fn object(&self) -> PathBuf {
        self.store.path().join("a")
    }

    async fn uploads(&self) -> usize {
        let pages: Vec<_> = self.store.list_multipart_uploads(UploadFilter::Key(key())).collect().await;
        pages.into_iter().map(|page| page.unwrap().len()).sum()
    }
}

fn key() -> ObjectKey {
    ObjectKey::new("a").unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn flip_a_byte(path: &Path, at: u64) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[tokio::test]
async fn an_inherited_part_that_is_not_what_its_note_says_is_never_published() {
    let (fixture, upload, parts) = Fixture::inherited().await;
    flip_a_byte(&fixture.own(".part"), 7);
    let refused = fixture.complete(&upload, &parts).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidPart);
    assert!(!fixture.object().exists());
    let again = fixture.part(&upload, 2, 5, " world").await.unwrap();
    fixture.complete(&upload, &[parts[0].clone(), again]).await.unwrap();
    assert_eq!(fs::read_to_string(fixture.object()).unwrap(), "hello world");
}

#[tokio::test]
async fn staging_files_are_private_until_they_have_their_name() {
    let (fixture, upload, parts) = Fixture::inherited().await;
    assert_eq!((mode(&fixture.own(".part")), mode(&fixture.own(".json"))), (0o600, 0o600));
    fixture.complete(&upload, &parts).await.unwrap();
    let ordinary = fixture.folder.path().join("ordinary");
    fs::write(&ordinary, "x").unwrap();
    assert_eq!(mode(&fixture.object()), mode(&ordinary));
    assert_eq!(fs::metadata(fixture.object()).unwrap().nlink(), 1);
}

#[tokio::test]
async fn an_object_written_in_one_go_has_the_mode_of_an_ordinary_file() {
    let fixture = Fixture::new();
    let (key, headers) = (key(), Headers::default());
    let object = NewObject { key: &key, headers: &headers, storage_class: None, modified: Timestamp(1) };
    let body = ByteStream::from_bytes(Bytes::from_static(b"bytes"));
    let written = fixture.store.put_object(&object, &Condition::None, None, body).await.unwrap();
    let ordinary = fixture.folder.path().join("ordinary");
    fs::write(&ordinary, "x").unwrap();
    assert_eq!(mode(&fixture.object()), mode(&ordinary));
    // The name and the mode come last: the tag is that of the file as it stands.
    assert_eq!(written.etag, Some(fixture.store.head_object(&key).await.unwrap().etag));
}

#[tokio::test]
async fn nothing_is_written_through_a_hard_link_in_the_place_of_a_staging_file() {
    let (fixture, upload, parts) = Fixture::inherited().await;
    let victim = fixture.folder.path().join("victim");
    fs::write(&victim, "something dear").unwrap();
    let staging = fixture.own(".part");
    fs::remove_file(&staging).unwrap();
    fs::hard_link(&victim, &staging).unwrap();
    let refused = fixture.part(&upload, 1, 0, "hello").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NoSuchUpload);
    assert!(refused.to_string().contains("hard link"), "{refused}");
    assert_eq!(fixture.complete(&upload, &parts).await.unwrap_err().kind(), ErrorKind::NoSuchUpload);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "something dear");
}

#[tokio::test]
async fn a_symbolic_link_in_the_place_of_a_staging_file_is_no_upload() {
    for end in [".part", ".json"] {
        let (fixture, upload, _) = Fixture::inherited().await;
        let path = fixture.own(end);
        let elsewhere = fixture.folder.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert_eq!(fixture.store.list_parts(&upload).await.unwrap_err().kind(), ErrorKind::NoSuchUpload);
        assert_eq!(fixture.part(&upload, 1, 0, "x").await.unwrap_err().kind(), ErrorKind::NoSuchUpload);
        assert_eq!(fixture.uploads().await, 0);
    }
}

#[tokio::test]
async fn files_that_others_could_write_are_no_upload() {
    for end in [".part", ".json"] {
        let (fixture, upload, _) = Fixture::inherited().await;
        fs::set_permissions(fixture.own(end), Permissions::from_mode(0o666)).unwrap();
        let refused = fixture.store.list_parts(&upload).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NoSuchUpload, "{end}");
        assert!(refused.to_string().contains("others can write"), "{refused}");
    }
}

#[tokio::test]
async fn the_files_of_the_released_version_are_taken_up() {
    // It made them as any other file, readable for others.
    let (fixture, upload, parts) = Fixture::inherited().await;
    for end in [".part", ".json"] {
        fs::set_permissions(fixture.own(end), Permissions::from_mode(0o644)).unwrap();
    }
    assert_eq!(fixture.store.list_parts(&upload).await.unwrap(), parts);
    fixture.complete(&upload, &parts).await.unwrap();
    assert_eq!(fs::read_to_string(fixture.object()).unwrap(), "hello world");
}

#[tokio::test]
async fn a_sidecar_beyond_any_size_is_not_read() {
    const GIB: u64 = 1 << 30;
    let (fixture, upload, _) = Fixture::inherited().await;
    File::options().write(true).open(fixture.own(".json")).unwrap().set_len(GIB).unwrap();
    assert_eq!(fixture.store.list_parts(&upload).await.unwrap_err().kind(), ErrorKind::NoSuchUpload);
    assert_eq!(fixture.uploads().await, 0);
}

#[tokio::test]
async fn a_staging_file_that_was_exchanged_is_not_published() {
    let fixture = Fixture::new();
    let upload = fixture.create().await;
    let parts =
        [fixture.part(&upload, 1, 0, "hello").await.unwrap(), fixture.part(&upload, 2, 5, " world").await.unwrap()];
    // Of the same owner, the same mode and the same size.
    let staging = fixture.own(".part");
    fs::remove_file(&staging).unwrap();
    fs::write(&staging, "jello world").unwrap();
    let refused = fixture.complete(&upload, &parts).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidPart);
    assert!(!fixture.object().exists());
}

#[tokio::test]
async fn an_upload_that_could_not_be_published_stays_private_and_can_be_completed_later() {
    let (fixture, upload, parts) = Fixture::inherited().await;
    fs::write(fixture.object(), "another").unwrap();
    let refused = fixture.complete(&upload, &parts).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PreconditionFailed);
    assert_eq!(mode(&fixture.own(".part")), 0o600);
    fs::remove_file(fixture.object()).unwrap();
    fixture.complete(&upload, &parts).await.unwrap();
    assert_eq!(fs::read_to_string(fixture.object()).unwrap(), "hello world");
}
