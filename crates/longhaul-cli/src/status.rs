//! `longhaul status`: what the ledger of this machine knows. Of a deployed stack speaks [`stack_status`](crate::stack_status).

use indicatif::{HumanBytes, HumanCount};
use longhaul::{
    ledger::{Record, State},
    text::escaped,
};
use longhaul_local::{RecordFilter, SqliteLedger};
use serde_json::json;

use crate::{
    args::StatusArgs,
    clock::rfc3339,
    failure::{Exit, Failure},
    out::{self, say},
    prepare::ledger_path,
    report::address,
    stack_status,
};

/// How many records are shown if nothing is said.
const SHOWN: u32 = 50;

/// Counts by state, then what is not done.
pub async fn run(args: StatusArgs, json: bool) -> Result<Exit, Failure> {
    if let Some(stack) = args.stack.named() {
        return stack_status::run(&stack, args.limit, json).await;
    }
    let path = ledger_path(args.ledger.as_deref())?;
    if !path.exists() {
        return Err(Failure::usage(format!("there is no ledger at {path:?}"))
            .advise("it is made by the first copy; name another with --ledger FILE"));
    }
    let ledger = SqliteLedger::open(&path)?;
    for group in ledger.summary().await? {
        if json {
            let line = json!({ "event": "state", "state": group.state, "records": group.records,
                "size_bytes": group.size_bytes, "sent_bytes": group.sent_bytes });
            out::object(&line);
        } else {
            say!(
                "{:>12} {:<10} {}",
                HumanCount(group.records).to_string(),
                group.state.name(),
                HumanBytes(group.size_bytes)
            );
        }
    }
    for state in State::ALL.into_iter().filter(|state| *state != State::Done) {
        let filter = RecordFilter {
            state: Some(state),
            prefix: args.prefix.clone().unwrap_or_default(),
            ..RecordFilter::default()
        };
        for record in ledger.records(&filter, args.limit.unwrap_or(SHOWN)).await? {
            show(&record, json);
        }
    }
    if !json {
        say!("ledger: {}", escaped(&path.to_string_lossy()));
    }
    Ok(Exit::Done)
}

fn show(record: &Record, json: bool) {
    let from = address(&(record.source.location.clone(), record.source.key.clone()));
    let to = address(&(record.key.location.clone(), record.key.key.clone()));
    if json {
        out::object(&json!({ "event": "record", "source": from, "destination": to, "record": record }));
        return;
    }
    let reason =
        record.reason.as_ref().map(|reason| format!(" {}: {}", reason.code, reason.message)).unwrap_or_default();
    say!(
        "{} {} -> {} ({}, {} attempts, last {}){reason}",
        record.state.name(),
        escaped(&from),
        escaped(&to),
        HumanBytes(record.source.pin.size),
        record.attempts,
        rfc3339(record.updated)
    );
}
