//! `longhaul send`: the jobsender of a stack, by hand or by cron.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use longhaul::{
    jobsender::{RouteReport, RunReport},
    route::Mode,
    text::escaped,
};
use longhaul_aws::{JobsenderSettings, StackJobsender};
use tokio_util::sync::CancellationToken;

use crate::{
    bars::Bars,
    failure::{Exit, Failure},
    out::{self, say, tell},
    stack::{self, for_process, layers, variable},
    stack_args::SendArgs,
    stop,
};

/// What suits a process that no 15 minutes bind.
const USUAL: [(&str, &str); 1] = [("JobTimeout", "3500")];

/// Compares once.
pub async fn run(args: SendArgs, json: bool, bars: Bars) -> Result<Exit, Failure> {
    let (cloud, stack) = stack::open_if_named(&args.stack).await?;
    let settings = stack.map(|stack| for_process(&stack.jobsender));
    let settings = JobsenderSettings::from_vars(layers(variable, settings.as_ref(), &USUAL))?;
    let limit = args.time_limit.map_or(settings.job_timeout, Duration::from_secs);
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Copy };
    let stop = CancellationToken::new();
    stop::listen(stop.clone(), bars);
    let report = StackJobsender::new(settings, cloud).run(mode, limit, stop.clone()).await;
    if json {
        out::object(&report);
    } else {
        show(&report);
    }
    Ok(exit_of(&report, &stop))
}

/// Why a key that a list names and the source lacks is not sent.
const MISSING: &str = "gone";

/// A gate that is shut is no failure: the next run finds what this one left. What a list names and nobody has is one: the next
/// run will not find it either.
fn exit_of(report: &RunReport, stop: &CancellationToken) -> Exit {
    if report.skipped.contains_key(MISSING) {
        return Exit::SomeFailed;
    }
    if report.errors.is_empty() && (report.complete || report.handed_over > 0 || shut(report).is_some()) {
        Exit::Done
    } else if stop.is_cancelled() {
        Exit::Interrupted
    } else {
        Exit::SomeFailed
    }
}

/// Why nothing was compared, if that is so.
fn shut(report: &RunReport) -> Option<&'static str> {
    match report.gate {
        "another-run" => Some("another comparison is under way; nothing was compared"),
        "scan-open" => Some("the last comparison goes on through the queue of scans; no new one was begun"),
        "jobs-waiting" => Some("jobs of the last comparison are still waiting; nothing was compared"),
        _ => None,
    }
}

fn show(report: &RunReport) {
    let verb = if report.dry_run { "would be sent" } else { "sent" };
    if report.gate == "forced" {
        say!("the last comparison or its jobs are not through, for too long: compared all the same");
    }
    report.routes.iter().for_each(|route| show_route(route, verb));
    match shut(report) {
        Some(words) => say!("{words}"),
        None => show_sum(report, verb),
    }
    report.errors.iter().for_each(|error| tell!("error: {error}"));
}

fn show_sum(report: &RunReport, verb: &str) {
    say!(
        "{} of {} objects {verb} ({} of {}) in {} messages; {:.1} s",
        HumanCount(report.sent),
        HumanCount(report.objects),
        HumanBytes(report.sent_bytes),
        HumanBytes(report.bytes),
        HumanCount(report.messages),
        report.seconds
    );
    match (report.handed_over, report.complete) {
        (0, true) => {}
        (0, false) => say!("not compared to the end: run it again, with more time if need be (--time-limit)"),
        (ranges, _) => say!("the rest, {ranges} ranges of keys, goes on through the queue of scans"),
    }
}

fn show_route(route: &RouteReport, verb: &str) {
    let counts = &route.counts;
    let place = |bucket: &str, prefix: &str| escaped(&format!("s3://{bucket}/{prefix}")).to_string();
    let (from, to) = (place(&route.src_bucket, &route.src_prefix), place(&route.des_bucket, &route.des_prefix));
    say!("{from} -> {to}");
    let sent = counts.why.iter().map(|(why, count)| (*count, format!("{verb}: {}", because(why))));
    let others = [(counts.same, "the same".to_owned()), (counts.refused, "REFUSED by the queue".to_owned())];
    let skipped = counts.skipped.iter().map(|(why, count)| (*count, format!("not sent: {}", not_sent(why))));
    for (count, what) in sent.chain(others).chain(skipped).filter(|(count, _)| *count > 0) {
        say!("{:>12} {what}", HumanCount(count).to_string());
    }
    for key in &counts.missing {
        say!("{:>12} not at the source: {}", "", escaped(key.as_str()));
    }
    if !counts.complete {
        say!("{:>12} not compared to the end by this run", "");
    }
}

fn because(why: &str) -> &str {
    match why {
        "absent" => "absent at the destination",
        "size" => "of another size",
        "newer" => "newer at the source",
        "version" => "of another version",
        "unseen" => "could not be looked at",
        other => other,
    }
}

fn not_sent(why: &str) -> &str {
    match why {
        "ignored" => "on the ignore list",
        MISSING => "named by the list, and not at the source",
        "in-progress" => "being copied right now",
        "parked" => "parked, see `longhaul parked list`",
        "collision" => "the destination object belongs to another source",
        "invalid-key" => "the destination cannot hold such a key",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(gate: &'static str) -> RunReport {
        RunReport { gate, complete: true, ..RunReport::default() }
    }

    #[test]
    fn a_gate_that_is_shut_is_no_failure_and_an_error_is_one() {
        let exit = |report| exit_of(&report, &CancellationToken::new());
        assert_eq!(exit(report("open")), Exit::Done);
        assert_eq!(exit(RunReport { complete: false, ..report("jobs-waiting") }), Exit::Done);
        assert_eq!(exit(RunReport { complete: false, ..report("open") }), Exit::SomeFailed);
        assert_eq!(exit(RunReport { complete: false, handed_over: 3, ..report("open") }), Exit::Done);
        assert_eq!(exit(RunReport { complete: false, ..report("scan-open") }), Exit::Done);
        assert_eq!(exit(RunReport { errors: vec!["no such bucket".into()], ..report("open") }), Exit::SomeFailed);
    }

    #[test]
    fn a_key_of_a_list_that_the_source_lacks_is_a_failure() {
        let lacking = RunReport { skipped: [(MISSING, 1)].into(), ..report("open") };
        assert_eq!(exit_of(&lacking, &CancellationToken::new()), Exit::SomeFailed);
        let ignoring = RunReport { skipped: [("ignored", 1)].into(), ..report("open") };
        assert_eq!(exit_of(&ignoring, &CancellationToken::new()), Exit::Done);
    }

    #[test]
    fn a_run_that_was_interrupted_says_so_if_it_was_not_through() {
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(exit_of(&RunReport { complete: false, ..report("open") }, &stop), Exit::Interrupted);
        assert_eq!(exit_of(&report("open"), &stop), Exit::Done);
    }
}
