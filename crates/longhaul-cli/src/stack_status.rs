//! `longhaul status --stack NAME`: what waits, what is under way, what is stuck and what is parked in a deployed stack.

use std::collections::BTreeMap;

use indicatif::{HumanBytes, HumanCount, HumanDuration};
use longhaul::{
    ledger::{Ledger, Record, Segments, State},
    limits::Clock,
    object::Timestamp,
    queue::{Depth, JobQueue},
    text::escaped,
};
use longhaul_aws::{DynamoLedger, OpenRecords, Order, SystemClock};
use serde_json::json;

use crate::{
    clock::rfc3339,
    failure::{Exit, Failure},
    out::{self, say},
    report::address,
    stack::{self, Stack},
    stack_args::StackArgs,
};

/// An unfinished record that nobody holds and nobody saved for so long is stuck: waits between legs are shorter.
const STUCK_MS: i64 = 60 * 60 * 1000;
/// How many records are looked at for one answer.
const LOOKED_AT: usize = 1000;
/// How many examples are shown if nothing is said.
const EXAMPLES: u32 = 5;

/// What was found out.
struct Found {
    dashboard: Option<String>,
    queues: Vec<(&'static str, &'static str, Depth)>,
    counts: Vec<(State, u64)>,
    stuck: Vec<Record>,
    parked: Vec<Group>,
}

/// Parked records of one reason.
#[derive(Debug, PartialEq)]
struct Group {
    reason: String,
    records: Vec<Record>,
}

/// Looks and tells.
pub async fn run(args: &StackArgs, examples: Option<u32>, json: bool) -> Result<Exit, Failure> {
    let stack = stack::open(args).await?;
    let ledger = stack.cloud.ledger(stack.needed("table_queue_name")?);
    let parked = OpenRecords { state: Some(State::Parked), order: Order::NewestFirst };
    let found = Found {
        dashboard: stack.parameter.dashboard.clone(),
        queues: depths(&stack).await?,
        counts: ledger.open_counts().await?,
        stuck: stuck(&ledger, SystemClock::new().now()).await?,
        parked: by_reason(ledger.open_records(&parked, LOOKED_AT).await?),
    };
    let examples = usize::try_from(examples.unwrap_or(EXAMPLES)).unwrap_or(usize::MAX);
    match json {
        true => show_to_programs(&found, examples),
        false => show_to_people(&found, examples),
    }
    Ok(Exit::Done)
}

async fn depths(stack: &Stack) -> Result<Vec<(&'static str, &'static str, Depth)>, Failure> {
    let mut depths = Vec::new();
    for queue in stack.queues() {
        depths.push((queue.name, queue.holds, queue.queue.depth().await?));
    }
    let parked = stack.cloud.parked(stack.needed("sqs_queue_parked")?).depth().await?;
    depths.push(("parked", "messages that wait for somebody's help", parked));
    Ok(depths)
}

/// The longest unsaved come first.
async fn stuck(ledger: &DynamoLedger, now: Timestamp) -> Result<Vec<Record>, Failure> {
    let mut stuck = Vec::new();
    for state in State::ALL.into_iter().filter(|state| state.is_open()) {
        let asked = OpenRecords { state: Some(state), order: Order::OldestFirst };
        let records = ledger.open_records(&asked, LOOKED_AT).await?;
        stuck.extend(records.into_iter().filter(|record| {
            let leases = record.lease.iter().chain(record.segments.iter().flat_map(Segments::leases));
            !leases.into_iter().any(|lease| ledger.is_held(lease, now)) && is_old(record.updated, now)
        }));
    }
    stuck.sort_by_key(|record| record.updated);
    Ok(stuck)
}

fn is_old(updated: Timestamp, now: Timestamp) -> bool {
    now.0.saturating_sub(updated.0) > STUCK_MS
}

/// The most frequent reason comes first; within it, the records keep their order.
fn by_reason(records: Vec<Record>) -> Vec<Group> {
    let mut groups = BTreeMap::<String, Vec<Record>>::new();
    for record in records {
        let code = record.reason.as_ref().map_or("unknown", |reason| reason.code.as_str());
        groups.entry(code.to_owned()).or_default().push(record);
    }
    let mut groups: Vec<Group> = groups.into_iter().map(|(reason, records)| Group { reason, records }).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.records.len()));
    groups
}

fn show_to_people(found: &Found, examples: usize) {
    for (name, holds, depth) in &found.queues {
        let later = if depth.delayed > 0 { format!(", {} delayed", HumanCount(depth.delayed)) } else { String::new() };
        let (waiting, flying) = (HumanCount(depth.visible), HumanCount(depth.in_flight));
        say!("{name:<9} {waiting} waiting, {flying} in flight{later}: {holds}");
    }
    say!("");
    for (state, records) in &found.counts {
        say!("{:>12} {}", HumanCount(*records).to_string(), state.name());
    }
    if !found.stuck.is_empty() {
        say!("");
        say!("stuck, for more than an hour without a worker: {}", at_least(found.stuck.len()));
        found.stuck.iter().take(examples).for_each(show);
    }
    for group in &found.parked {
        say!("");
        say!("parked because of {}: {}", escaped(&group.reason), HumanCount(group.records.len() as u64));
        group.records.iter().take(examples).for_each(show);
    }
    if found.parked.iter().map(|group| group.records.len()).sum::<usize>() >= LOOKED_AT {
        say!("");
        say!("of the parked ones, only the newest {} were looked at", HumanCount(LOOKED_AT as u64));
    }
    if let Some(dashboard) = &found.dashboard {
        say!("");
        say!("dashboard: {dashboard}");
    }
}

/// No more are looked at than so many.
fn at_least(records: usize) -> String {
    let count = HumanCount(records as u64);
    if records >= LOOKED_AT { format!("{count} or more") } else { count.to_string() }
}

fn show(record: &Record) {
    let from = address(&(record.source.location.clone(), record.source.key.clone()));
    let to = address(&(record.key.location.clone(), record.key.key.clone()));
    let age = SystemClock::new().now().0.saturating_sub(record.updated.0);
    let age = HumanDuration(std::time::Duration::from_millis(u64::try_from(age).unwrap_or(0)));
    say!(
        "  {} -> {} ({}, {}, {} legs, last {age} ago)",
        escaped(&from),
        escaped(&to),
        record.state.name(),
        HumanBytes(record.source.pin.size),
        record.attempts
    );
    if let Some((done, all)) = record.segments_done() {
        say!("    {done} of {all} segments are done");
    }
    if let Some(reason) = record.reason.as_ref().filter(|reason| !reason.message.is_empty()) {
        say!("    {}", reason.message);
    }
}

fn show_to_programs(found: &Found, examples: usize) {
    for (name, _, depth) in &found.queues {
        let Depth { visible, in_flight, delayed } = depth;
        let line =
            json!({ "event": "queue", "queue": name, "waiting": visible, "in_flight": in_flight, "delayed": delayed });
        out::object(&line);
    }
    for (state, records) in &found.counts {
        out::object(&json!({ "event": "state", "state": state, "records": records }));
    }
    let shown = |records: &[Record]| records.iter().take(examples).map(example).collect::<Vec<_>>();
    out::object(&json!({ "event": "stuck", "records": found.stuck.len(), "examples": shown(&found.stuck) }));
    for Group { reason, records } in &found.parked {
        let line = json!({ "event": "parked", "reason": reason, "records": records.len(), "examples": shown(records) });
        out::object(&line);
    }
    out::object(&json!({ "event": "dashboard", "url": found.dashboard }));
}

fn example(record: &Record) -> serde_json::Value {
    json!({
        "source": address(&(record.source.location.clone(), record.source.key.clone())),
        "destination": address(&(record.key.location.clone(), record.key.key.clone())),
        "state": record.state,
        "size": record.source.pin.size,
        "legs": record.attempts,
        "updated": rfc3339(record.updated),
        "reason": record.reason,
    })
}

#[cfg(test)]
mod tests {
    use longhaul::{
        ledger::{Reason, RecordKey, RecordSource},
        object::{ETag, Location, ObjectKey, Pin},
    };

    use super::*;

    fn parked(key: &str, code: &str) -> Record {
        let (location, key) = (Location::new("https://s3.example", "b"), ObjectKey::new(key).unwrap());
        let pin = Pin { etag: ETag::new("e"), version_id: None, size: 7, crc64nvme: None, modified: Timestamp(0) };
        let source = RecordSource { location: location.clone(), key: key.clone(), pin };
        let record = Record::begin(RecordKey { location, key }, source, Timestamp(0));
        Record { state: State::Parked, reason: Some(Reason::new(code, "")), ..record }
    }

    #[test]
    fn parked_records_are_grouped_by_reason_and_the_most_frequent_comes_first() {
        let records = vec![parked("a", "archived"), parked("b", "access-denied"), parked("c", "access-denied")];
        let groups = by_reason(records);
        let seen = |group: &Group| {
            let keys = group.records.iter().map(|record| record.key.key.as_str().to_owned()).collect::<Vec<_>>();
            (group.reason.clone(), keys)
        };
        assert_eq!(seen(&groups[0]), ("access-denied".into(), vec!["b".into(), "c".into()]));
        assert_eq!(seen(&groups[1]), ("archived".into(), vec!["a".into()]));
    }

    #[test]
    fn an_hour_is_not_too_long() {
        assert!(!is_old(Timestamp(0), Timestamp(STUCK_MS)));
        assert!(is_old(Timestamp(0), Timestamp(STUCK_MS + 1)));
    }
}
