//! No upload is forgotten at the destination, whatever became of the copy that it was begun for.

use contract::TestClock;
use longhaul::{
    copy::{CopyJob, ObjectReport, Outcome, copy_object},
    ledger::{Expected, Ledger, Reason, Record, RecordKey, RecordSource, RecordUpload, State, Token},
    limits::Clock,
    memory::{Memory, MemoryLedger},
    object::{ETag, Headers, Pin, Timestamp},
    store::{Destination, NewObject, Source, Upload},
};

use crate::shared::{PART, engine, in_parts, key};

const KEY: &str = "k";

struct Leftovers {
    source: Memory,
    destination: Memory,
    ledger: MemoryLedger,
}

impl Leftovers {
    fn new() -> Self {
        let (source, destination) = (Memory::new("source"), Memory::new("destination"));
        Self { source, destination, ledger: MemoryLedger::new("earlier") }
    }

    /// An upload that an earlier leg began.
    async fn begin_upload(&self) -> Upload {
        let (key, headers) = (key(KEY), Headers::default());
        let object = NewObject { key: &key, headers: &headers, storage_class: None, modified: Timestamp(1) };
        self.destination.continue_from(TestClock::new().now());
        self.destination.create_multipart_upload(&object).await.unwrap()
    }

    /// What an earlier leg left in the ledger, about a version of the source that is no more.
    async fn record(&self, change: impl FnOnce(&mut Record)) {
        let pin =
            Pin { etag: ETag::new("old"), version_id: None, size: 5 * PART, crc64nvme: None, modified: Timestamp(1) };
        let source = RecordSource { location: self.source.location().clone(), key: key(KEY), pin };
        let place = RecordKey { location: self.destination.location().clone(), key: key(KEY) };
        let mut record = Record::begin(place, source, Timestamp(1));
        change(&mut record);
        let state = std::mem::replace(&mut record.state, State::Copying);
        self.ledger.save(&record, None, &Token("1".into())).await.unwrap();
        record.state = state;
        self.ledger.save(&record, Some(&Token("1".into())), &Token("2".into())).await.unwrap();
    }

    async fn copy(&self) -> ObjectReport {
        let engine = engine(&self.source, &self.destination, self.ledger.another_owner("later"), in_parts());
        let size = self.source.bytes(KEY).unwrap().len() as u64;
        copy_object(&engine, &CopyJob::new(key(KEY), key(KEY), size)).await
    }
}

#[tokio::test]
async fn an_upload_whose_name_a_crash_lost_is_aborted_also_when_the_source_has_changed() {
    let world = Leftovers::new();
    world.source.insert(KEY, vec![1; 3 * PART as usize]);
    world.begin_upload().await;
    world.record(|record| record.intent = Some(TestClock::new().now())).await;
    assert_eq!(world.copy().await.outcome, Outcome::Copied);
    assert_eq!(world.destination.uploads(), []);
}

#[tokio::test]
async fn a_small_object_that_takes_the_place_of_a_parked_large_one_leaves_no_upload() {
    let world = Leftovers::new();
    world.source.insert(KEY, "small");
    let id = world.begin_upload().await.id;
    let parked = |record: &mut Record| {
        record.state = State::Parked;
        record.reason = Some(Reason::new("access-denied", "UploadPart was refused"));
        record.upload = Some(RecordUpload { id, part_size: PART, adopted: false, doubted: false });
    };
    world.record(parked).await;
    assert_eq!(world.copy().await.outcome, Outcome::Copied);
    assert_eq!(world.destination.uploads(), []);
    assert_eq!(world.ledger.records()[0].state, State::Done);
}

/// A completion that never happened, of bytes that had been there before.
async fn completing_over_the_same_bytes(headers_before: Headers) -> Leftovers {
    let world = Leftovers::new();
    let bytes = vec![3; 2 * PART as usize];
    world.source.insert(KEY, bytes.clone());
    world.destination.insert_with(KEY, bytes, headers_before);
    let pin = world.source.head_object(&key(KEY)).await.unwrap().pin();
    let crc64nvme = world.destination.head_object(&key(KEY)).await.unwrap().crc64nvme;
    let id = world.begin_upload().await.id;
    let completing = |record: &mut Record| {
        record.expected = Some(Expected { size: pin.size, crc64nvme, etag: None, trusts: None });
        record.source.pin = pin;
        record.state = State::Completing;
        record.upload = Some(RecordUpload { id, part_size: PART, adopted: false, doubted: false });
    };
    world.record(completing).await;
    world
}

#[tokio::test]
async fn where_the_same_bytes_stood_before_a_completion_its_upload_is_aborted() {
    let world = completing_over_the_same_bytes(Headers::default()).await;
    assert_eq!(world.copy().await.outcome, Outcome::Copied);
    assert_eq!(world.destination.uploads(), []);
}

#[tokio::test]
async fn the_same_bytes_with_other_headers_are_not_taken_for_what_was_completed() {
    let older = Headers { cache_control: Some("no-store".into()), ..Headers::default() };
    let world = completing_over_the_same_bytes(older).await;
    assert_eq!(world.copy().await.outcome, Outcome::Copied);
    let there = world.destination.head_object(&key(KEY)).await.unwrap();
    assert_eq!((there.headers, world.destination.uploads()), (Headers::default(), vec![]));
}
