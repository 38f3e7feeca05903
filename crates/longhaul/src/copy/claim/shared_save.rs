//! Saves of a record that many change at the same time: the segments of a giant share it.

use std::time::Duration;

use crate::{
    copy::{
        attempt::{Backends, Leg, NotCopied, superseded},
        claim::held_record::{HeldRecord, try_save},
    },
    ledger::{Lease, Ledger, LedgerError, Record, Saved, SegmentRef, SegmentState, answers, standing},
    limits::{Clock, RetryPolicy},
};

/// How often a save that others overtook is tried again.
pub(crate) const TRIES: u32 = 20;

/// How those who meet at one record are spread: a save takes some milliseconds.
const MEETING: RetryPolicy =
    RetryPolicy { max_retries: TRIES, base: Duration::from_millis(10), cap: Duration::from_millis(500) };

/// What is to become of a record.
pub(crate) enum Change {
    /// It is as it should be.
    Nothing,
    /// It is to be saved.
    Save,
    /// Somebody else is at work.
    Busy(Lease),
}

/// Changes the record of an upload that others change at the same time: as often as they overtake, what they saved is taken
/// and changed anew. An upload that is no longer the one that is filled is *superseded*.
pub(crate) async fn amend<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    at: &SegmentRef,
    mut change: impl FnMut(&mut Record) -> Change,
) -> Result<(), NotCopied> {
    for failures in 0..TRIES {
        match standing(&entry.record, at) {
            SegmentState::Open | SegmentState::Marked | SegmentState::Full => {}
            // Another delivery of the same message is ending the upload: this one may not end the message.
            SegmentState::Ending | SegmentState::Ended | SegmentState::Parked(_) if answers(&entry.record, at) => {
                let unknown = || Lease { owner: "another delivery".into(), until: None };
                return Err(NotCopied::Busy(entry.record.lease.clone().unwrap_or_else(unknown)));
            }
            SegmentState::Ending | SegmentState::Ended | SegmentState::Parked(_) | SegmentState::Superseded => {
                return Err(superseded());
            }
        }
        match change(&mut entry.record) {
            Change::Nothing => return Ok(()),
            Change::Busy(lease) => return Err(NotCopied::Busy(lease)),
            Change::Save => {}
        }
        if !overtaken(leg, entry, failures).await? {
            return Ok(());
        }
    }
    Err(again_and_again())
}

/// Saves, or takes what others saved meanwhile. Those who meet again and again are spread by a pause, behind which the record is
/// read anew: what a refusal showed before a pause is most likely out of date behind it.
pub(crate) async fn overtaken<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    failures: u32,
) -> Result<bool, NotCopied> {
    let Saved::Refused(there) = try_save(leg, entry).await? else { return Ok(false) };
    let (record, token) = match there.filter(|_| failures == 0) {
        Some(there) => *there,
        None => {
            let patience = &leg.engine.patience;
            patience.clock.sleep(MEETING.delay(failures, None, patience.random())).await;
            leg.engine.ledger.load(&leg.record_key()).await?.ok_or_else(superseded)?
        }
    };
    (entry.record, entry.token) = (record, Some(token));
    Ok(true)
}

/// Nobody else gave way.
pub(crate) fn again_and_again() -> NotCopied {
    let message = "the record of a giant was changed by others again and again".to_owned();
    NotCopied::Ledger(LedgerError { message, retryable: true, source: None })
}
