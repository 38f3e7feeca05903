//! How a leg leaves the record: in the state in which the next one should find it.

use std::sync::atomic::Ordering;

use crate::{
    copy::{
        attempt::{Backends, Copied, Leg, NotCopied, proved_parts, still_gone},
        claim::{
            collision::is_of_another_source,
            held_record::{HeldRecord, save},
            lease::yield_to_others,
            uploads::drop_upload,
        },
    },
    ledger::{Ledger, Reason, Record, SegmentRef, State},
    limits::Clock,
    object::{ETag, Pin},
    store::{Effect, ErrorKind, Source, StoreError, chain},
};

/// The reason of a leg that was ended, by time or by request.
const INTERRUPTED: &str = "interrupted";

/// What is parked is the version that was listed, not the one that an older record is about: the jobsender leaves exactly
/// that version alone. Where there is an upload the record stays about it, so that its parts count when they are wanted again.
pub(crate) fn name_what_was_listed<B: Backends>(leg: &Leg<'_, B>, record: &mut Record) {
    let claimed = leg.idle_legs.load(Ordering::Relaxed) > 0;
    let listed = leg.job.etag.clone().filter(|etag| !claimed && *etag != record.source.pin.etag);
    let Some(etag) = listed else { return };
    if record.upload.is_some() || record.intent.is_some() {
        record.asked_for = Some(etag);
        return;
    }
    let modified = leg.engine.patience.clock.now();
    let pin = Pin { etag, version_id: None, size: leg.job.size, crc64nvme: None, modified };
    record.source = leg.source_now(pin);
}

/// Records what could not be done without having begun. The record of another source is left as it is.
pub(crate) async fn record_without_work<B: Backends>(
    leg: &Leg<'_, B>,
    state: State,
    reason: &Reason,
) -> Result<(), NotCopied> {
    let now = leg.engine.patience.clock.now();
    let loaded = leg.engine.ledger.load(&leg.record_key()).await?;
    let pin = Pin {
        etag: leg.job.etag.clone().unwrap_or_else(|| ETag::new("")),
        version_id: None,
        size: leg.job.size,
        crc64nvme: None,
        modified: now,
    };
    let (mut record, token) = match loaded {
        Some((record, _)) if is_of_another_source(leg, &record) => return Ok(()),
        Some((record, token)) => {
            if record.state.is_open() {
                yield_to_others(leg, &record)?;
            }
            (record, Some(token))
        }
        None => (Record::begin(leg.record_key(), leg.source_now(pin), now), None),
    };
    record.state = state;
    record.reason = Some(reason.clone());
    record.lease = None;
    name_what_was_listed(leg, &mut record);
    save(leg, &mut HeldRecord { record, token, found: true, segment: None }).await
}

/// Leaves the record in the state in which the next leg should find it.
pub(crate) async fn remember<B: Backends>(
    leg: &Leg<'_, B>,
    ended: &Result<Copied, NotCopied>,
) -> Result<(), NotCopied> {
    remember_of(leg, ended, None).await
}

/// The same, if the record is still that of this upload, where one is named.
pub(crate) async fn remember_of<B: Backends>(
    leg: &Leg<'_, B>,
    ended: &Result<Copied, NotCopied>,
    upload: Option<&SegmentRef>,
) -> Result<(), NotCopied> {
    let (state, reason) = match ended {
        Ok(_)
        | Err(
            NotCopied::Skipped(_)
            | NotCopied::Busy(_)
            | NotCopied::Ledger(_)
            | NotCopied::Large
            | NotCopied::Restart(_)
            | NotCopied::Continues(..),
        ) => return Ok(()),
        Err(NotCopied::Interrupted) => (None, Reason::new(INTERRUPTED, "stopped on request")),
        Err(NotCopied::Gone) => (Some(State::Gone), Reason::new("gone", "the source object was deleted")),
        Err(NotCopied::Parked(reason)) => (Some(State::Parked), reason.clone()),
        Err(NotCopied::Failed(error)) => {
            let state = match error.kind() {
                // Damaged bytes may be visible: an older record says nothing of the destination any more.
                ErrorKind::Corrupt if error.effect() == Effect::MayHaveHappened => Some(State::Copying),
                kind => kind.needs_help().then_some(State::Parked),
            };
            (state, Reason::new(error.kind().reason(), chain(error)))
        }
    };
    let Some((record, token)) = leg.engine.ledger.load(&leg.record_key()).await? else {
        return match (ended, state) {
            (_, Some(State::Parked)) => record_without_work(leg, State::Parked, &reason).await,
            // Not given up, and not forgotten: an open record without a lease says what stood in the way.
            (Err(NotCopied::Failed(_)), _) => record_without_work(leg, State::Copying, &reason).await,
            _ => Ok(()),
        };
    };
    let is_ours = |at: &SegmentRef| {
        record.generation == at.generation && record.upload.as_ref().is_some_and(|upload| upload.id == at.upload_id)
    };
    if is_of_another_source(leg, &record) || !upload.is_none_or(is_ours) {
        return Ok(());
    }
    let mut entry = HeldRecord { record, token: Some(token), found: true, segment: None };
    if entry.record.state.is_open() {
        yield_to_others(leg, &entry.record)?;
    }
    leave_record(leg, &mut entry, state, reason).await
}

pub(crate) async fn leave_record<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    state: Option<State>,
    reason: Reason,
) -> Result<(), NotCopied> {
    let record = &mut entry.record;
    let was_open = record.state.is_open();
    let opens_again = |state: &State| *state != State::Copying || !was_open;
    if let Some(state) = state.filter(|state| record.state.may_become(*state) && opens_again(state)) {
        record.state = state;
        name_what_was_listed(leg, record);
    } else if !record.state.is_open() {
        // A finished record of an earlier copy says nothing about this one; it stays true.
        return Ok(());
    }
    if record.state == State::Gone {
        if was_open {
            let words = "the source object was written again meanwhile";
            let returned = StoreError::new(ErrorKind::Conflict, "HeadObject", words);
            let returned = returned.at(leg.engine.source.location()).on(&leg.job.source_key);
            still_gone(leg, returned.into()).await?;
        }
        drop_upload(leg, entry).await?;
    }
    let record = &mut entry.record;
    let copied = leg.parts_copied.load(Ordering::Relaxed);
    if reason.code != INTERRUPTED && leg.idle_legs.load(Ordering::Relaxed) > 0 {
        // What failed for another reason than time says nothing of how long a part takes.
        record.idle_legs = record.idle_legs.saturating_sub(1);
    }
    if copied > 0 {
        record.parts = leg.parts_resumed.load(Ordering::Relaxed) + copied;
        record.idle_legs = 0;
    }
    record.proved = proved_parts(leg).or(record.proved.take());
    record.lease = None;
    record.reason = Some(reason);
    leg.add_costs(record);
    save(leg, entry).await
}
