//! What is said of one object when its copy ends.

use crate::{
    copy::attempt::outcome::{Follow, Outcome},
    ledger::Reason,
    limits::OnRetry,
    object::{Crc64, Location, ObjectKey, Proof, Timestamp, VersionId},
    route::{Decision, Difference},
    store::StoreError,
};

/// Hears of progress. Calls come from many tasks and must not block.
pub trait Observer: OnRetry {
    /// A copy begins; `already` bytes are at the destination from an earlier leg.
    fn object_started(&self, _key: &ObjectKey, _size: u64, _already: u64) {}
    /// So many bytes moved; negative when a part failed and its bytes count no longer.
    fn bytes(&self, _key: &ObjectKey, _delta: i64) {}
    /// A copy ended, in whichever way.
    fn object_finished(&self, _report: &ObjectReport) {}
}

/// Hears and says nothing.
pub struct Silent;

impl OnRetry for Silent {}
impl Observer for Silent {}

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

pub(crate) fn difference(decision: Decision) -> Option<Difference> {
    match decision {
        Decision::Differs(difference) => Some(difference),
        Decision::AskChecksums => Some(Difference::Checksum),
        Decision::Same => None,
    }
}
