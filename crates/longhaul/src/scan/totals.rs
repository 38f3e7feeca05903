//! The sums of a run, and what it says on the way.

use std::collections::BTreeMap;

use crate::{
    copy::attempt::{CopyJob, ObjectReport, Outcome},
    object::{KeyError, Location, ObjectKey, ProofLevel},
};

/// What a scan came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Source objects that the selection has.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Not in the selection.
    pub filtered: u64,
    /// Found to be the same.
    pub same: u64,
    /// Copied.
    pub copied: u64,
    /// Bytes of those.
    pub copied_bytes: u64,
    /// Bytes sent, repeats included.
    pub sent_bytes: u64,
    /// Parts taken over from earlier legs.
    pub parts_resumed: u64,
    /// Not copied.
    pub failed: u64,
    /// Deleted at the source meanwhile.
    pub gone: u64,
    /// Being copied by another process.
    pub busy: u64,
    /// Left for the next run.
    pub interrupted: u64,
    /// Copied, but something was not preserved.
    pub not_preserved: u64,
    /// Copies by their proof.
    pub proofs: BTreeMap<ProofLevel, u64>,
    /// Copies with parts that an earlier leg had sent and only the line speaks for.
    pub transport_only: u64,
    /// Requests made for the copies.
    pub requests: u64,
}

impl Totals {
    /// The listings are read once more from their beginning: what they found is found again, and so is what failed.
    pub(crate) fn begin_again(&mut self) {
        (self.objects, self.bytes, self.filtered, self.same) = (0, 0, 0, 0);
        (self.failed, self.busy, self.interrupted) = (0, 0, 0);
    }

    /// Adds what a listing found.
    pub(crate) fn absorb(&mut self, found: &Self) {
        self.objects += found.objects;
        self.bytes += found.bytes;
        self.filtered += found.filtered;
        self.same += found.same;
        self.failed += found.failed;
    }

    pub(crate) fn add(&mut self, report: &ObjectReport) {
        match report.outcome {
            Outcome::Copied => {
                self.copied += 1;
                self.copied_bytes += report.size;
                if let Some(proof) = report.proof {
                    *self.proofs.entry(proof.level).or_default() += 1;
                    self.transport_only += u64::from(proof.transport_only_parts > 0);
                }
            }
            Outcome::Skipped => self.same += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Gone => self.gone += 1,
            Outcome::Interrupted => self.interrupted += 1,
            Outcome::Busy | Outcome::Continues => self.busy += 1,
        }
        self.sent_bytes += report.bytes_sent;
        self.parts_resumed += u64::from(report.parts_resumed);
        self.requests += report.requests;
        self.not_preserved += u64::from(!report.not_preserved.is_empty());
    }
}

/// Something that a scan has to say while it runs.
pub enum Event<'a> {
    /// A copy ended.
    Object(&'a ObjectReport),
    /// A source key that has no place at the destination: there it would be too long. It counts as failed.
    Unplaceable(&'a ObjectKey, KeyError),
    /// An object that would be copied.
    WouldCopy(&'a CopyJob),
    /// The listings came so far, several side by side and so in no order of keys: source objects and bytes of the selection, and of those what must be copied.
    Listed {
        /// Source objects so far.
        objects: u64,
        /// Objects to copy so far.
        jobs: u64,
        /// Bytes to copy so far.
        job_bytes: u64,
    },
    /// This store does not list in byte order: its listing is read whole from now on, sorted, and compared from the beginning.
    Sorting(&'a Location),
}
