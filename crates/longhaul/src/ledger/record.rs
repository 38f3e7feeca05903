//! The ledger's record of one destination object, and the only transitions it may take.

use serde::{Deserialize, Serialize};

use crate::{
    ledger::{
        lease::Lease,
        proved::Proved,
        reason::Reason,
        segments::{Begun, Filled, SILENCE_MS, Segments},
    },
    object::{Crc64, ETag, Location, ObjectKey, PartPlan, Pin, Proof, Timestamp, Trusts, VersionId},
};

/// What a record is filed under: the destination object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecordKey {
    /// Destination store and bucket.
    pub location: Location,
    /// Destination key.
    pub key: ObjectKey,
}

/// Where a copy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// An upload is being filled.
    Copying,
    /// Complete was asked for; its answer may be lost.
    Completing,
    /// The upload of this generation is being dropped in favour of the next.
    Restarting,
    /// Copied and proved.
    Done,
    /// Cannot succeed without somebody's help; the reason says why.
    Parked,
    /// The source is no more.
    Gone,
    /// Another source or generation took over.
    Superseded,
}

impl State {
    /// All states, for those who count them.
    pub const ALL: [Self; 7] =
        [Self::Copying, Self::Completing, Self::Restarting, Self::Done, Self::Parked, Self::Gone, Self::Superseded];

    /// Whether work is under way or was broken off.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Copying | Self::Completing | Self::Restarting)
    }

    /// Whether a record may go from here to `next`. Saving the same state again (a lease, an attempt) is allowed while open.
    pub fn may_become(self, next: Self) -> bool {
        use State::Completing;
        use State::Copying;
        use State::Done;
        use State::Gone;
        use State::Parked;
        use State::Restarting;
        use State::Superseded;
        match (self, next) {
            (Copying, Copying | Completing | Restarting)
            | (Completing, Completing | Done | Restarting)
            | (Restarting, Restarting | Copying) => true,
            (Copying | Completing | Restarting, Parked | Gone | Superseded) => true,
            (Done | Parked | Gone | Superseded, Copying) => true,
            // A small object is one request: nothing is recorded before it is done.
            (Done | Parked | Gone | Superseded | Copying, Done) => true,
            (Done | Parked | Gone | Superseded, Parked | Gone) => true,
            _ => false,
        }
    }

    /// The word for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Copying => "copying",
            Self::Completing => "completing",
            Self::Restarting => "restarting",
            Self::Done => "done",
            Self::Parked => "parked",
            Self::Gone => "gone",
            Self::Superseded => "superseded",
        }
    }
}

/// The object that a record's copy reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSource {
    /// Source store and bucket.
    pub location: Location,
    /// Source key.
    pub key: ObjectKey,
    /// The version it is bound to.
    pub pin: Pin,
}

/// The multipart upload of a record's generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordUpload {
    /// The destination's id of it.
    pub id: String,
    /// Bytes of every part but the last, fixed for the upload's life.
    pub part_size: u64,
    /// Whether it was found without a record and its parts were taken over by content. Its headers are unknown until the
    /// object is complete.
    #[serde(default)]
    pub adopted: bool,
    /// Whether the source file's ctime moved since parts were sent. For the rest of the upload's life a part of an earlier leg
    /// counts only where the source, read again, has the same bytes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubted: bool,
}

/// What the destination should hold after Complete, saved before it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Bytes.
    pub size: u64,
    /// CRC64NVME of the whole, where known.
    pub crc64nvme: Option<Crc64>,
    /// The tag that the parts give by convention, where it can be computed.
    pub etag: Option<ETag>,
    /// What speaks for the parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusts: Option<Trusts>,
}

/// The destination object as last seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationIdentity {
    /// Its tag.
    pub etag: Option<ETag>,
    /// Its version.
    pub version_id: Option<VersionId>,
}

/// The record of one destination object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it is filed under.
    pub key: RecordKey,
    /// What is copied.
    pub source: RecordSource,
    /// Where the copy stands.
    pub state: State,
    /// Counts restarts; an upload belongs to one generation.
    pub generation: u32,
    /// When Create was about to be asked for; set before and kept with the upload.
    pub intent: Option<Timestamp>,
    /// The upload, once its id is known.
    pub upload: Option<RecordUpload>,
    /// How the upload is cut up, where many workers fill it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<Segments>,
    /// What Complete should give.
    pub expected: Option<Expected>,
    /// Who is at work.
    pub lease: Option<Lease>,
    /// Legs begun for this pin.
    pub attempts: u32,
    /// Legs begun since the last one that brought a part across. Counted before the work, so that crashes count.
    #[serde(default)]
    pub idle_legs: u32,
    /// Generations begun in a row because the source changed or the upload was lost.
    #[serde(default)]
    pub restarts: u32,
    /// Parts that the destination held when they were last counted.
    #[serde(default)]
    pub parts: u32,
    /// The destination after the copy.
    pub destination: Option<DestinationIdentity>,
    /// Parts of the upload that earlier legs have compared with what they had read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved: Option<Proved>,
    /// How the copy was proved.
    pub proof: Option<Proof>,
    /// The version that was asked for when the copy was parked, where the upload is that of another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_for: Option<ETag>,
    /// The sequencer of the event that last asked for this copy; it orders the events of one source key.
    #[serde(default)]
    pub sequencer: Option<String>,
    /// Bytes sent for this pin, repeats included.
    pub bytes: u64,
    /// Requests to both stores for this pin.
    pub requests: u64,
    /// When the first leg began.
    pub started: Timestamp,
    /// When the record was last saved.
    pub updated: Timestamp,
    /// Machine-readable reason of a parked or broken-off copy, and the words for it.
    pub reason: Option<Reason>,
}

impl Record {
    /// Whether another copy may simply be recorded in its place: nobody is at work on it, and no upload would be forgotten with
    /// it. What is parked keeps its upload.
    pub fn is_replaceable(&self) -> bool {
        !self.state.is_open() && self.upload.is_none() && self.intent.is_none()
    }

    /// What was sent may be of another state of the source file: its parts are compared before they count, and what Complete was
    /// to give of them is of no more use.
    pub(crate) fn doubt_parts(&mut self) {
        (self.expected, self.segments) = (None, None);
        if let Some(upload) = &mut self.upload {
            upload.doubted = true;
        }
    }

    /// Whether this version of its source is parked: then it is left alone until somebody helps, or it changes.
    pub fn is_parked_for(&self, etag: &ETag) -> bool {
        self.state == State::Parked && (self.source.pin.etag == *etag || self.asked_for.as_ref() == Some(etag))
    }

    /// The first record of a copy.
    pub fn begin(key: RecordKey, source: RecordSource, now: Timestamp) -> Self {
        Self {
            key,
            source,
            state: State::Copying,
            generation: 1,
            intent: None,
            upload: None,
            segments: None,
            expected: None,
            lease: None,
            attempts: 0,
            idle_legs: 0,
            restarts: 0,
            parts: 0,
            destination: None,
            proved: None,
            proof: None,
            asked_for: None,
            sequencer: None,
            bytes: 0,
            requests: 0,
            started: now,
            updated: now,
            reason: None,
        }
    }
}

impl Record {
    /// What is known of the whole object's bytes, once all of its segments are done.
    pub(crate) fn filled_by_segments(&self) -> Option<Filled> {
        let [all] = self.segments.as_ref()?.done.as_slice() else { return None };
        (all.filled.bytes == self.source.pin.size).then_some(all.filled)
    }

    /// Until when the messages of this record's segments are taken to carry it on: they were sent, and one is at work, or the record
    /// was saved a short while ago. `None`: somebody else must.
    pub fn carried_until(&self, now: Timestamp, is_held: impl Fn(&Lease) -> bool) -> Option<Timestamp> {
        let segments = self.segments.as_ref().filter(|_| self.state == State::Copying)?;
        let silent = Timestamp(self.updated.0.saturating_add(SILENCE_MS));
        if let Some(lease) = segments.leases().find(|lease| is_held(lease)) {
            return Some(lease.until.unwrap_or(silent));
        }
        (segments.sent.is_some() && silent > now && !self.has_full_segments()).then_some(silent)
    }

    pub(crate) fn begun_mut(&mut self, segment: u16) -> Option<&mut Begun> {
        self.segments.as_mut()?.begun_mut(segment)
    }

    /// How many segments are done, and of how many, where the upload is cut up.
    pub fn segments_done(&self) -> Option<(u16, u16)> {
        let plan = PartPlan::with_part_size(self.source.pin.size, self.upload.as_ref()?.part_size).ok()?;
        let segments = self.segments.as_ref()?;
        let done = segments.done.iter().map(|run| run.last - run.first + 1).sum();
        Some((done, segments.count(&plan)))
    }

    /// Whether all segments are done.
    pub fn has_full_segments(&self) -> bool {
        self.segments_done().is_some_and(|(done, all)| done == all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_record_opens_only_by_copying_again() {
        for closed in State::ALL.into_iter().filter(|state| !state.is_open()) {
            assert!(closed.may_become(State::Copying));
            assert!(!closed.may_become(State::Completing));
            assert!(!closed.may_become(State::Restarting));
        }
    }

    #[test]
    fn every_open_state_can_be_parked_and_none_skips_its_restart() {
        for open in State::ALL.into_iter().filter(|state| state.is_open()) {
            assert!(open.may_become(State::Parked));
        }
        assert!(!State::Completing.may_become(State::Copying));
        assert!(!State::Restarting.may_become(State::Completing));
        assert!(!State::Restarting.may_become(State::Done));
    }
}
