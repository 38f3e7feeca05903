//! The engine on a folder: what an interrupted copy may go on with, and what it may not believe.

use std::{
    fs::{self, File, FileTimes, Permissions},
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use contract::{after, patience, stopped_after};
use longhaul::{
    copy::{CopyJob, Engine, Known, ObjectReport, Observer, Outcome, Settings, Silent, copy_object},
    ledger::{Ledger, RecordKey, Token},
    memory::{Memory, MemoryLedger},
    object::{ETag, ObjectKey, ProofLevel},
    store::{Destination, Source},
};
use longhaul_local::{LocalFolder, Role};
use tempfile::TempDir;

const PART: u64 = 1024;
const PARTS: u64 = 10;
const SIZE: u64 = PARTS * PART;

async fn run<S: Source, D: Destination>(
    source: S,
    destination: D,
    ledger: &MemoryLedger,
    observer: Arc<dyn Observer>,
) -> ObjectReport {
    let engine = Engine::new(source, destination, ledger.clone(), patience(), settings()).observed_by(observer);
    copy_object(&engine, &job()).await
}

/// A run that is stopped when so many parts have gone by.
async fn assert_stopped<S: Source, D: Destination>(source: S, destination: D, ledger: &MemoryLedger, parts: u64) {
    let engine = Engine::new(source, destination, ledger.clone(), patience(), settings());
    let engine = stopped_after(engine, parts * PART);
    assert_eq!(copy_object(&engine, &job()).await.outcome, Outcome::Interrupted);
}

fn settings() -> Settings {
    Settings { part_size: PART, multipart_threshold: PART, concurrency: 1, ..Settings::default() }
}

fn job() -> CopyJob {
    CopyJob { known: Known::Absent, ..CopyJob::new(key(), key(), SIZE) }
}

fn key() -> ObjectKey {
    ObjectKey::new("k").unwrap()
}

fn content(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..SIZE).map(|_| random.u8(..)).collect()
}

/// A folder with one file, on its way into a bucket.
struct Sending {
    folder: TempDir,
    bucket: Memory,
    ledger: MemoryLedger,
}

impl Sending {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("k"), content(1)).unwrap();
        Self { folder, bucket: Memory::new("b"), ledger: MemoryLedger::new("me") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("k")
    }

    fn source(&self) -> LocalFolder {
        LocalFolder::new(self.folder.path().to_owned(), Role::Source).unwrap()
    }

    async fn stopped_after(&self, parts: u64) {
        assert_stopped(self.source(), self.bucket.clone(), &self.ledger, parts).await;
    }

    async fn run(&self) -> ObjectReport {
        run(self.source(), self.bucket.clone(), &self.ledger, Arc::new(Silent)).await
    }
}

fn until_ctime_moves(path: &Path, change: impl Fn()) {
    let ctime = || fs::metadata(path).map(|now| (now.ctime(), now.ctime_nsec())).unwrap();
    let old = ctime();
    while ctime() == old {
        change();
    }
}

fn rewrite_with_time_set_back(path: &Path, content: &[u8]) {
    let times = FileTimes::new().set_modified(fs::metadata(path).unwrap().modified().unwrap());
    until_ctime_moves(path, || {
        fs::write(path, content).unwrap();
        File::options().write(true).open(path).unwrap().set_times(times).unwrap();
    });
}

fn change_mode(path: &Path, mode: u32) {
    until_ctime_moves(path, || fs::set_permissions(path, Permissions::from_mode(mode)).unwrap());
}

#[tokio::test]
async fn a_file_rewritten_between_two_runs_with_its_time_set_back_is_never_mixed() {
    let sending = Sending::new();
    sending.stopped_after(4).await;
    rewrite_with_time_set_back(&sending.path(), &content(2));
    let report = sending.run().await;
    assert_eq!(report.outcome, Outcome::Copied, "{report:?}");
    assert!(sending.bucket.bytes("k").unwrap() == content(2), "the copy is not the file as it is now");
}

#[tokio::test]
async fn of_a_file_rewritten_in_one_place_only_the_part_that_differs_is_sent_again() {
    let sending = Sending::new();
    sending.stopped_after(4).await;
    let mut changed = content(1);
    changed[2 * PART as usize] ^= 1;
    rewrite_with_time_set_back(&sending.path(), &changed);
    let report = sending.run().await;
    assert_eq!((report.outcome, report.parts_resumed), (Outcome::Copied, 3), "{report:?}");
    assert!(sending.bucket.bytes("k").unwrap() == changed);
}

#[tokio::test]
async fn after_a_change_of_mode_parts_already_sent_are_compared_and_not_sent_again() {
    let sending = Sending::new();
    sending.stopped_after(4).await;
    change_mode(&sending.path(), 0o640);
    let report = sending.run().await;
    assert_eq!((report.outcome, report.parts_resumed), (Outcome::Copied, 4), "{report:?}");
    assert_eq!(report.bytes_sent, 6 * PART);
    assert!(sending.bucket.bytes("k").unwrap() == content(1));
}

#[tokio::test]
async fn a_run_that_ends_before_it_compared_leaves_the_comparing_to_the_next() {
    let sending = Sending::new();
    sending.stopped_after(4).await;
    rewrite_with_time_set_back(&sending.path(), &content(2));
    // It takes the record over and is stopped when it has sent one part of the new content.
    sending.stopped_after(1).await;
    let report = sending.run().await;
    assert_eq!(report.outcome, Outcome::Copied, "{report:?}");
    assert!(sending.bucket.bytes("k").unwrap() == content(2));
}

#[tokio::test]
async fn a_mode_that_changes_while_the_file_is_sent_costs_reading_and_no_new_beginning() {
    let sending = Sending::new();
    let path = sending.path();
    let report = run(
        sending.source(),
        sending.bucket.clone(),
        &sending.ledger,
        after(5 * PART, move || change_mode(&path, 0o640)),
    );
    let report = report.await;
    assert_eq!(report.outcome, Outcome::Copied, "{report:?}");
    assert!(report.bytes_sent <= 12 * PART, "{} bytes were sent", report.bytes_sent);
    assert!(sending.bucket.bytes("k").unwrap() == content(1));
}

#[tokio::test]
async fn a_record_of_the_released_version_goes_on() {
    let sending = Sending::new();
    sending.stopped_after(4).await;
    let record_key = RecordKey { location: sending.bucket.location().clone(), key: key() };
    let (mut record, token) = sending.ledger.load(&record_key).await.unwrap().unwrap();
    // It knew of no ctime.
    let pin = &mut record.source.pin;
    pin.etag = ETag::new(pin.etag.as_str().split("-c").next().unwrap());
    sending.ledger.save(&record, Some(&token), &Token("released".into())).await.unwrap();
    let report = sending.run().await;
    assert_eq!((report.outcome, report.parts_resumed), (Outcome::Copied, 4), "{report:?}");
    assert_eq!(report.bytes_sent, 6 * PART);
}

#[tokio::test]
async fn what_was_rewritten_with_its_time_set_back_is_not_skipped_as_recorded() {
    let sending = Sending::new();
    assert_eq!(sending.run().await.outcome, Outcome::Copied);
    assert_eq!(sending.run().await.outcome, Outcome::Skipped);
    rewrite_with_time_set_back(&sending.path(), &content(2));
    let report = sending.run().await;
    assert_eq!(report.outcome, Outcome::Copied, "{report:?}");
    assert!(sending.bucket.bytes("k").unwrap() == content(2));
}

/// The staging file of the only upload in a folder.
fn staging_file(folder: &Path) -> PathBuf {
    let mut paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.find(|path| path.extension().is_some_and(|end| end == "part")).expect("a staging file")
}

#[tokio::test]
async fn a_part_that_rotted_between_two_runs_is_sent_again_and_the_proof_is_true() {
    let (bucket, ledger) = (Memory::new("a"), MemoryLedger::new("me"));
    bucket.insert("k", content(1));
    let folder = tempfile::tempdir().unwrap();
    let destination = || LocalFolder::new(folder.path().to_owned(), Role::Destination).unwrap();
    assert_stopped(bucket.clone(), destination(), &ledger, 4).await;
    let staged = File::options().write(true).open(staging_file(folder.path())).unwrap();
    staged.write_all_at(b"rotten", 2 * PART + 100).unwrap();
    let report = run(bucket.clone(), destination(), &ledger, Arc::new(Silent)).await;
    assert_eq!((report.outcome, report.parts_resumed), (Outcome::Copied, 3), "{report:?}");
    assert_eq!(report.proof.unwrap().level, ProofLevel::ReadBack);
    assert!(fs::read(folder.path().join("k")).unwrap() == content(1), "other bytes were published as read back");
}
