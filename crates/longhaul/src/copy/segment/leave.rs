//! How a leg leaves the segment that it did not fill.

use std::sync::atomic::Ordering;

use crate::{
    copy::{
        attempt::{Backends, Leg, NotCopied, proved_parts},
        claim::{Change, HeldRecord, amend, remember_of},
    },
    ledger::{Reason, SegmentRef, State},
    store::chain,
};

/// Leaves the record in the state in which the next leg should find it.
pub(crate) async fn leave<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    at: &SegmentRef,
    ended: &NotCopied,
) -> Result<(), NotCopied> {
    match ended {
        NotCopied::Parked(reason) => park(leg, entry, at, reason).await,
        NotCopied::Failed(error) if error.kind().needs_help() => {
            park(leg, entry, at, &Reason::new(error.kind().reason(), chain(error))).await
        }
        NotCopied::Interrupted => put_down(leg, entry, at, Idle::Counts).await,
        // What failed for another reason than time says nothing of how long a part takes.
        NotCopied::Failed(_) => put_down(leg, entry, at, Idle::DoesNotCount).await,
        NotCopied::Gone => remember_of(leg, &Err(NotCopied::Gone), Some(at)).await,
        NotCopied::Skipped(_)
        | NotCopied::Busy(_)
        | NotCopied::Ledger(_)
        | NotCopied::Large
        | NotCopied::Restart(_)
        | NotCopied::Continues(..) => Ok(()),
    }
}

/// Whether a leg that brought no part across counts against the segment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Idle {
    Counts,
    DoesNotCount,
}

async fn put_down<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    at: &SegmentRef,
    idle: Idle,
) -> Result<(), NotCopied> {
    let copied = leg.parts_copied.load(Ordering::Relaxed);
    let parts = leg.parts_resumed.load(Ordering::Relaxed) + copied;
    let sent_nothing = leg.bytes.load(Ordering::Relaxed) == 0;
    amend(leg, entry, at, |record| {
        leg.add_costs(record);
        let Some(begun) = record.begun_mut(at.segment) else { return Change::Nothing };
        begun.lease = None;
        begun.proved = proved_parts(leg).or(begun.proved.take());
        if copied > 0 {
            (begun.parts, begun.idle_legs) = (parts, 0);
        } else if idle == Idle::DoesNotCount {
            begun.idle_legs = begun.idle_legs.saturating_sub(1);
        }
        let untouched =
            leg.first_of_segment.load(Ordering::Relaxed) && copied == 0 && sent_nothing && begun.idle_legs == 0;
        if let Some(segments) = record.segments.as_mut().filter(|_| untouched) {
            // After an outage there would be an entry for every segment, and a row has its bounds.
            segments.forget(at.segment);
        }
        Change::Save
    })
    .await
}

/// Parks the object. The other segments are of no more use until somebody sends it back to work.
pub(crate) async fn park<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    at: &SegmentRef,
    reason: &Reason,
) -> Result<(), NotCopied> {
    amend(leg, entry, at, |record| {
        record.state = State::Parked;
        record.reason = Some(reason.clone());
        record.lease = None;
        leg.add_costs(record);
        if let Some(segments) = record.segments.as_mut() {
            segments.responsible = Some(at.segment);
        }
        Change::Save
    })
    .await
}
