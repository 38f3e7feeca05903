//! How one attempt ends.

use crate::{
    ledger::{Lease, LedgerError, Reason, SegmentRef},
    object::{Crc64, Proof, VersionId},
    store::StoreError,
};

/// The end of a message that has nothing left to do.
pub(crate) fn superseded() -> NotCopied {
    NotCopied::Skipped(Reason::new("superseded", "the upload of this segment is no longer the one that is filled"))
}

/// A finished copy.
pub(crate) struct Copied {
    pub size: u64,
    pub version_id: Option<VersionId>,
    pub checksum: Option<Crc64>,
    pub proof: Proof,
    pub not_preserved: Vec<&'static str>,
}

/// Every other end of an attempt.
#[derive(Debug)]
pub(crate) enum NotCopied {
    Failed(StoreError),
    Ledger(LedgerError),
    /// Cannot succeed without help, for a reason that is no store's error.
    Parked(Reason),
    Skipped(Reason),
    /// Begin again with a new pin or a new upload.
    Restart(Reason),
    /// The object is larger than the small way takes.
    Large,
    Gone,
    Interrupted,
    Busy(Lease),
    /// Other messages carry it on; these must be sent first.
    Continues(Option<Follow>, Reason),
}

impl From<StoreError> for NotCopied {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<LedgerError> for NotCopied {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

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

pub(crate) fn marked() -> NotCopied {
    NotCopied::Continues(None, Reason::new("segment-done", "the segment is filled, and others are not yet"))
}

pub(crate) fn begins_again(reason: Reason) -> NotCopied {
    NotCopied::Continues(Some(Follow::Object), reason)
}
