//! What a record means for the message of a segment. Pure.

use crate::{
    ledger::{
        reason::Reason,
        record::{Record, State},
        segments::SegmentRef,
    },
    object::PartPlan,
};

/// What a record means for a segment's message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SegmentState {
    /// The segment is to be filled.
    Open,
    /// It is done, and others are not.
    Marked,
    /// All segments are done: the upload is to be completed.
    Full,
    /// The upload is of no more use and is to be dropped.
    Ending,
    /// It was dropped by this segment, whose message for the object may not have been sent.
    Ended,
    /// This segment parked the object, and its message may not have been parked.
    Parked(Reason),
    /// Nothing is left to do for it.
    Superseded,
}

/// What `record` means for the segment `at`.
pub(crate) fn standing(record: &Record, at: &SegmentRef) -> SegmentState {
    let segments = record.segments.as_ref();
    if record.generation != at.generation {
        return SegmentState::Superseded;
    }
    match record.state {
        State::Done | State::Gone | State::Superseded => return SegmentState::Superseded,
        State::Restarting => {
            return match (&record.upload, answers(record, at)) {
                (Some(_), _) => SegmentState::Ending,
                (None, true) => SegmentState::Ended,
                (None, false) => SegmentState::Superseded,
            };
        }
        State::Copying | State::Completing | State::Parked => {}
    }
    let (Some(segments), Some(upload)) = (segments, &record.upload) else { return SegmentState::Superseded };
    if upload.id != at.upload_id {
        return SegmentState::Superseded;
    }
    if record.state == State::Parked {
        let reason = || record.reason.clone().unwrap_or_else(|| Reason::new("parked", "no reason was kept"));
        return if answers(record, at) { SegmentState::Parked(reason()) } else { SegmentState::Superseded };
    }
    #[cfg(feature = "planted-defects")]
    if crate::planted::is(crate::planted::Defect::CountSegments) {
        let all = plan_of(record).map_or(0, |plan| segments.count(&plan));
        return if segments.marks() >= u32::from(all) { SegmentState::Full } else { SegmentState::Open };
    }
    match plan_of(record) {
        Some(plan) if at.segment >= segments.count(&plan) => SegmentState::Superseded,
        Some(plan) if segments.is_full(&plan) => SegmentState::Full,
        Some(_) if segments.is_done(at.segment) => SegmentState::Marked,
        Some(_) => SegmentState::Open,
        None => SegmentState::Superseded,
    }
}

/// Whether this segment answers for what ended its upload.
pub(crate) fn answers(record: &Record, at: &SegmentRef) -> bool {
    record.segments.as_ref().is_some_and(|segments| segments.responsible == Some(at.segment))
}

/// The plan of the record's upload, if it has one.
pub(crate) fn plan_of(record: &Record) -> Option<PartPlan> {
    PartPlan::with_part_size(record.source.pin.size, record.upload.as_ref()?.part_size).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{
            record::{RecordKey, RecordSource, RecordUpload},
            segments::{Filled, Segments},
        },
        object::{ETag, Location, ObjectKey, Pin, Timestamp, Trusts},
    };

    fn record(state: State) -> Record {
        let location = Location::new("memory://a", "a");
        let key = ObjectKey::new("k").unwrap();
        let pin = Pin { etag: ETag::new("e"), version_id: None, size: 40, crc64nvme: None, modified: Timestamp(1) };
        let source = RecordSource { location: location.clone(), key: key.clone(), pin };
        let mut record = Record::begin(RecordKey { location, key }, source, Timestamp(1));
        record.upload = Some(RecordUpload { id: "u".into(), part_size: 10, adopted: false, doubted: false });
        record.segments = Some(Segments::cut(&plan_of(&record).unwrap(), 20));
        Record { state, ..record }
    }

    fn at(segment: u16) -> SegmentRef {
        SegmentRef { generation: 1, upload_id: "u".into(), segment }
    }

    #[test]
    fn a_segment_of_another_upload_or_generation_is_superseded() {
        let open = record(State::Copying);
        assert_eq!(standing(&open, &at(1)), SegmentState::Open);
        assert_eq!(standing(&open, &SegmentRef { generation: 2, ..at(1) }), SegmentState::Superseded);
        assert_eq!(standing(&open, &SegmentRef { upload_id: "v".into(), ..at(1) }), SegmentState::Superseded);
        assert_eq!(standing(&open, &at(2)), SegmentState::Superseded);
        for closed in [State::Done, State::Gone, State::Superseded, State::Parked] {
            assert_eq!(standing(&record(closed), &at(1)), SegmentState::Superseded);
        }
    }

    #[test]
    fn only_the_responsible_segment_repeats_what_ended_its_upload() {
        let mut ended = record(State::Restarting);
        assert_eq!(standing(&ended, &at(0)), SegmentState::Ending);
        ended.upload = None;
        ended.segments.as_mut().unwrap().responsible = Some(1);
        assert_eq!(
            (standing(&ended, &at(0)), standing(&ended, &at(1))),
            (SegmentState::Superseded, SegmentState::Ended)
        );
        let mut parked = record(State::Parked);
        parked.segments.as_mut().unwrap().responsible = Some(1);
        assert_eq!(standing(&parked, &at(0)), SegmentState::Superseded);
        assert!(matches!(standing(&parked, &at(1)), SegmentState::Parked(_)));
    }

    #[test]
    fn whoever_finds_all_segments_marked_completes_whichever_its_own_is() {
        let mut full = record(State::Copying);
        let filled = Filled { bytes: 20, crc64nvme: None, trusts: Trusts::default() };
        let segments = full.segments.as_mut().unwrap();
        segments.mark(0, filled);
        assert_eq!(standing(&full, &at(0)), SegmentState::Marked);
        full.segments.as_mut().unwrap().mark(1, filled);
        assert_eq!((standing(&full, &at(0)), standing(&full, &at(1))), (SegmentState::Full, SegmentState::Full));
    }
}
