//! The engine on stores in memory: what is resumed, adopted, begun anew, and never mixed.

use std::sync::Arc;

use bytes::Bytes;
use longhaul::{
    copy::{CopyJob, Known, ObjectReport, Outcome, Settings, copy_object},
    ledger::{Ledger, Record, RecordKey, RecordSource, State, Token},
    memory::{Memory, MemoryLedger},
    object::{Headers, PartNumber, PartPlan, ProofLevel, Timestamp},
    route::{Compare, Mode, Route, ScanSpec, Selection},
    scan::{Totals, copy_differences, totals},
    store::{ByteStream, Destination, NewObject, Source, Upload},
};
use proptest::prelude::*;

use crate::shared::{self, PART, TestEngine, in_parts, key};

fn engine(source: &Memory, destination: &Memory, ledger: &MemoryLedger) -> Arc<TestEngine> {
    shared::engine(source, destination, ledger.clone(), Settings { concurrency: 4, ..in_parts() })
}

fn job(size: u64) -> CopyJob {
    CopyJob { known: Known::Absent, ..CopyJob::new(key("k"), key("k"), size) }
}

fn bytes(length: u64, seed: u64) -> Bytes {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| random.u8(..)).collect::<Vec<_>>().into()
}

async fn copy(engine: &TestEngine, size: u64) -> ObjectReport {
    copy_object(engine, &job(size)).await
}

/// An upload that somebody began, with some parts of `bytes`.
async fn begun(destination: &Memory, bytes: &Bytes, parts: &[u16], headers: &Headers) -> Upload {
    let name = key("k");
    let object = NewObject { key: &name, headers, storage_class: None, modified: Timestamp(0) };
    let upload = destination.create_multipart_upload(&object).await.unwrap();
    let plan = PartPlan::with_part_size(bytes.len() as u64, PART).unwrap();
    for number in parts {
        let part = plan.part(PartNumber::new(*number).unwrap()).unwrap();
        let slice = bytes.slice(part.range.first() as usize..=part.range.last() as usize);
        destination.upload_part(&upload, &part, ByteStream::from_bytes(slice)).await.unwrap();
    }
    upload
}

#[tokio::test]
async fn a_large_object_arrives_in_parts_and_is_proved_as_a_whole() {
    let (source, destination, ledger) = (Memory::new("a"), Memory::new("b"), MemoryLedger::new("me"));
    let content = bytes(10 * PART + 1, 1);
    source.insert("k", content.clone());
    let report = copy(&engine(&source, &destination, &ledger), content.len() as u64).await;
    assert_eq!(report.outcome, Outcome::Copied, "{report:?}");
    assert_eq!((report.parts, report.proof.unwrap().level), (11, ProofLevel::FullCrc));
    assert_eq!(destination.bytes("k").unwrap(), content);
    let record_key = RecordKey { location: destination.location().clone(), key: key("k") };
    let (record, _) = ledger.load(&record_key).await.unwrap().unwrap();
    assert_eq!((record.state, record.lease), (State::Done, None));
}

#[tokio::test]
async fn a_lost_ledger_costs_reading_and_no_sending() {
    let (source, destination, ledger) = (Memory::new("a"), Memory::new("b"), MemoryLedger::new("me"));
    let content = bytes(10 * PART, 2);
    source.insert("k", content.clone());
    begun(&destination, &content, &[1, 2, 3, 7, 10], &Headers::default()).await;
    let report = copy(&engine(&source, &destination, &ledger), content.len() as u64).await;
    assert_eq!(report.outcome, Outcome::Copied, "{report:?}");
    assert_eq!((report.parts_resumed, report.bytes_sent), (5, 5 * PART));
    assert_eq!(destination.bytes("k").unwrap(), content);
    assert!(destination.uploads().is_empty());
}

#[tokio::test]
async fn foreign_parts_of_other_content_are_not_adopted() {
    let (source, destination, ledger) = (Memory::new("a"), Memory::new("b"), MemoryLedger::new("me"));
    let (content, other) = (bytes(10 * PART, 3), bytes(10 * PART, 4));
    source.insert("k", content.clone());
    let foreign = begun(&destination, &other, &[1, 2, 3], &Headers::default()).await;
    let report = copy(&engine(&source, &destination, &ledger), content.len() as u64).await;
    assert_eq!((report.outcome, report.parts_resumed), (Outcome::Copied, 0));
    assert_eq!(destination.bytes("k").unwrap(), content);
    assert_eq!(destination.uploads(), [foreign], "the upload of others is left alone");
}

#[tokio::test]
async fn an_adopted_upload_with_other_headers_is_begun_anew() {
    let (source, destination, ledger) = (Memory::new("a"), Memory::new("b"), MemoryLedger::new("me"));
    let content = bytes(4 * PART, 5);
    let headers = Headers { content_type: Some("image/png".into()), ..Headers::default() };
    source.insert_with("k", content.clone(), headers.clone());
    begun(&destination, &content, &[1, 2], &Headers::default()).await;
    let report = copy(&engine(&source, &destination, &ledger), content.len() as u64).await;
    assert_eq!(report.outcome, Outcome::Copied, "{report:?}");
    assert_eq!(destination.head_object(&key("k")).await.unwrap().headers, headers);
}

#[tokio::test]
async fn a_live_lease_of_another_process_is_left_alone() {
    let (source, destination, ledger) = (Memory::new("a"), Memory::new("b"), MemoryLedger::new("me"));
    let content = bytes(4 * PART, 6);
    source.insert("k", content.clone());
    let other = ledger.another_owner("other");
    let stopped = engine(&source, &destination, &other);
    // The other process is stopped between claim and parts: its record keeps the lease.
    let record_key = RecordKey { location: destination.location().clone(), key: key("k") };
    let pin = source.head_object(&key("k")).await.unwrap().pin();
    let record_source = RecordSource { location: source.location().clone(), key: key("k"), pin };
    let mut record = Record::begin(record_key, record_source, Timestamp(0));
    record.lease = Some(stopped.ledger.new_lease(Timestamp(0)));
    other.save(&record, None, &Token("t".into())).await.unwrap();

    let mine = engine(&source, &destination, &ledger);
    assert_eq!(copy(&mine, content.len() as u64).await.outcome, Outcome::Busy);
    ledger.kill_owner("other");
    assert_eq!(copy(&mine, content.len() as u64).await.outcome, Outcome::Copied);
    assert_eq!(destination.bytes("k").unwrap(), content);
}

#[tokio::test]
async fn a_deleted_source_is_gone_and_not_failed() {
    let (source, destination, ledger) = (Memory::new("a"), Memory::new("b"), MemoryLedger::new("me"));
    let engine = engine(&source, &destination, &ledger);
    assert_eq!(copy(&engine, 10).await.outcome, Outcome::Gone);
    assert_eq!(copy(&engine, 10 * PART).await.outcome, Outcome::Gone);
}

#[tokio::test]
async fn a_destination_that_appeared_meanwhile_is_looked_at_and_replaced() {
    let (source, destination, ledger) = (Memory::new("a"), Memory::new("b"), MemoryLedger::new("me"));
    for length in [10, 4 * PART] {
        let content = bytes(length, 8);
        source.insert("k", content.clone());
        destination.insert("k", bytes(3, length));
        // The listing had said that there was nothing.
        let report = copy(&engine(&source, &destination, &ledger), length).await;
        assert_eq!(report.outcome, Outcome::Copied, "{report:?}");
        assert_eq!(destination.bytes("k").unwrap(), content);
    }
}

async fn scan_of(source: &Memory, destination: &Memory) -> (Totals, Vec<String>) {
    let scan = ScanSpec { route: Route::folder("", "p"), selection: Selection::all(), compare: Compare::Size };
    let ledger = MemoryLedger::new("me");
    let mut found = Vec::new();
    let mut hear = |event: totals::Event<'_>| {
        if let totals::Event::WouldCopy(job) = event {
            found.push(job.source_key.to_string());
        }
    };
    let engine = engine(source, destination, &ledger);
    let (totals, ended) = copy_differences::run(&engine, &scan, Vec::new(), Mode::DryRun, &mut hear).await;
    ended.unwrap();
    (totals, found)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_diff_finds_exactly_what_is_absent_or_of_another_size(
        here in proptest::collection::btree_map("[ab/é+ ]{1,4}", 0_usize..4, 0..60),
        there in proptest::collection::btree_map("[ab/é+ ]{1,4}", 0_usize..4, 0..60),
        page in 1_usize..20,
    ) {
        let (source, destination) = (Memory::new("a").with_page_size(page), Memory::new("b").with_page_size(page + 1));
        for (name, size) in &here {
            source.insert(name, vec![1; *size]);
        }
        for (name, size) in &there {
            destination.insert(&format!("p/{name}"), vec![1; *size]);
            destination.insert(&format!("q/{name}"), vec![1; *size]);
        }
        let expected: Vec<_> = here.iter().filter(|(name, size)| there.get(*name) != Some(*size)).map(|(name, _)| name.clone()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (totals, found) = runtime.block_on(scan_of(&source, &destination));
        prop_assert_eq!(found, expected);
        prop_assert_eq!(totals.objects, here.len() as u64);
    }
}

#[tokio::test]
async fn a_long_listing_is_read_in_ranges_and_every_difference_is_found_once() {
    let (source, destination) = (Memory::new("a"), Memory::new("b"));
    let mut expected = Vec::new();
    for number in 0..90_000_u32 {
        let key = if number % 2 == 0 { format!("n/{number:08}") } else { format!("日本語/😀/{number}") };
        source.insert(&key, "x");
        if number % 500 > 1 {
            destination.insert(&format!("p/{key}"), "x");
        } else {
            expected.push(key);
        }
    }
    expected.sort();
    let (totals, mut found) = scan_of(&source, &destination).await;
    let is_in_order = found.is_sorted();
    found.sort();
    assert_eq!((found, totals.objects, totals.same), (expected, 90_000, 90_000 - 360));
    assert!(!is_in_order, "the ranges were not read side by side");
}
