//! What a worker writes into its log: one line for each object and leg, and what moved in between.
//!
//! Metric filters read these lines, so names and units are part of the interface.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::{
    copy::attempt::{ObjectReport, Observer, Outcome},
    limits::OnRetry,
    object::ObjectKey,
    store::StoreError,
};

/// Writes the log of copies.
#[derive(Debug, Default)]
pub struct Journal {
    moved: AtomicU64,
    logged: AtomicU64,
    requests: AtomicU64,
}

impl Journal {
    /// Writes how many bytes moved since the last call, if any did. Every byte that is read is sent on at once.
    pub fn log_traffic(&self) {
        let moved = self.moved.load(Ordering::Relaxed);
        let bytes = moved.saturating_sub(self.logged.swap(moved, Ordering::Relaxed));
        if bytes > 0 {
            tracing::info!(event = "traffic", downloaded_bytes = bytes, uploaded_bytes = bytes, "bytes moved");
        }
    }

    /// Requests made to stores so far.
    pub fn store_requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// The fields of an object's line, at whatever level.
macro_rules! object_line {
    ($level:ident, $report:expr, $words:expr) => {{
        let report: &ObjectReport = $report;
        let proof = report.proof.map(|proof| proof.to_string());
        tracing::$level!(
            event = "object",
            outcome = word(report),
            reason = report.reason.as_ref().map(|reason| reason.code.as_str()),
            src_bucket = report.source.0.bucket,
            src_key = report.source.1.as_str(),
            des_bucket = report.destination.0.bucket,
            des_key = report.destination.1.as_str(),
            size_bytes = report.size,
            bytes_sent = report.bytes_sent,
            parts = report.parts,
            parts_copied = report.parts_copied,
            parts_resumed = report.parts_resumed,
            requests = report.requests,
            seconds = report.seconds,
            proof = proof.as_deref(),
            not_preserved = (!report.not_preserved.is_empty()).then(|| report.not_preserved.join(",")),
            version_id = report.version_id.as_ref().map(|version| version.as_str()),
            "{}",
            $words
        )
    }};
}

/// *Failed* is of two kinds to those who count: what will be tried again, and what waits for help.
fn word(report: &ObjectReport) -> &'static str {
    match report.outcome {
        Outcome::Failed if report.needs_help => "parked",
        outcome => outcome.name(),
    }
}

impl OnRetry for Journal {
    fn retrying(&self, error: &StoreError, wait: Duration) {
        let (reason, wait_ms) = (error.kind().reason(), u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        tracing::debug!(event = "retry", reason, wait_ms, "{error}");
    }
}

impl Observer for Journal {
    fn bytes(&self, _key: &ObjectKey, delta: i64) {
        // What is taken back has moved all the same.
        self.moved.fetch_add(u64::try_from(delta).unwrap_or(0), Ordering::Relaxed);
    }

    fn object_finished(&self, report: &ObjectReport) {
        self.requests.fetch_add(report.requests, Ordering::Relaxed);
        let words = report.reason.as_ref().map_or_else(String::new, |reason| reason.message.clone());
        match report.outcome {
            Outcome::Copied => object_line!(info, report, "copied"),
            Outcome::Skipped | Outcome::Gone | Outcome::Interrupted | Outcome::Busy | Outcome::Continues => {
                object_line!(info, report, words)
            }
            Outcome::Failed if report.needs_help => object_line!(error, report, words),
            Outcome::Failed => object_line!(warn, report, words),
        }
    }
}
