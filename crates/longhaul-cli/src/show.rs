//! What a copy says: objects as they end, and the summary.

use std::collections::BTreeMap;

use indicatif::{HumanBytes, HumanCount, HumanDuration};
use longhaul::{
    copy::{CopyJob, ObjectReport, Outcome},
    object::{KeyError, Location, ObjectKey, ProofLevel},
    scan::{Comparison, ListTotals, Totals},
    text::escaped,
};
use serde_json::json;

use crate::{
    bars::Bars,
    explain,
    failure::Exit,
    out::{self, say, tell},
    report,
};

/// How many failures people are shown one by one; the report has all.
const SHOWN_FAILURES: u64 = 20;

/// Speaks to a person or to a program.
pub struct Show {
    json: bool,
    bars: Bars,
    failures: u64,
    not_found: u64,
}

/// The end of a copy.
pub struct Summary<'a> {
    /// What was done; without a list of keys, only its totals.
    pub list: &'a ListTotals,
    /// What the last look at both sides found, if there was one.
    pub comparison: Option<&'a Comparison>,
    /// Files that were passed over at a local source.
    pub skipped_files: u64,
    /// Wall seconds.
    pub seconds: f64,
    /// How it ends.
    pub exit: Exit,
}

impl Show {
    /// Speaks through `bars`.
    pub fn new(json: bool, bars: Bars) -> Self {
        Self { json, bars, failures: 0, not_found: 0 }
    }

    /// The bars that it speaks above.
    pub fn bars(&self) -> Bars {
        self.bars.clone()
    }

    /// A line for a person.
    pub fn say(&self, words: &str) {
        if !self.json {
            self.bars.aside(|| say!("{words}"));
        }
    }

    /// A warning, whoever listens.
    pub fn warn(&self, words: &str) {
        self.bars.aside(|| tell!("warning: {words}"));
    }

    /// An object ended.
    pub fn object(&mut self, report: &ObjectReport) {
        if self.json {
            let mut line = report::line(report);
            line["event"] = json!("object");
            out::object(&line);
            return;
        }
        let place = escaped(&report::address(&report.source)).to_string();
        match report.outcome {
            Outcome::Failed => self.failure(&place, report),
            Outcome::Gone => self.name(&place, "the source no longer has it"),
            Outcome::Busy | Outcome::Continues => self.warn(&format!("{place} is being copied by another process")),
            Outcome::Copied if !report.not_preserved.is_empty() => {
                self.warn(&format!("{place}: not preserved: {}", report.not_preserved.join(", ")));
            }
            Outcome::Copied | Outcome::Skipped | Outcome::Interrupted => {}
        }
    }

    /// A store does not list in byte order.
    pub fn sorting(&self, store: &Location) {
        if self.json {
            out::object(&json!({ "event": "sorting", "store": store.to_string() }));
        }
        let store = escaped(&store.to_string()).to_string();
        self.warn(&format!(
            "{store} does not list its keys in byte order: its listing is now read whole and sorted on this machine, and the \
             comparison begins again; what has been copied is not copied again"
        ));
    }

    /// A key that has no place at the destination.
    pub fn unplaceable(&self, key: &ObjectKey, error: &KeyError) {
        if self.json {
            out::object(&json!({ "event": "object", "source": key, "outcome": "failed",
                "reason": { "code": "invalid-key", "message": error.to_string() } }));
        } else {
            let key = escaped(key.as_str());
            self.bars.aside(|| tell!("failed: {key}: at the destination the key would be too long: {error}"));
        }
    }

    /// A key that a list names and that leads nowhere.
    pub fn not_found(&mut self, key: &ObjectKey, outcome: &str, why: &str) {
        if self.json {
            let reason = json!({ "code": outcome, "message": why });
            out::object(&json!({ "event": "object", "source": key, "outcome": outcome, "reason": reason }));
            return;
        }
        self.name(&escaped(key.as_str()).to_string(), why);
    }

    /// Warns of a key that is not there, if there were not too many of them.
    fn name(&mut self, key: &str, why: &str) {
        self.not_found += 1;
        if self.not_found <= SHOWN_FAILURES {
            self.warn(&format!("{key}: {why}"));
        } else if self.not_found == SHOWN_FAILURES + 1 {
            self.warn("further keys that cannot be copied are not shown here; --report FILE has them all");
        }
    }

    fn failure(&mut self, place: &str, report: &ObjectReport) {
        self.failures += 1;
        if self.failures > SHOWN_FAILURES {
            return;
        }
        let why = match (&report.error, &report.reason) {
            (Some(error), _) => longhaul::store::error::chain(error),
            (None, Some(reason)) => reason.message.clone(),
            (None, None) => "unknown".to_owned(),
        };
        let advice = report.error.as_ref().and_then(explain::advice);
        self.bars.aside(|| {
            tell!("failed: {place}: {why}");
            if let Some(advice) = advice {
                tell!("  what to do: {advice}");
            }
        });
        if self.failures == SHOWN_FAILURES {
            self.warn("further failures are not shown here; --report FILE has them all");
        }
    }

    /// An object that a dry run would copy.
    pub fn would_copy(&self, job: &CopyJob) {
        if self.json {
            let line = json!({ "event": "would-copy", "source": job.source_key, "destination": job.destination_key, "size": job.size });
            out::object(&line);
        } else {
            let (from, to) = (escaped(job.source_key.as_str()), escaped(job.destination_key.as_str()));
            self.say(&format!("would copy {from} ({}) to {to}", HumanBytes(job.size)));
        }
    }

    /// The end.
    pub fn summary(&self, summary: &Summary<'_>) {
        if self.json {
            self.summary_for_programs(summary);
        } else {
            self.summary_for_people(summary);
        }
    }

    fn summary_for_programs(&self, summary: &Summary<'_>) {
        let (list, totals) = (summary.list, &summary.list.totals);
        let line = json!({
            "event": "summary",
            "objects": totals.objects,
            "bytes": totals.bytes,
            "filtered": totals.filtered,
            "same": totals.same,
            "copied": totals.copied,
            "copied_bytes": totals.copied_bytes,
            "sent_bytes": totals.sent_bytes,
            "parts_resumed": totals.parts_resumed,
            "failed": totals.failed,
            "gone": totals.gone,
            "outside": list.outside,
            "not_current": list.passed.not_current,
            "delete_markers": list.passed.delete_markers,
            "busy": totals.busy,
            "interrupted": totals.interrupted,
            "not_preserved": totals.not_preserved,
            "proofs": proofs(totals),
            "transport_only": totals.transport_only,
            "requests": totals.requests,
            "skipped_files": summary.skipped_files,
            "different": summary.comparison.map(|found| found.different),
            "seconds": summary.seconds,
            "exit_code": summary.exit.code(),
        });
        out::object(&line);
    }

    /// How the copies were proved, and a warning where little is known.
    fn proofs_for_people(&self, totals: &Totals) {
        let counted: Vec<String> = totals.proofs.iter().map(|(level, count)| format!("{count} {level}")).collect();
        if !counted.is_empty() {
            say!("proved: {}", counted.join(", "));
        }
        let unproved = totals.proofs.get(&ProofLevel::SizeOnly).copied().unwrap_or(0);
        if unproved > 0 {
            self.warn(&format!(
                "of {unproved} copies only the size is known at the destination, and TLS speaks for the bytes; \
                 --verify read-back reads them again"
            ));
        }
        if totals.transport_only > 0 {
            self.warn(&format!(
                "{} copies have parts of an earlier run that nobody has compared (transport_only_parts in the report)",
                totals.transport_only
            ));
        }
    }

    fn summary_for_people(&self, summary: &Summary<'_>) {
        let totals = &summary.list.totals;
        let rate = totals.sent_bytes as f64 / summary.seconds.max(0.001);
        let time = HumanDuration(std::time::Duration::from_secs_f64(summary.seconds));
        say!(
            "{} objects copied, {} ({} sent, {}/s) in {time}",
            HumanCount(totals.copied),
            HumanBytes(totals.copied_bytes),
            HumanBytes(totals.sent_bytes),
            HumanBytes(rate as u64)
        );
        counts_for_people(summary);
        self.proofs_for_people(totals);
        if let Some(found) = summary.comparison {
            say!(
                "compared by size: {} objects, {}; {} different",
                HumanCount(found.objects),
                HumanBytes(found.bytes),
                HumanCount(found.different)
            );
            for key in found.examples.iter().take(10) {
                say!("  different: {}", escaped(key.as_str()));
            }
        }
        match summary.exit {
            Exit::Interrupted => say!("interrupted; run the same command again to resume: finished parts are kept"),
            Exit::SomeFailed if totals.gone > 0 && totals.failed + totals.busy + totals.interrupted == 0 => {
                say!("the source does not have all that the list names; --report FILE has all of these keys")
            }
            Exit::SomeFailed => say!("not all was copied; run the same command again: finished parts are kept"),
            Exit::Different => say!(
                "both sides differ although nothing failed: were they written to meanwhile? run the same command again"
            ),
            Exit::Done | Exit::Usage => {}
        }
    }
}

/// What else there was than copies.
fn counts_for_people(summary: &Summary<'_>) {
    let (list, totals) = (summary.list, &summary.list.totals);
    let counts = [
        (totals.same, "already the same"),
        (totals.filtered, "left out by patterns"),
        (totals.parts_resumed, "parts kept from an earlier run"),
        (totals.gone, "not at the source, or deleted there meanwhile"),
        (list.outside, "keys of the list that are not below SRC"),
        (list.passed.not_current, "older versions in the list, skipped"),
        (list.passed.delete_markers, "deletions in the list, skipped"),
        (totals.busy, "being copied by another process"),
        (totals.not_preserved, "copied without something that the destination cannot keep"),
        (summary.skipped_files, "links and special files skipped"),
        (totals.interrupted, "left for the next run"),
        (totals.failed, "FAILED"),
    ];
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        say!("{:>12} {what}", HumanCount(count).to_string());
    }
}

fn proofs(totals: &Totals) -> BTreeMap<String, u64> {
    totals.proofs.iter().map(|(level, count)| (level.to_string(), *count)).collect()
}
