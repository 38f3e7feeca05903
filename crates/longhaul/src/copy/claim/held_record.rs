//! A record in the hands of this leg: saved and closed.

use crate::{
    copy::attempt::{Backends, Copied, Leg, NotCopied},
    ledger::{DestinationIdentity, Lease, Ledger, LedgerError, Record, Saved, SegmentRef, State, Token},
    limits::Clock,
    planted::{self, Defect},
    store::Written,
};

/// A record and the token of its last save.
pub(crate) struct HeldRecord {
    pub record: Record,
    pub token: Option<Token>,
    /// Whether a record of this pin was found, so that unfinished uploads without one are not ours to adopt.
    pub found: bool,
    /// The segment in hand, where it is not the whole object: others change the same record at the same time.
    pub segment: Option<SegmentRef>,
}

/// Whether nobody has saved the record since this leg loaded or saved it.
pub(crate) async fn still_as_saved<B: Backends>(leg: &Leg<'_, B>, entry: &HeldRecord) -> Result<(), NotCopied> {
    let there = leg.engine.ledger.load(&leg.record_key()).await?;
    if there.as_ref().map(|there| &there.1) == entry.token.as_ref() {
        return Ok(());
    }
    Err(taken_over(there.map(|there| there.0)))
}

/// Saves the record if it is still ours.
pub(crate) async fn save<B: Backends>(leg: &Leg<'_, B>, entry: &mut HeldRecord) -> Result<(), NotCopied> {
    let Saved::Refused(there) = try_save(leg, entry).await? else { return Ok(()) };
    Err(taken_over(there.map(|there| there.0)))
}

/// Saves the record, or says what stands there instead.
pub(crate) async fn try_save<B: Backends>(leg: &Leg<'_, B>, entry: &mut HeldRecord) -> Result<Saved, NotCopied> {
    entry.record.updated = leg.engine.patience.clock.now();
    let token = leg.engine.patience.token();
    match leg.engine.ledger.save(&entry.record, entry.token.as_ref(), &token).await? {
        Saved::Refused(there) if there.as_ref().is_none_or(|there| there.1 != token) => {
            return Ok(Saved::Refused(there));
        }
        // A refusal that shows my own token is my earlier success.
        Saved::Stored | Saved::Refused(_) => {}
    }
    entry.token = Some(token);
    Ok(Saved::Stored)
}

/// Closes the record of a finished copy.
pub(crate) async fn close<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    written: &Written,
    finished: &Copied,
) -> Result<(), NotCopied> {
    let record = &mut entry.record;
    record.state = State::Done;
    record.destination =
        Some(DestinationIdentity { etag: written.etag.clone(), version_id: written.version_id.clone() });
    record.proof = Some(finished.proof);
    (record.upload, record.intent, record.expected, record.lease, record.reason) = (None, None, None, None, None);
    (record.segments, record.proved) = (None, None);
    leg.add_costs(record);
    let saved = save(leg, entry).await;
    if planted::is(Defect::AckBeforeRecording) {
        return Ok(());
    }
    saved
}

/// Somebody else is at work on the record.
fn taken_over(there: Option<Record>) -> NotCopied {
    let unknown = || Lease { owner: "unknown".into(), until: None };
    NotCopied::Busy(there.and_then(|there| there.lease).unwrap_or_else(unknown))
}

pub(crate) async fn load<B: Backends>(leg: &Leg<'_, B>, at: &SegmentRef) -> Result<Option<HeldRecord>, LedgerError> {
    let loaded = leg.engine.ledger.load(&leg.record_key()).await?;
    Ok(loaded.map(|(record, token)| HeldRecord { record, token: Some(token), found: true, segment: Some(at.clone()) }))
}
