//! What the template's metric filters make of the log lines of the run, against what the other account saw.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use serverless::{Metrics, Template, found_within, test_event};
use test_s3::{RequestRecord, Server};

use crate::deployed::place::{DENIED_BYTES, NEW, Place, all_objects};

/// How long lines that come late are waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// A small object and one in parts were told of twice more.
const DUPLICATES: usize = 4;
/// A message that was malformed, and an object that was refused.
const PARKED: [(&str, f64); 2] = [("access-denied", 1.0), ("malformed", 1.0)];
/// One for each parked message, and one for the object that was refused.
const ERRORS: f64 = 3.0;

/// The requests to the other account that had bytes of objects with them.
pub fn writes(other: &Server) -> Vec<RequestRecord> {
    let is_write = |request: &RequestRecord| matches!(request.operation, "PutObject" | "UploadPart");
    other.requests().into_iter().filter(is_write).collect()
}

/// Byte sums equal the bytes copied, and errors and reasons are those of the two messages that were parked.
pub async fn assert_metrics_of_this_run(place: &Place) {
    let objects = all_objects();
    let copied: usize = objects.iter().map(|object| object.bytes.len()).sum();
    let received: u64 = writes(&place.other).iter().map(|request| request.request_bytes).sum();
    // What was refused had been sent all the same, and nothing else was sent in vain.
    assert_eq!(received, (copied + DENIED_BYTES.len()) as u64);
    let lines = worker_lines(place, received).await;
    let metrics = Metrics::of(&Template::read(place.emulator.python()).await);
    let sum = |metric: &str| metrics.sum(metric, "WorkerLog", &lines);
    assert_eq!(sum("Completed-bytes"), copied as f64);
    assert_eq!(sum("Completed-objects"), objects.len() as f64);
    assert_eq!(sum("Uploading-bytes"), received as f64);
    assert_eq!(sum("Downloading-bytes"), received as f64);
    assert_eq!(parked_by_reason(&metrics, &lines), BTreeMap::from(PARKED.map(|(why, count)| (why.to_owned(), count))));
    assert_eq!(sum("ERROR-Logs"), ERRORS);
    assert_eq!(outcomes(&lines, "skipped"), DUPLICATES, "each duplicate was looked at and skipped");
    let jobsender = place.stack.logs(place.stack.output("JobsenderLogGroup")).await;
    assert_eq!(metrics.sum("ERROR-Logs", "JobsenderLog", &jobsender), 0.0);
    println!("metrics: {} objects and {copied} bytes completed, {received} bytes up and down", objects.len());
    println!("         {ERRORS} lines of errors; parked: {PARKED:?}; duplicates skipped: {DUPLICATES}");
}

fn parked_by_reason(metrics: &Metrics, lines: &[Value]) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for mut datum in metrics.data("Parked", "WorkerLog", lines) {
        let reason = datum.dimensions.remove("reason").expect("a parked message is counted by its reason");
        *sums.entry(reason).or_default() += datum.value;
    }
    sums
}

/// All lines of the worker. Should some be missing when patience ends, the assertions say which.
async fn worker_lines(place: &Place, received: u64) -> Vec<Value> {
    let group = place.stack.output("WorkerLogGroup");
    let mut lines = Vec::new();
    let complete = found_within(PATIENCE, async || {
        lines = place.stack.logs(group).await;
        if is_complete(&lines, received) {
            return Some(());
        }
        // The emulator shows lines that came too late with the next invocation of the same process.
        for _ in 0..5 {
            place.events.send(test_event(NEW)).await;
        }
        place.assert_idle().await;
        None
    })
    .await;
    if complete.is_none() {
        println!("after {PATIENCE:?} there are no more than {} lines in {group}", lines.len());
    }
    lines
}

fn is_complete(lines: &[Value], received: u64) -> bool {
    let traffic = lines.iter().filter(|line| line["event"] == "traffic");
    let moved: u64 = traffic.filter_map(|line| line["uploaded_bytes"].as_u64()).sum();
    let parked = lines.iter().filter(|line| line["event"] == "parked").count();
    moved >= received
        && parked >= PARKED.len()
        && outcomes(lines, "copied") >= all_objects().len()
        && outcomes(lines, "skipped") >= DUPLICATES
}

fn outcomes(lines: &[Value], outcome: &str) -> usize {
    lines.iter().filter(|line| line["event"] == "object" && line["outcome"] == outcome).count()
}
