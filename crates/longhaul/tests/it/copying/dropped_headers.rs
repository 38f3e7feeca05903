//! Stores that take headers and metadata and drop them: every object that had some is reported, for a few looks a run.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use longhaul::{
    copy::{CopyJob, Known, ObjectReport, Outcome, copy_object},
    memory::{Memory, MemoryLedger},
    object::Headers,
    store::{Destination, ErrorKind},
};

use crate::{
    guarded::Guarded,
    shared::{self, PART, TestEngine, in_parts, key},
};

/// Looks that tell what a store does.
const LOOKS: u64 = 2;

fn engine<D: Destination + Clone>(source: &Memory, destination: D) -> Arc<TestEngine<Memory, D>> {
    shared::engine(source, &destination, MemoryLedger::new("me"), in_parts())
}

fn headers() -> Headers {
    Headers {
        content_language: Some("de".into()),
        expires: Some("Sun, 06 Nov 1994 08:49:37 GMT".into()),
        metadata: [("owner".to_owned(), "me".to_owned())].into(),
        ..Headers::default()
    }
}

fn without_expires(headers: &mut Headers) {
    headers.expires = None;
}

fn other_metadata(headers: &mut Headers) {
    headers.metadata.values_mut().for_each(|value| value.truncate(1));
}

/// A bucket with so many objects that have headers, and one that has none.
fn source(objects: usize, size: u64) -> Memory {
    let source = Memory::new("a");
    for number in 0..objects {
        source.insert_with(&format!("k{number}"), Bytes::from(vec![7; size as usize]), headers());
    }
    source.insert("plain", Bytes::from(vec![7; size as usize]));
    source
}

async fn copy<D: Destination>(engine: &TestEngine<Memory, D>, name: &str, size: u64) -> ObjectReport {
    let job = CopyJob { known: Known::Absent, ..CopyJob::new(key(name), key(name), size) };
    let report = copy_object(engine, &job).await;
    assert_eq!(report.outcome, Outcome::Copied, "{report:?}");
    report
}

/// All at the same time, as a run does.
async fn copy_all<D: Destination>(engine: &TestEngine<Memory, D>, objects: usize, size: u64) -> Vec<ObjectReport> {
    let keys: Vec<String> = (0..objects).map(|number| format!("k{number}")).collect();
    join_all(keys.iter().map(|key| copy(engine, key, size))).await
}

#[tokio::test]
async fn a_header_that_a_store_drops_is_reported_of_every_object_that_had_it() {
    let engine = engine(&source(20, 10), Memory::new("b").dropping(without_expires));
    let reports = copy_all(&engine, 20, 10).await;
    for report in &reports {
        assert_eq!(report.not_preserved, ["expires"], "{report:?}");
    }
    assert_eq!(copy(&engine, "plain", 10).await.not_preserved, [] as [&str; 0]);
    let requests: u64 = reports.iter().map(|report| report.requests).sum();
    assert_eq!(requests, 20 * 2 + LOOKS, "two requests an object, and what is learned once");
}

#[tokio::test]
async fn a_large_object_that_loses_a_header_is_reported_too() {
    let size = 3 * PART;
    let engine = engine(&source(5, size), Memory::new("b").dropping(without_expires));
    for report in copy_all(&engine, 5, size).await {
        assert_eq!((report.parts, report.not_preserved), (3, vec!["expires"]));
    }
}

#[tokio::test]
async fn metadata_that_comes_back_changed_is_not_preserved() {
    let engine = engine(&source(3, 10), Memory::new("b").dropping(other_metadata));
    for report in copy_all(&engine, 3, 10).await {
        assert_eq!(report.not_preserved, ["metadata"]);
    }
}

#[tokio::test]
async fn a_store_that_keeps_everything_is_looked_at_a_few_times_and_nothing_is_reported() {
    let engine = engine(&source(20, 10), Memory::new("b"));
    let reports = copy_all(&engine, 20, 10).await;
    assert!(reports.iter().all(|report| report.not_preserved.is_empty()));
    assert_eq!(reports.iter().map(|report| report.requests).sum::<u64>(), 20 * 2 + LOOKS);
}

#[tokio::test]
async fn a_destination_that_may_not_be_looked_at_is_written_all_the_same() {
    let destination = Guarded::new(&Memory::new("b"));
    for number in 0..10 {
        destination.refuse_head(&format!("k{number}"), ErrorKind::AccessDenied);
    }
    let engine = engine(&source(10, 10), destination);
    let reports = copy_all(&engine, 10, 10).await;
    assert!(reports.iter().all(|report| report.not_preserved.is_empty()));
    assert_eq!(reports.iter().map(|report| report.requests).sum::<u64>(), 10 * 2 + LOOKS);
}
