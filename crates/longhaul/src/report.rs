//! What is said of one object when its copy ends.

use std::sync::atomic::Ordering;

use crate::{
    checksum::Crc64,
    compare::{Decision, Difference},
    copy::{Ended, Finished, Leg},
    error::{StoreError, chain},
    object::{Location, ObjectKey, Timestamp, VersionId},
    ports::{Clock, Destination, Ledger, Source, Verify},
    proof::{Proof, ProofLevel},
    record::Reason,
    segments::SegmentRef,
    tags::TagOf,
};

/// How a copy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Copied, proved and recorded.
    Copied,
    /// Nothing to do.
    Skipped,
    /// Not copied; the reason says why.
    Failed,
    /// The source is no more.
    Gone,
    /// Stopped on request; the next run carries on.
    Interrupted,
    /// Another process is copying it.
    Busy,
    /// Other messages carry it on: those of its segments, or one that begins it again.
    Continues,
}

/// Messages that carry a copy on. Until they are sent, the message that it came from may not be acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follow {
    /// One for each of these segments.
    Segments(Vec<SegmentRef>),
    /// One for the object, which begins again.
    Object,
}

impl Outcome {
    /// The word for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Copied => "copied",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Gone => "gone",
            Self::Interrupted => "interrupted",
            Self::Busy => "busy",
            Self::Continues => "continues",
        }
    }
}

/// What is said of one object.
#[derive(Debug)]
pub struct ObjectReport {
    /// Where it was read.
    pub source: (Location, ObjectKey),
    /// Where it was written.
    pub destination: (Location, ObjectKey),
    /// Bytes.
    pub size: u64,
    /// The destination's version of it.
    pub version_id: Option<VersionId>,
    /// CRC64NVME of the whole, where known.
    pub checksum: Option<Crc64>,
    /// How it was proved.
    pub proof: Option<Proof>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where it was not simply copied.
    pub reason: Option<Reason>,
    /// The error behind a failure.
    pub error: Option<StoreError>,
    /// Wall seconds.
    pub seconds: f64,
    /// Tries of single requests with a body, repeats included.
    pub attempts: u32,
    /// Requests to both stores.
    pub requests: u64,
    /// Bytes sent, repeats included.
    pub bytes_sent: u64,
    /// Parts that an earlier leg had brought over.
    pub parts_resumed: u32,
    /// Parts that this leg brought over.
    pub parts_copied: u32,
    /// Parts of the object; 0 for one request.
    pub parts: u32,
    /// What the destination could not keep.
    pub not_preserved: Vec<&'static str>,
    /// Whether nothing but somebody's help can make it copyable.
    pub needs_help: bool,
    /// When the lease of another that stands in the way ends, where it ends by itself.
    pub busy_until: Option<Timestamp>,
    /// What must be sent before the copy's message may be acknowledged.
    pub follow: Option<Follow>,
}

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    pub(crate) fn report(&self, ended: Result<Finished, Ended>, seconds: f64) -> ObjectReport {
        let mut report = ObjectReport {
            source: (self.engine.source.location().clone(), self.job.source_key.clone()),
            destination: (self.engine.destination.location().clone(), self.job.destination_key.clone()),
            size: self.job.size,
            version_id: None,
            checksum: None,
            proof: None,
            outcome: Outcome::Copied,
            reason: None,
            error: None,
            seconds,
            attempts: self.attempts.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            bytes_sent: self.bytes.load(Ordering::Relaxed),
            parts: self.parts.load(Ordering::Relaxed),
            parts_resumed: self.parts_resumed.load(Ordering::Relaxed),
            parts_copied: self.parts_copied.load(Ordering::Relaxed),
            not_preserved: Vec::new(),
            needs_help: false,
            busy_until: None,
            follow: None,
        };
        match ended {
            Ok(finished) => {
                report.size = finished.size;
                report.version_id = finished.version_id;
                report.checksum = finished.checksum;
                report.proof = Some(finished.proof);
                self.warn_of_a_weak_proof(finished.proof.level);
                report.not_preserved = finished.not_preserved;
                report.reason = difference(self.job.decision).map(|found| Reason::new(found.name(), found.name()));
            }
            Err(ended) => self.report_end(&mut report, ended),
        }
        report
    }

    /// Once for each destination of this process: a log of millions of objects is not filled with it.
    fn warn_of_a_weak_proof(&self, level: ProofLevel) {
        let is_weak = level == ProofLevel::SizeOnly && self.engine.settings.verify != Verify::Transport;
        if is_weak && self.lesson(TagOf::Object).is_to_warn() {
            tracing::warn!(
                event = "unproved",
                des_bucket = self.engine.destination.location().bucket,
                "the store says nothing of the bytes that it received: of some copies only the size is known"
            );
        }
    }

    fn report_end(&self, report: &mut ObjectReport, ended: Ended) {
        let (outcome, reason) = match ended {
            Ended::Failed(error) => {
                let reason = Reason::new(error.kind().reason(), error.to_string());
                report.needs_help = error.kind().needs_help();
                report.error = Some(error);
                (Outcome::Failed, reason)
            }
            Ended::Ledger(error) => (Outcome::Failed, Reason::new("ledger", chain(&error))),
            Ended::Parked(reason) => {
                report.needs_help = true;
                (Outcome::Failed, reason)
            }
            Ended::Restart(reason) => (Outcome::Failed, reason),
            Ended::Skipped(reason) => (Outcome::Skipped, reason),
            Ended::Large => (Outcome::Failed, Reason::new("grew", "the object grew while it was copied")),
            Ended::Continues(follow, reason) => {
                report.follow = follow;
                (Outcome::Continues, reason)
            }
            Ended::Gone => (Outcome::Gone, Reason::new("gone", "the source object was deleted meanwhile")),
            Ended::Interrupted => (Outcome::Interrupted, Reason::new("interrupted", "stopped on request")),
            Ended::Busy(lease) => {
                report.busy_until = lease.until;
                (Outcome::Busy, Reason::new("busy", format!("another process ({}) is copying it", lease.owner)))
            }
        };
        report.outcome = outcome;
        report.reason = Some(reason);
    }
}

fn difference(decision: Decision) -> Option<Difference> {
    match decision {
        Decision::Differs(difference) => Some(difference),
        Decision::AskChecksums => Some(Difference::Checksum),
        Decision::Same => None,
    }
}
