//! Turns an object's size into parts.
//!
//! Ranges are contiguous, inclusive, equal but for the last, and cover every byte once. Equal parts are what every
//! S3-compatible store accepts. Nothing here performs I/O or reads the clock.

use std::{fmt, num::NonZeroU16};

use serde::{Deserialize, Serialize};

/// 2^20 bytes.
pub const MIB: u64 = 1 << 20;

/// 2^30 bytes.
pub const GIB: u64 = 1 << 30;

/// The smallest part size that longhaul chooses.
pub const DEFAULT_PART_SIZE: u64 = 8 * MIB;

/// S3's smallest part; the last one may be smaller (S3 User Guide, "Multipart upload limits").
pub const MIN_PART_SIZE: u64 = 5 * MIB;

/// S3's largest part.
pub const MAX_PART_SIZE: u64 = 5 * GIB;

/// S3's largest number of parts.
pub const MAX_PARTS: u64 = 10_000;

/// What 10,000 parts of 5 GiB hold, S3's 50 TB.
pub const MAX_OBJECT_SIZE: u64 = MAX_PARTS * MAX_PART_SIZE;

/// A part's number. Invariant: 1..=10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct PartNumber(NonZeroU16);

impl PartNumber {
    /// S3's largest part number.
    pub const MAX: u16 = 10_000;

    /// `None` outside 1..=10,000.
    pub fn new(number: u16) -> Option<Self> {
        NonZeroU16::new(number).filter(|number| number.get() <= Self::MAX).map(Self)
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl TryFrom<u16> for PartNumber {
    type Error = &'static str;
    fn try_from(number: u16) -> Result<Self, Self::Error> {
        Self::new(number).ok_or("a part number is 1 to 10,000")
    }
}

impl From<PartNumber> for u16 {
    fn from(number: PartNumber) -> Self {
        number.get()
    }
}

impl fmt::Display for PartNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Consecutive bytes of an object, at least one. Both ends are inside, as in an HTTP Range header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    first: u64,
    last: u64,
}

impl ByteRange {
    /// The `length` bytes from `first` on; `None` for no bytes or past the end of numbers.
    pub fn new(first: u64, length: u64) -> Option<Self> {
        let last = first.checked_add(length.checked_sub(1)?)?;
        Some(Self { first, last })
    }

    /// Offset of the first byte.
    pub fn first(self) -> u64 {
        self.first
    }

    /// Offset of the last byte.
    pub fn last(self) -> u64 {
        self.last
    }

    /// Number of bytes.
    #[expect(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub fn len(self) -> u64 {
        self.last - self.first + 1
    }
}

impl fmt::Display for ByteRange {
    /// The form of an HTTP Range header: `bytes=0-8388607`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes={}-{}", self.first, self.last)
    }
}

/// One part of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartSpec {
    /// Its number.
    pub number: PartNumber,
    /// Its bytes in the object.
    pub range: ByteRange,
}

/// An object cut into parts. Invariant: 1 to 10,000 parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartPlan {
    size: u64,
    part_size: u64,
}

/// A size that cannot be cut into parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// An empty object has no parts.
    #[error("an empty object has no parts")]
    Empty,
    /// Beyond 10,000 parts of 5 GiB.
    #[error("{0} bytes are more than the {MAX_OBJECT_SIZE} that an object can have")]
    TooLarge(u64),
    /// The given part size would need more than 10,000 parts, or is not 1 byte to 5 GiB.
    #[error("parts of {part_size} bytes do not fit an object of {size} bytes")]
    PartSize {
        /// The object's size.
        size: u64,
        /// The part size that does not fit.
        part_size: u64,
    },
}

impl PartPlan {
    /// Chooses the part size: at least `wanted`, and so large that 10,000 parts suffice, rounded up to a MiB.
    pub fn choose(size: u64, wanted: u64) -> Result<Self, PlanError> {
        if size > MAX_OBJECT_SIZE {
            return Err(PlanError::TooLarge(size));
        }
        let needed = size.div_ceil(MAX_PARTS).next_multiple_of(MIB);
        let needed = if size <= wanted.saturating_mul(MAX_PARTS) { wanted } else { needed };
        Self::with_part_size(size, needed.max(wanted).min(MAX_PART_SIZE))
    }

    /// Takes the part size of an upload that already exists.
    pub fn with_part_size(size: u64, part_size: u64) -> Result<Self, PlanError> {
        if size == 0 {
            return Err(PlanError::Empty);
        }
        let fits = (1..=MAX_PART_SIZE).contains(&part_size) && size.div_ceil(part_size) <= MAX_PARTS;
        fits.then_some(Self { size, part_size }).ok_or(PlanError::PartSize { size, part_size })
    }

    /// Bytes of every part but the last.
    pub fn part_size(&self) -> u64 {
        self.part_size
    }

    /// Bytes of the object.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many parts there are.
    pub fn count(&self) -> u16 {
        u16::try_from(self.size.div_ceil(self.part_size)).expect("a plan has at most 10,000 parts")
    }

    /// All parts in order.
    pub fn parts(self) -> impl Iterator<Item = PartSpec> + Send + Clone {
        (1..=self.count()).filter_map(move |number| self.part(PartNumber::new(number)?))
    }

    /// The part with that number, if the plan has it.
    pub fn part(&self, number: PartNumber) -> Option<PartSpec> {
        let first = u64::from(number.get() - 1) * self.part_size;
        let rest = self.size.checked_sub(first)?;
        Some(PartSpec { number, range: ByteRange::new(first, rest.min(self.part_size))? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIB: u64 = 1024 * GIB;

    #[test]
    fn parts_are_as_small_as_wanted_while_10_000_suffice() {
        assert_eq!(PartPlan::choose(80 * GIB - 2 * GIB, 8 * MIB).unwrap().part_size(), 8 * MIB);
        assert_eq!(PartPlan::choose(80 * GIB, 8 * MIB).unwrap().part_size(), 9 * MIB);
    }

    #[test]
    fn the_largest_object_has_10_000_parts_of_5_gib() {
        let plan = PartPlan::choose(MAX_OBJECT_SIZE, 8 * MIB).unwrap();
        assert_eq!((plan.part_size(), plan.count()), (5 * GIB, 10_000));
        assert_eq!(PartPlan::choose(MAX_OBJECT_SIZE + 1, 8 * MIB), Err(PlanError::TooLarge(MAX_OBJECT_SIZE + 1)));
        assert_eq!(MAX_OBJECT_SIZE / TIB, 48);
    }

    #[test]
    fn an_empty_object_has_no_plan() {
        assert_eq!(PartPlan::choose(0, 8 * MIB), Err(PlanError::Empty));
    }

    #[test]
    fn an_upload_with_too_small_parts_cannot_be_continued() {
        let refused = PlanError::PartSize { size: GIB, part_size: 1024 };
        assert_eq!(PartPlan::with_part_size(GIB, 1024), Err(refused));
    }

    proptest! {
        #[test]
        fn parts_cover_every_byte_once(size in 1..=MAX_OBJECT_SIZE, wanted in 1..=MAX_PART_SIZE) {
            let plan = PartPlan::choose(size, wanted).unwrap();
            prop_assert!(plan.part_size() >= wanted);
            let mut next = 0;
            for (index, part) in plan.parts().enumerate() {
                prop_assert_eq!(usize::from(part.number.get()), index + 1);
                prop_assert_eq!(part.range.first(), next);
                prop_assert!(part.range.len() == plan.part_size() || part.range.last() + 1 == size);
                next = part.range.last() + 1;
            }
            prop_assert_eq!(next, size);
            prop_assert!(plan.part(PartNumber::new(plan.count() + 1).unwrap_or(PartNumber::new(1).unwrap())).is_none()
                || plan.count() == PartNumber::MAX);
        }
    }
}
