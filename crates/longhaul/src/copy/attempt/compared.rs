//! The parts that a leg has compared with what it sent.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    object::{ETag, PartNumber, Trust},
    store::UploadedPart,
};

/// The parts that a leg has compared.
#[derive(Default)]
pub(crate) struct Compared {
    /// Those that are what was sent, with their tags.
    pub(crate) same: BTreeMap<PartNumber, ETag>,
    /// Those that are not, or may not be, and have not been sent again yet.
    pub(crate) other: BTreeSet<PartNumber>,
}

/// A part that the destination holds.
#[derive(Clone, Debug)]
pub(crate) struct DonePart {
    pub answer: UploadedPart,
    pub trust: Trust,
}
