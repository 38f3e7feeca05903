//! One segment of a giant: fill it, mark it, and complete the object if it was the last.
//!
//! A segment's message never creates or revives an upload. Every crash leaves somebody who goes on: a segment's message is
//! acknowledged only when its segment is marked, and whoever finds all segments marked completes, whether its own mark
//! changed anything or not. An upload that is of no more use is ended by one conditional save; the segment that made it is
//! responsible for the message that begins the object again.

use std::sync::atomic::Ordering;

use crate::{
    copy::{
        attempt::{Backends, Copied, CopyJob, Engine, Leg, NotCopied, ObjectReport, begins_again, marked, superseded},
        claim::{Change, HeldRecord, abort, amend, load},
        segment::{
            fill::fill,
            finish::{end_upload, finish},
            leave::park,
        },
    },
    ledger::{LedgerError, NO_ROUTE, Reason, SegmentRef, SegmentState, UPLOAD_VANISHED, standing},
    limits::Clock,
    planted::{self, Defect},
    store::{Source, Upload},
};

/// Whether a message was delivered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It was not: it is new, or somebody has sent it again.
    First,
    /// It was.
    Again,
}

/// Fills one segment. The report's outcome is *continues* when others are still to be filled, and *copied* when this one was
/// the last.
pub async fn copy_segment<B: Backends>(
    engine: &Engine<B>,
    job: &CopyJob,
    at: &SegmentRef,
    delivered: Delivered,
) -> ObjectReport {
    let leg = Leg::new(engine, job);
    leg.reported(run_segment(&leg, at, delivered)).await
}

/// Notes that the messages of all open segments were sent, so that others need not send them again.
pub async fn note_sent<B: Backends>(engine: &Engine<B>, job: &CopyJob, at: &SegmentRef) -> Result<(), LedgerError> {
    let leg = Leg::new(engine, job);
    let now = engine.patience.clock.now();
    let Some(mut entry) = load(&leg, at).await? else { return Ok(()) };
    let noted = amend(&leg, &mut entry, at, |record| {
        let full = record.has_full_segments();
        let Some(segments) = record.segments.as_mut().filter(|_| !full) else { return Change::Nothing };
        segments.sent = Some(now);
        Change::Save
    });
    match noted.await {
        Err(NotCopied::Ledger(error)) => Err(error),
        // Whoever ended the upload meanwhile needs no note.
        _ => Ok(()),
    }
}

/// Records that the object is parked, since the queue gives up on the message of this segment.
pub(crate) async fn give_up<B: Backends>(
    engine: &Engine<B>,
    job: &CopyJob,
    at: &SegmentRef,
    reason: &Reason,
) -> Result<(), LedgerError> {
    let leg = Leg::new(engine, job);
    let Some(mut entry) = load(&leg, at).await? else { return Ok(()) };
    match park(&leg, &mut entry, at, reason).await {
        Err(NotCopied::Ledger(error)) => Err(error),
        _ => Ok(()),
    }
}

async fn run_segment<B: Backends>(
    leg: &Leg<'_, B>,
    at: &SegmentRef,
    delivered: Delivered,
) -> Result<Copied, NotCopied> {
    if leg.engine.patience.stop.is_cancelled() || !leg.engine.has_time_for_a_body() {
        return Err(NotCopied::Interrupted);
    }
    let Some(mut entry) = load(leg, at).await? else { return Err(superseded()) };
    let ended = match standing(&entry.record, at) {
        SegmentState::Superseded => Err(superseded()),
        // A message that is late meets the record of the source that has the place now; only one of this very upload is forged.
        _ if !is_of_recorded_source(leg, &entry) => Err(another_source()),
        // The one that parked the object was parked itself, and is sent back to work.
        SegmentState::Parked(reason) if delivered == Delivered::First => Err(begins_again(reason)),
        SegmentState::Parked(reason) => Err(NotCopied::Parked(reason)),
        SegmentState::Ended => Err(begins_again(Reason::new("begins-again", "its message may not have been sent"))),
        SegmentState::Ending => {
            Err(NotCopied::Restart(Reason::new("begins-again", "another segment ended the upload")))
        }
        SegmentState::Marked => Err(marked()),
        SegmentState::Full if planted::is(Defect::LastMarkerOnly) => Err(marked()),
        SegmentState::Full => Box::pin(finish(leg, &mut entry, at)).await,
        SegmentState::Open => Box::pin(fill(leg, &mut entry, at)).await,
    };
    match ended {
        Err(NotCopied::Restart(reason)) => Box::pin(restart(leg, at, reason)).await,
        Err(NotCopied::Skipped(reason)) if leg.bytes.load(Ordering::Relaxed) > 0 => {
            abort_late_parts(leg, at).await?;
            Err(NotCopied::Skipped(reason))
        }
        ended => ended,
    }
}

/// The record's upload is filled from the record's source, and by no message that names another.
fn is_of_recorded_source<B: Backends>(leg: &Leg<'_, B>, entry: &HeldRecord) -> bool {
    let (recorded, named) = (&entry.record.source, leg.engine.source.location());
    // Not the whole place: the workers of one upload may reach its store by different addresses.
    recorded.key == leg.job.source_key && recorded.location.bucket == named.bucket
}

fn another_source() -> NotCopied {
    let words = "the upload of this segment is that of another source object than the message names";
    NotCopied::Parked(Reason::new(NO_ROUTE, words))
}

/// Parts that were in flight while others aborted their upload may have arrived behind the abort.
async fn abort_late_parts<B: Backends>(leg: &Leg<'_, B>, at: &SegmentRef) -> Result<(), NotCopied> {
    let there = load(leg, at).await?;
    let is_kept = there.is_some_and(|there| there.record.upload.is_some_and(|upload| upload.id == at.upload_id));
    if is_kept {
        return Ok(());
    }
    abort(leg, &Upload { key: leg.job.destination_key.clone(), id: at.upload_id.clone() }).await
}

/// What ends the upload; unless it vanished because others have completed it.
async fn restart<B: Backends>(leg: &Leg<'_, B>, at: &SegmentRef, mut reason: Reason) -> Result<Copied, NotCopied> {
    if reason.code == UPLOAD_VANISHED
        && let Some(mut entry) = load(leg, at).await?
        && standing(&entry.record, at) == SegmentState::Full
    {
        match finish(leg, &mut entry, at).await {
            Err(NotCopied::Restart(why)) => reason = why,
            ended => return ended,
        }
    }
    Err(end_upload(leg, at, reason).await?)
}
