//! How a leg leaves the segment that it did not fill.

use std::sync::atomic::Ordering;

use crate::{
    amend::{Change, amend},
    copy::{Ended, Leg},
    entry::Entry,
    error::chain,
    ports::{Clock, Destination, Ledger, Source},
    record::{Reason, State},
    segments::SegmentRef,
};

/// Leaves the record in the state in which the next leg should find it.
pub(crate) async fn leave<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    at: &SegmentRef,
    ended: &Ended,
) -> Result<(), Ended> {
    match ended {
        Ended::Parked(reason) => park(leg, entry, at, reason).await,
        Ended::Failed(error) if error.kind().needs_help() => {
            park(leg, entry, at, &Reason::new(error.kind().reason(), chain(error))).await
        }
        Ended::Interrupted => put_down(leg, entry, at, Idle::Counts).await,
        // What failed for another reason than time says nothing of how long a part takes.
        Ended::Failed(_) => put_down(leg, entry, at, Idle::DoesNotCount).await,
        Ended::Gone => leg.remember_of(&Err(Ended::Gone), Some(at)).await,
        Ended::Skipped(_)
        | Ended::Busy(_)
        | Ended::Ledger(_)
        | Ended::Large
        | Ended::Restart(_)
        | Ended::Continues(..) => Ok(()),
    }
}

/// Whether a leg that brought no part across counts against the segment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Idle {
    Counts,
    DoesNotCount,
}

async fn put_down<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    at: &SegmentRef,
    idle: Idle,
) -> Result<(), Ended> {
    let copied = leg.parts_copied.load(Ordering::Relaxed);
    let parts = leg.parts_resumed.load(Ordering::Relaxed) + copied;
    let sent_nothing = leg.bytes.load(Ordering::Relaxed) == 0;
    amend(leg, entry, at, |record| {
        leg.add_costs(record);
        let Some(begun) = record.begun_mut(at.segment) else {
            return Change::Nothing;
        };
        begun.lease = None;
        begun.proved = leg.proved().or(begun.proved.take());
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
pub(crate) async fn park<S: Source, D: Destination, L: Ledger, C: Clock>(
    leg: &Leg<'_, S, D, L, C>,
    entry: &mut Entry,
    at: &SegmentRef,
    reason: &Reason,
) -> Result<(), Ended> {
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
