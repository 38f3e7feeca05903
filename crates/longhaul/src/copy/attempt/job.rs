//! What is to be copied, and what is known of its destination beforehand.

use crate::{
    ledger::Token,
    object::{ETag, ObjectKey},
    route::{Decision, Difference},
};

/// What is known of the destination before a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it must be asked.
    Unknown,
    /// There was no such key.
    Absent,
    /// There was this object.
    Is(ETag),
}

/// An object that may need copying.
#[derive(Clone, Debug)]
pub struct CopyJob {
    /// Its key at the source.
    pub source_key: ObjectKey,
    /// Its place.
    pub destination_key: ObjectKey,
    /// Its size as listed; the pin decides.
    pub size: u64,
    /// The destination as listed.
    pub known: Known,
    /// What the listings said.
    pub decision: Decision,
    /// The source's tag as listed, where known; the pin decides.
    pub etag: Option<ETag>,
    /// What the ledger had of the destination object before.
    pub recorded: Recorded,
    /// The sequencer of the event that asks for it.
    pub sequencer: Option<String>,
}

impl CopyJob {
    /// A copy of which nothing more is known.
    pub fn new(source_key: ObjectKey, destination_key: ObjectKey, size: u64) -> Self {
        Self {
            source_key,
            destination_key,
            size,
            known: Known::Unknown,
            decision: Decision::Differs(Difference::Forced),
            etag: None,
            recorded: Recorded::Unknown,
            sequencer: None,
        }
    }
}

/// What is known of the ledger's record before a copy. A save that finds another one meets somebody else's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Nothing: it must be loaded.
    Unknown,
    /// There was no record.
    Nothing,
    /// There was one, saved under this token.
    Under(Token),
}
