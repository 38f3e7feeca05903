//! The lease of a record: begun, renewed, and left to others.

use std::sync::atomic::Ordering;

use crate::{
    copy::{
        attempt::{Backends, Leg, NotCopied},
        claim::{
            held_record::{HeldRecord, save},
            shared_save::{Change, amend},
        },
    },
    ledger::{Ledger, Reason, Record, SegmentRef},
    limits::Clock,
};

/// A lease is renewed when it has less than this left, if the new one would end later by as much.
pub(crate) const RENEW_BEFORE_MS: i64 = 5 * 60 * 1000;

/// Saves the lease and the attempt before any work, so that crash loops count.
pub(crate) async fn begin_leg<B: Backends>(leg: &Leg<'_, B>, entry: &mut HeldRecord) -> Result<(), NotCopied> {
    entry.record.attempts += 1;
    entry.record.idle_legs += 1;
    entry.record.sequencer.clone_from(&leg.job.sequencer);
    leg.idle_legs.store(entry.record.idle_legs, Ordering::Relaxed);
    if entry.record.upload.is_none() {
        park_if_idle_for(leg, entry.record.idle_legs)?;
    }
    entry.record.lease = Some(leg.engine.ledger.new_lease(leg.engine.patience.clock.now()));
    save(leg, entry).await
}

/// Compares the parts at the destination with those counted before: a leg that died may have made progress all the same.
pub(crate) async fn count_progress<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    parts: u32,
) -> Result<(), NotCopied> {
    if parts <= entry.record.parts {
        return park_if_idle_for(leg, entry.record.idle_legs);
    }
    entry.record.parts = parts;
    entry.record.idle_legs = 1;
    leg.idle_legs.store(1, Ordering::Relaxed);
    save(leg, entry).await
}

/// Renews a lease that is about to end while the leg goes on.
pub(crate) async fn renew_lease<B: Backends>(leg: &Leg<'_, B>, entry: &mut HeldRecord) -> Result<(), NotCopied> {
    if let Some(at) = entry.segment.clone() {
        return renew_segment_lease(leg, entry, &at).await;
    }
    let now = leg.engine.patience.clock.now();
    let Some(until) = entry.record.lease.as_ref().and_then(|lease| lease.until) else { return Ok(()) };
    if until.0 - now.0 > RENEW_BEFORE_MS {
        return Ok(());
    }
    let lease = leg.engine.ledger.new_lease(now);
    if lease.until.is_none_or(|next| next.0 - until.0 < RENEW_BEFORE_MS) {
        // It ends with the leg.
        return Ok(());
    }
    entry.record.lease = Some(lease);
    save(leg, entry).await
}

/// Legs that bring nothing across do not go on for ever: a part that does not fit into one never will.
pub(crate) fn park_if_idle_for<B: Backends>(leg: &Leg<'_, B>, idle_legs: u32) -> Result<(), NotCopied> {
    match leg.engine.settings.max_idle_legs {
        Some(max) if idle_legs > max => {
            let words = format!(
                "{max} legs in a row finished no part: a part may take longer than a leg has time; \
                 run `longhaul work` on a machine, with a JobTimeout in which a part fits, and redrive"
            );
            Err(NotCopied::Parked(Reason::new("needs-fleet", words)))
        }
        _ => Ok(()),
    }
}

pub(crate) fn yield_to_others<B: Backends>(leg: &Leg<'_, B>, record: &Record) -> Result<(), NotCopied> {
    let Some(lease) = record.lease.as_ref().filter(|_| record.state.is_open()) else { return Ok(()) };
    let now = leg.engine.patience.clock.now();
    let mine = leg.engine.ledger.new_lease(now);
    if lease.owner != mine.owner && leg.engine.ledger.is_held(lease, now) {
        return Err(NotCopied::Busy(lease.clone()));
    }
    Ok(())
}

/// Renews the lease of a segment that is about to end while the leg goes on.
pub(crate) async fn renew_segment_lease<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    at: &SegmentRef,
) -> Result<(), NotCopied> {
    let now = leg.engine.patience.clock.now();
    let begun = entry.record.segments.as_ref().and_then(|segments| segments.begun(at.segment));
    let Some(until) = begun.and_then(|begun| begun.lease.as_ref()?.until) else { return Ok(()) };
    let next = leg.engine.ledger.new_lease(now);
    // The second: it ends with the leg.
    if until.0 - now.0 > RENEW_BEFORE_MS || next.until.is_none_or(|next| next.0 - until.0 < RENEW_BEFORE_MS) {
        return Ok(());
    }
    amend(leg, entry, at, |record| {
        let Some(begun) = record.begun_mut(at.segment) else { return Change::Nothing };
        begun.lease = Some(next.clone());
        Change::Save
    })
    .await
}
