//! What a run of the jobsender has to say.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{ledger::SendReport, route::NamedRoute};

/// What one run came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunReport {
    /// Whether the run took place: `open`, `forced` (the last scan or its jobs are not through, for too long), `not-asked` (a
    /// dry run), or why not: `another-run`, `scan-open`, `jobs-waiting`, `failed`.
    pub gate: &'static str,
    /// Whether nothing was to be sent.
    pub dry_run: bool,
    /// The routes, in their order.
    pub routes: Vec<RouteReport>,
    /// Source objects seen.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects sent as jobs.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Messages that carry them.
    pub messages: u64,
    /// Not sent, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Wall seconds.
    pub seconds: f64,
    /// Whether this run scanned every route to its end.
    pub complete: bool,
    /// Ranges that others carry on with, through the queue of scans.
    pub handed_over: usize,
    /// What failed.
    pub errors: Vec<String>,
}

/// What one route came to.
#[derive(Clone, Debug, Serialize)]
pub struct RouteReport {
    /// Source bucket.
    pub src_bucket: String,
    /// Prefix of the keys.
    pub src_prefix: String,
    /// Destination bucket.
    pub des_bucket: String,
    /// Prefix that they get.
    pub des_prefix: String,
    /// Counts.
    #[serde(flatten)]
    pub counts: SendReport,
    /// Why it was not scanned to its end.
    pub error: Option<String>,
}

impl RunReport {
    /// Adds a route, and says so in the log.
    pub(crate) fn push(&mut self, route: &NamedRoute, counts: SendReport, error: Option<String>) {
        self.objects += counts.objects;
        self.bytes += counts.bytes;
        self.sent += counts.sent;
        self.sent_bytes += counts.sent_bytes;
        self.messages += counts.messages;
        for (why, count) in &counts.skipped {
            *self.skipped.entry(why).or_default() += count;
        }
        self.complete &= counts.complete;
        let from = format!("{}/{}", route.src_bucket, route.src_prefix);
        self.errors.extend(error.iter().map(|error| format!("{from}: {error}")));
        let NamedRoute { src_bucket, src_prefix, des_bucket, des_prefix, .. } = route.clone();
        let line = RouteReport { src_bucket, src_prefix, des_bucket, des_prefix, counts, error };
        tracing::info!(event = "scan", route = serde_json::to_string(&line).unwrap_or_default(), "route scanned");
        self.routes.push(line);
    }

    /// Writes the whole into the log.
    pub(crate) fn log(&self) {
        let line = serde_json::to_string(self).unwrap_or_default();
        let (gate, sent, complete) = (self.gate, self.sent, self.complete);
        if self.errors.is_empty() {
            tracing::info!(event = "result", gate, sent, complete, report = line, "the run is over");
        } else {
            tracing::error!(event = "result", gate, sent, complete, report = line, "the run is over, with errors");
        }
        let ranges = self.handed_over;
        if ranges > 0 {
            tracing::info!(event = "handed-over", ranges, "the scan goes on through the queue of scans");
        } else if !complete && self.errors.is_empty() {
            tracing::warn!(
                event = "incomplete",
                "the time was up before the listings were; the next run starts again from the beginning"
            );
        }
    }
}
