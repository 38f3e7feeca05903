//! A giant's upload, cut into segments that many workers fill at once. Pure.
//!
//! A segment is a run of consecutive parts and one message. What is done is a set, never a counter: a segment that is
//! marked twice is marked once. Neighbouring segments that are done are kept as one run with one checksum, so that the
//! record stays small: it grows with the workers at work, and with the gaps that they leave, not with the object.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::{
    ledger::{lease::Lease, proved::Proved},
    object::{Crc64, GIB, PartNumber, PartPlan, PartSpec, Timestamp, Trusts},
};

/// What a leg of fifteen minutes moves at about 5 MB/s: even a slow line gets a segment across in one leg.
pub const DEFAULT_SEGMENT_SIZE: u64 = 4 * GIB;

/// The most segments of one upload. In the worst order of their ends every second one is a run of its own in the record, of about
/// 80 bytes: with this bound it stays far below the 400 KB of a row of DynamoDB, and its saves below what one row takes.
pub const MAX_SEGMENTS: u16 = 2000;

/// For so long after the last sign of life the messages of the segments are taken to be on their way.
pub(crate) const SILENCE_MS: i64 = 60 * 60 * 1000;

/// Which segment of which upload a message is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRef {
    /// The record's generation.
    pub generation: u32,
    /// The destination's id of the upload.
    pub upload_id: String,
    /// Its number, from 0.
    pub segment: u16,
}

/// What is known of the bytes of a segment, or of consecutive ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// Its bytes.
    pub bytes: u64,
    /// Their checksum, where it is known of each part.
    pub crc64nvme: Option<Crc64>,
    /// What speaks for its parts.
    pub trusts: Trusts,
}

impl Filled {
    fn followed_by(self, next: Self) -> Self {
        let crc64nvme = self.crc64nvme.zip(next.crc64nvme).map(|(first, then)| first.followed_by(then, next.bytes));
        Self { bytes: self.bytes + next.bytes, crc64nvme, trusts: self.trusts.plus(next.trusts) }
    }
}

/// Consecutive segments that are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
    /// What is known of them.
    pub filled: Filled,
}

/// A segment that was begun and is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Its number.
    pub segment: u16,
    /// Who is at work on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// Legs begun since the last one that brought a part across.
    pub idle_legs: u32,
    /// Its parts that the destination held when they were last counted.
    pub parts: u32,
    /// Those that earlier legs have compared with what they had read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved: Option<Proved>,
}

/// The segments of one upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segments {
    /// Parts of each segment but the last.
    pub parts: u16,
    /// When the messages of all segments that were not done had been sent; `None` until then.
    pub sent: Option<Timestamp>,
    /// The segment whose message ended this upload and answers for what follows: if it comes again, it parks the object, or sends its
    /// message, once more. The others are of no more use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responsible: Option<u16>,
    pub(crate) done: Vec<Run>,
    begun: Vec<Begun>,
    #[cfg(feature = "planted-defects")]
    #[serde(default, skip_serializing_if = "crate::object::trusts::is_zero")]
    marks: u32,
}

impl Segments {
    /// Cuts a plan into segments of about `size` bytes, each of at least one part, and at most [`MAX_SEGMENTS`].
    pub fn cut(plan: &PartPlan, size: u64) -> Self {
        let least = u64::from(plan.count().div_ceil(MAX_SEGMENTS));
        let parts = (size / plan.part_size()).max(least).clamp(1, plan.count().into());
        let parts = u16::try_from(parts).expect("a plan has at most 10,000 parts");
        Self {
            parts,
            sent: None,
            responsible: None,
            done: Vec::new(),
            begun: Vec::new(),
            #[cfg(feature = "planted-defects")]
            marks: 0,
        }
    }

    /// How many segments there are.
    pub fn count(&self, plan: &PartPlan) -> u16 {
        plan.count().div_ceil(self.parts)
    }

    /// The part numbers of a run of segments.
    pub fn numbers(&self, plan: &PartPlan, first: u16, last: u16) -> RangeInclusive<u16> {
        let end = u32::from(self.parts) * (u32::from(last) + 1);
        let end = u16::try_from(end.min(plan.count().into())).expect("bounded by the plan");
        (self.parts * first + 1)..=end
    }

    /// The parts of a segment, in order.
    pub fn parts_of<'a>(&self, plan: &'a PartPlan, segment: u16) -> impl Iterator<Item = PartSpec> + use<'a> {
        self.numbers(plan, segment, segment).filter_map(|number| plan.part(PartNumber::new(number)?))
    }

    #[cfg(feature = "planted-defects")]
    pub(crate) fn marks(&self) -> u32 {
        self.marks
    }

    /// Whether this segment is done.
    pub fn is_done(&self, segment: u16) -> bool {
        self.done.iter().any(|run| (run.first..=run.last).contains(&segment))
    }

    /// Whether all segments are done.
    pub fn is_full(&self, plan: &PartPlan) -> bool {
        matches!(self.done.as_slice(), [all] if all.first == 0 && all.last + 1 == self.count(plan))
    }

    /// Those that are not done, in order.
    pub fn open(&self, plan: &PartPlan) -> Vec<u16> {
        (0..self.count(plan)).filter(|segment| !self.is_done(*segment)).collect()
    }

    /// The runs of those that are done, in order; neighbours are one.
    pub fn done(&self) -> &[Run] {
        &self.done
    }

    /// What is known of a segment that was begun and is not done.
    pub fn begun(&self, segment: u16) -> Option<&Begun> {
        self.begun.iter().find(|begun| begun.segment == segment)
    }

    pub(crate) fn begun_mut(&mut self, segment: u16) -> Option<&mut Begun> {
        self.begun.iter_mut().find(|begun| begun.segment == segment)
    }

    /// Counts a leg on a segment before its work, so that crashes count.
    pub(crate) fn begin(&mut self, segment: u16, lease: Lease) {
        match self.begun_mut(segment) {
            Some(begun) => {
                begun.idle_legs += 1;
                begun.lease = Some(lease);
            }
            None => self.begun.push(Begun { segment, lease: Some(lease), idle_legs: 1, parts: 0, proved: None }),
        }
    }

    /// Forgets that a segment was begun: nothing was sent of it.
    pub(crate) fn forget(&mut self, segment: u16) {
        self.begun.retain(|begun| begun.segment != segment);
    }

    /// Marks a segment as done. Marking it again changes nothing.
    pub(crate) fn mark(&mut self, segment: u16, filled: Filled) {
        #[cfg(feature = "planted-defects")]
        if crate::planted::is(crate::planted::Defect::CountSegments) {
            self.marks += 1;
        }
        self.begun.retain(|begun| begun.segment != segment);
        if self.is_done(segment) {
            return;
        }
        let place = self.done.partition_point(|run| run.last < segment);
        self.done.insert(place, Run { first: segment, last: segment, filled });
        self.join(place);
        if let Some(before) = place.checked_sub(1) {
            self.join(before);
        }
    }

    /// Joins the run at `place` with the one behind it, where they touch.
    fn join(&mut self, place: usize) {
        let (Some(run), Some(next)) = (self.done.get(place).copied(), self.done.get(place + 1).copied()) else {
            return;
        };
        if run.last + 1 == next.first {
            self.done[place] = Run { first: run.first, last: next.last, filled: run.filled.followed_by(next.filled) };
            self.done.remove(place + 1);
        }
    }

    /// Who works on a segment.
    pub fn leases(&self) -> impl Iterator<Item = &Lease> {
        self.begun.iter().filter_map(|begun| begun.lease.as_ref())
    }

    /// As after a pause: nobody is at work, and legs are counted anew. What is done stays done.
    pub(crate) fn taken_up_again(mut self) -> Self {
        (self.sent, self.responsible) = (None, None);
        for begun in &mut self.begun {
            *begun = Begun { lease: None, idle_legs: 0, ..begun.clone() };
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::object::MAX_OBJECT_SIZE;

    fn plan(parts: u64) -> PartPlan {
        PartPlan::with_part_size(parts * 10 - 3, 10).unwrap()
    }

    fn filled(plan: &PartPlan, segments: &Segments, segment: u16, bytes: &[u8]) -> Filled {
        let parts: Vec<_> = segments.parts_of(plan, segment).collect();
        let (first, last) = (parts[0].range.first() as usize, parts[parts.len() - 1].range.last() as usize);
        let slice = &bytes[first..=last];
        let trusts = Trusts { crc: parts.len() as u32, ..Trusts::default() };
        Filled { bytes: slice.len() as u64, crc64nvme: Some(Crc64::of(slice)), trusts }
    }

    #[test]
    fn a_segment_has_at_least_one_part_and_at_most_all() {
        assert_eq!(Segments::cut(&plan(7), 3).parts, 1);
        assert_eq!(Segments::cut(&plan(7), 35).parts, 3);
        assert_eq!(Segments::cut(&plan(7), 3500).parts, 7);
        assert_eq!(Segments::cut(&plan(7), 35).count(&plan(7)), 3);
    }

    #[test]
    fn the_largest_object_has_2_000_segments_of_five_parts() {
        let plan = PartPlan::choose(MAX_OBJECT_SIZE, 1).unwrap();
        let segments = Segments::cut(&plan, DEFAULT_SEGMENT_SIZE);
        assert_eq!((segments.parts, segments.count(&plan)), (5, MAX_SEGMENTS));
        assert_eq!(segments.numbers(&plan, 1_999, 1_999), 9_996..=10_000);
    }

    #[test]
    fn in_the_worst_order_the_segments_fit_into_a_row() {
        let plan = PartPlan::choose(MAX_OBJECT_SIZE, 1).unwrap();
        let mut segments = Segments::cut(&plan, DEFAULT_SEGMENT_SIZE);
        let trusts = Trusts { crc: 5, ..Trusts::default() };
        let filled = Filled { bytes: u64::MAX / 2, crc64nvme: Some(Crc64::EMPTY), trusts };
        let lease = Lease { owner: "o".repeat(80), until: Some(Timestamp(i64::MAX)) };
        for segment in 0..MAX_SEGMENTS {
            if segment % 2 == 0 { segments.mark(segment, filled) } else { segments.begin(segment, lease.clone()) }
        }
        let bytes = serde_json::to_string(&segments).unwrap().len();
        assert!(bytes < 350_000, "a row of DynamoDB has 400 KB, these are {bytes} bytes of JSON");
    }

    #[test]
    fn a_segment_that_is_marked_twice_is_marked_once() {
        let (plan, bytes) = (plan(4), vec![7; 37]);
        let mut segments = Segments::cut(&plan, 20);
        for _ in 0..2 {
            segments.mark(1, filled(&plan, &segments, 1, &bytes));
        }
        assert!(!segments.is_full(&plan));
        assert_eq!(segments.open(&plan), [0]);
    }

    #[test]
    fn a_leg_counts_until_its_segment_is_done() {
        let lease = |owner: &str| Lease { owner: owner.into(), until: None };
        let (plan, bytes) = (plan(4), vec![7; 37]);
        let mut segments = Segments::cut(&plan, 20);
        segments.begin(0, lease("a"));
        segments.begin(0, lease("b"));
        assert_eq!(segments.begun(0).unwrap().idle_legs, 2);
        assert_eq!(segments.leases().collect::<Vec<_>>(), [&lease("b")]);
        segments.mark(0, filled(&plan, &segments, 0, &bytes));
        assert_eq!(segments.begun(0), None);
    }

    proptest! {
        #[test]
        fn in_any_order_the_runs_join_to_the_whole(
            parts in 1_u64..40,
            size in 1_u64..80,
            order in proptest::collection::vec(any::<u16>(), 0..60),
        ) {
            let plan = plan(parts);
            let bytes: Vec<u8> = (0..plan.size()).map(|byte| byte as u8).collect();
            let mut segments = Segments::cut(&plan, size);
            let count = segments.count(&plan);
            let mut covered = 0;
            for segment in 0..count {
                covered += segments.parts_of(&plan, segment).count();
            }
            prop_assert_eq!(covered, usize::from(plan.count()));
            let mut marked = std::collections::BTreeSet::new();
            for segment in order.into_iter().map(|number| number % count).chain(0..count) {
                prop_assert_eq!(segments.is_full(&plan), marked.len() == usize::from(count));
                segments.mark(segment, filled(&plan, &segments, segment, &bytes));
                marked.insert(segment);
                let open: Vec<u16> = (0..count).filter(|segment| !marked.contains(segment)).collect();
                prop_assert_eq!(segments.open(&plan), open);
            }
            prop_assert!(segments.is_full(&plan));
            let whole = segments.done()[0].filled;
            prop_assert_eq!(whole.crc64nvme, Some(Crc64::of(&bytes)));
            prop_assert_eq!((whole.bytes, whole.trusts.crc), (plan.size(), u32::from(plan.count())));
        }
    }
}
