//! The ledger's file, its conditional saves, and what operators ask of it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    thread,
};

use longhaul::{
    ledger::{Ledger, Record, RecordKey, RecordSource, Saved, State, Token},
    object::{ETag, Location, ObjectKey, Pin, Timestamp},
};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{OpenError, RecordFilter, SqliteLedger};

fn record(text: &str, state: State) -> Record {
    let location = Location::new("file:", "/data");
    let key = ObjectKey::new(text).unwrap();
    let pin = Pin { etag: ETag::new("e"), version_id: None, size: 10, crc64nvme: None, modified: Timestamp(1) };
    let source = RecordSource { location: location.clone(), key: key.clone(), pin };
    let mut record = Record::begin(RecordKey { location, key }, source, Timestamp(5));
    record.state = state;
    record.bytes = 7;
    record
}

fn token(text: &str) -> Token {
    Token(text.to_owned())
}

fn open(folder: &TempDir) -> SqliteLedger {
    SqliteLedger::open(&folder.path().join("made/ledger.sqlite")).unwrap()
}

async fn stored(ledger: &SqliteLedger, record: &Record, expected: Option<&str>, new: &str) -> bool {
    let expected = expected.map(token);
    matches!(ledger.save(record, expected.as_ref(), &token(new)).await.unwrap(), Saved::Stored)
}

#[tokio::test]
async fn a_save_is_refused_unless_the_record_is_as_expected() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder);
    let record = record("a", State::Copying);
    assert!(stored(&ledger, &record, None, "t1").await);
    assert!(stored(&ledger, &record, None, "t1").await, "the same save again is its own success");
    assert!(!stored(&ledger, &record, None, "t2").await);
    assert!(!stored(&ledger, &record, Some("t0"), "t2").await);
    assert!(stored(&ledger, &record, Some("t1"), "t2").await);
    let Saved::Refused(Some(there)) = ledger.save(&record, None, &token("t3")).await.unwrap() else {
        panic!("a record that is there is shown");
    };
    assert_eq!(*there, (record, token("t2")));
}

#[tokio::test]
async fn a_save_that_expects_a_record_where_there_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let saved = open(&folder).save(&record("a", State::Done), Some(&token("t1")), &token("t2")).await.unwrap();
    assert!(matches!(saved, Saved::Refused(None)));
}

#[tokio::test]
async fn records_are_there_when_the_ledger_is_opened_again_and_keys_differ_by_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let keys = ["a", "A", "a ", "a\0", "\u{e9}", "e\u{301}"];
    {
        let ledger = open(&folder);
        for key in keys {
            assert!(stored(&ledger, &record(key, State::Done), None, key).await);
        }
    }
    let ledger = open(&folder);
    for key in keys {
        let record = record(key, State::Done);
        assert_eq!(ledger.load(&record.key).await.unwrap(), Some((record, token(key))));
    }
}

#[tokio::test]
async fn a_lease_is_held_until_its_process_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(&folder), open(&folder));
    let now = Timestamp(0);
    let lease = other.new_lease(now);
    assert!(one.is_held(&lease, now));
    assert!(!other.is_held(&lease, now), "one's own lease is in nobody's way");
    drop(other);
    assert!(!one.is_held(&lease, now));
}

#[tokio::test]
async fn operators_see_counts_and_pages_of_records() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder);
    for key in ["a/1", "a/2", "a/3", "b/1"] {
        assert!(stored(&ledger, &record(key, State::Done), None, key).await);
    }
    assert!(stored(&ledger, &record("a/4", State::Parked), None, "p").await);
    let summary = ledger.summary().await.unwrap();
    let counts: Vec<_> = summary.iter().map(|s| (s.state, s.records, s.size_bytes, s.sent_bytes)).collect();
    assert_eq!(counts, [(State::Done, 4, 40, 28), (State::Parked, 1, 10, 7)]);

    let keys = |records: &[Record]| records.iter().map(|r| r.key.key.as_str().to_owned()).collect::<Vec<_>>();
    let mut filter = RecordFilter { prefix: "a/".to_owned(), ..RecordFilter::default() };
    let page = ledger.records(&filter, 3).await.unwrap();
    assert_eq!(keys(&page), ["a/1", "a/2", "a/3"]);
    filter.after = page.last().map(|last| last.key.clone());
    assert_eq!(keys(&ledger.records(&filter, 3).await.unwrap()), ["a/4"]);
    let parked = RecordFilter { state: Some(State::Parked), ..RecordFilter::default() };
    assert_eq!(keys(&ledger.records(&parked, 3).await.unwrap()), ["a/4"]);
    let elsewhere = RecordFilter { location: Some(Location::new("file:", "/other")), ..RecordFilter::default() };
    assert!(ledger.records(&elsewhere, 3).await.unwrap().is_empty());
}

#[test]
fn only_its_owner_may_read_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder);
    assert_eq!(fs::metadata(ledger.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_text_file_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["notes".to_owned(), "x".repeat(10_000)] {
        let path = folder.path().join("notes.txt");
        fs::write(&path, &text).unwrap();
        let refused = SqliteLedger::open(&path).unwrap_err();
        assert!(matches!(refused, OpenError::NotADatabase { .. }), "{refused}");
        assert!(refused.to_string().contains("--ledger"));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_link_is_refused_and_what_it_leads_to_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (link, target) = (folder.path().join("link"), folder.path().join("target"));
    symlink(&target, &link).unwrap();
    assert!(matches!(SqliteLedger::open(&link), Err(OpenError::Link { .. })));
    assert!(!target.exists());
    fs::write(&target, "").unwrap();
    assert!(matches!(SqliteLedger::open(&link), Err(OpenError::Link { .. })));
    assert_eq!(fs::read_to_string(&target).unwrap(), "");
}

#[test]
fn a_link_on_the_way_to_the_ledger_is_a_way_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    symlink(folder.path().join("real"), folder.path().join("way")).unwrap();
    SqliteLedger::open(&folder.path().join("way/ledger.sqlite")).unwrap();
    assert!(folder.path().join("real/ledger.sqlite").exists());
}

#[test]
fn links_in_the_place_of_the_side_files_are_not_followed() {
    for (end, is_made) in [("-wal", false), ("-shm", false), ("-wal", true), ("-shm", true)] {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, dear) = (folder.path().join("ledger"), folder.path().join("dear"));
        fs::write(&dear, "dear").unwrap();
        if is_made {
            SqliteLedger::open(&ledger).unwrap();
        }
        symlink(&dear, folder.path().join(format!("ledger{end}"))).unwrap();
        // Whether it is refused is SQLite's business.
        let _ = SqliteLedger::open(&ledger);
        assert_eq!(fs::read_to_string(&dear).unwrap(), "dear", "{end}");
    }
}

#[test]
fn a_device_or_a_folder_is_no_ledger() {
    let folder = tempfile::tempdir().unwrap();
    for path in [std::path::Path::new("/dev/null"), folder.path()] {
        assert!(matches!(SqliteLedger::open(path), Err(OpenError::NotAFile { .. })), "{path:?}");
    }
}

#[test]
fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for sql in ["CREATE TABLE record (a)", "PRAGMA application_id = 5"] {
        let path = folder.path().join(format!("{}.sqlite", sql.len()));
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = fs::read(&path).unwrap();
        let refused = SqliteLedger::open(&path).unwrap_err();
        assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn processes_that_make_one_ledger_at_the_same_time_all_get_it() {
    for _ in 0..40 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        thread::scope(|scope| {
            let opening: Vec<_> = (0..8).map(|_| scope.spawn(|| SqliteLedger::open(&path).map(drop))).collect();
            for opened in opening {
                opened.join().unwrap().unwrap();
            }
        });
    }
}

#[test]
fn a_ledger_of_a_later_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = open(&folder).path().to_owned();
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    let refused = SqliteLedger::open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { format: 2, .. }), "{refused}");
}

#[tokio::test]
async fn a_damaged_ledger_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder);
    for number in 0..500 {
        let key = format!("key-{number:04}");
        assert!(stored(&ledger, &record(&key, State::Done), None, &key).await);
    }
    let path = ledger.path().to_owned();
    // The last connection to go moves the log into the file.
    drop(ledger);
    let mut bytes = fs::read(&path).unwrap();
    assert!(bytes.len() > 20 * 4096);
    bytes[2 * 4096..].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let refused = SqliteLedger::open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
    assert!(refused.to_string().contains("move it away"));
}
