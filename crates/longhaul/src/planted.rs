//! Defects that the simulation plants into this code, to show that it would find them.
//!
//! Without the feature `planted-defects`, which only tests/simulation asks for, there is no switch: `is` is constant and the
//! compiler drops the wrong ways.

/// One way in which the code could be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Reads name no pin, and their answers are not compared with it.
    DropIfMatch,
    /// Reads name the pin, and whatever is answered is taken for it.
    TrustAnswers,
    /// A message is acknowledged although the end of its copy is not durable.
    AckBeforeRecording,
    /// What could not be done is parked, and not tried again.
    ParkAtOnce,
    /// A part that is listed counts whatever its size.
    TrustNumbersNotSizes,
    /// An upload is completed with the parts that are believed to be there, without a look.
    NoListParts,
    /// A listing that fails is taken for one that has ended.
    IgnoreListingError,
    /// A message that the queue refuses is forgotten.
    LoseBatchEntry,
    /// What the ledger has as copied is skipped without a look at the destination.
    SkipWithoutHead,
    /// Segments that are done are counted, and not kept as a set.
    CountSegments,
    /// Only the marker of the last segment completes, and nobody who finds all of them marked.
    LastMarkerOnly,
    /// A leg sends all parts, also those that the destination holds.
    ForgetParts,
    /// A leg begins with an upload of its own.
    NewUploadEachLeg,
    /// A body is read to its end before it is sent on.
    HoldBodies,
    /// A deletion is noted, and the copy stays.
    BuryOnly,
    /// A copy is deleted without a look whether its source is absent.
    DeleteWithoutLook,
    /// A page with a next token, but without a mark that there is more, is taken for the last one.
    TokenWithoutMarkEnds,
    /// What lies between the end of one range of a listing and the beginning of the next is not looked for.
    SeamNotChecked,
    /// A message is not held to the routes.
    AnyRoute,
    /// What the own ledger does not know as copied is sent without a look at the destination.
    OnlyOwnLedger,
}

impl Defect {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::DropIfMatch,
        Self::TrustAnswers,
        Self::AckBeforeRecording,
        Self::ParkAtOnce,
        Self::TrustNumbersNotSizes,
        Self::NoListParts,
        Self::IgnoreListingError,
        Self::LoseBatchEntry,
        Self::SkipWithoutHead,
        Self::CountSegments,
        Self::LastMarkerOnly,
        Self::ForgetParts,
        Self::NewUploadEachLeg,
        Self::HoldBodies,
        Self::BuryOnly,
        Self::DeleteWithoutLook,
        Self::TokenWithoutMarkEnds,
        Self::SeamNotChecked,
        Self::AnyRoute,
        Self::OnlyOwnLedger,
    ];
}

#[cfg(feature = "planted-defects")]
std::thread_local! {
    static PLANTED: std::cell::Cell<Option<Defect>> = const { std::cell::Cell::new(None) };
}

/// From now on this thread's code has that defect, and no other.
#[cfg(feature = "planted-defects")]
pub fn plant(defect: Option<Defect>) {
    PLANTED.set(defect);
}

/// Whether the code is to be wrong in this way.
#[cfg(feature = "planted-defects")]
pub(crate) fn is(defect: Defect) -> bool {
    PLANTED.get() == Some(defect)
}

/// Whether the code is to be wrong in this way: never.
#[cfg(not(feature = "planted-defects"))]
pub(crate) const fn is(_defect: Defect) -> bool {
    false
}
