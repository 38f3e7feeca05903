//! The record of the object is claimed, with a lease, before any work.

use crate::{
    copy::{
        attempt::{Backends, Leg, NotCopied, pin_source},
        claim::{
            already_there::skip_if_already_there,
            collision::{is_of_this_source, refuse_collision},
            held_record::HeldRecord,
            lease::{begin_leg, yield_to_others},
            skip::skip_if_done,
            uploads::drop_generation,
        },
    },
    ledger::{Lease, Ledger, Reason, Record, SOURCE_CHANGES, Segments, State},
    limits::Clock,
    object::{ObjectInfo, Pin, Timestamp},
};

/// So many changes of the source in a row, each before its copy was complete, and the copy is parked where legs are counted.
const MAX_RESTARTS: u32 = 20;

/// Takes the record for this pin, with a lease. What another pin or source left open is dropped first.
pub(crate) async fn claim<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo) -> Result<HeldRecord, NotCopied> {
    let now = leg.engine.patience.clock.now();
    let loaded = leg.engine.ledger.load(&leg.record_key()).await?;
    if leg.engine.patience.stop.is_cancelled() || !leg.engine.has_time_for_a_body() {
        // A record that is opened now would be left open, and its message may be long done by others.
        return Err(NotCopied::Interrupted);
    }
    let mut entry = match loaded {
        Some((record, token)) => {
            let there = HeldRecord { record, token: Some(token), found: true, segment: None };
            take_up(leg, info, there, now).await?
        }
        None => {
            skip_if_already_there(leg, info, None).await?;
            let record = Record::begin(leg.record_key(), leg.source_now(info.pin()), now);
            HeldRecord { record, token: None, found: false, segment: None }
        }
    };
    begin_leg(leg, &mut entry).await?;
    Ok(entry)
}

/// The record that is there, as this leg goes on with it, unless it says that there is nothing to do or that others are at it.
async fn take_up<B: Backends>(
    leg: &Leg<'_, B>,
    info: &ObjectInfo,
    mut entry: HeldRecord,
    now: Timestamp,
) -> Result<HeldRecord, NotCopied> {
    yield_to_others(leg, &entry.record)?;
    refuse_collision(leg, &entry.record)?;
    let pin = &info.pin();
    let is_ours = is_of_this_source(leg, &entry.record);
    let same = is_ours && entry.record.source.pin.same_write(pin);
    let touched = is_ours && entry.record.source.pin.is_touched(pin);
    if is_ours {
        refuse_an_older_pin(leg, &entry.record, pin).await?;
    }
    if entry.record.state == State::Done {
        skip_if_done(leg, &entry.record, same).await?;
    }
    if same && let Some(until) = entry.record.carried_until(now, |lease| leg.engine.ledger.is_held(lease, now)) {
        // Not acknowledged: one of their messages may be parked, and then nobody but this one would carry it on.
        return Err(NotCopied::Busy(Lease { owner: "its segments".into(), until: Some(until) }));
    }
    skip_if_already_there(leg, info, Some(&entry)).await?;
    let goes_on = same || touched;
    if !(goes_on && entry.record.state != State::Restarting) {
        drop_generation(leg, &mut entry).await?;
    }
    let fresh = matches!(entry.record.state, State::Done | State::Restarting) || !goes_on;
    let mut next = Record::begin(leg.record_key(), leg.source_now(pin.clone()), now);
    next.generation = entry.record.generation + u32::from(fresh);
    next.restarts = if entry.record.state.is_open() { entry.record.restarts + u32::from(fresh) } else { 0 };
    let cause = entry.record.reason.as_ref().filter(|_| entry.record.state == State::Restarting);
    park_if_restless(leg, &next, cause)?;
    if !fresh {
        keep_what_was_done(&mut next, entry.record);
        if touched {
            next.doubt_parts();
        }
    }
    Ok(HeldRecord { record: next, ..entry })
}

/// What earlier legs of the same generation did and found.
fn keep_what_was_done(next: &mut Record, old: Record) {
    if old.state.is_open() {
        // What was parked and sent again begins to count anew.
        (next.attempts, next.idle_legs) = (old.attempts, old.idle_legs);
    }
    if old.state == State::Completing {
        next.state = State::Completing;
    }
    (next.upload, next.segments) = (old.upload, old.segments.map(Segments::taken_up_again));
    (next.intent, next.expected, next.parts, next.proved) = (old.intent, old.expected, old.parts, old.proved);
    (next.bytes, next.requests, next.started) = (old.bytes, old.requests, old.started);
}

/// Between the pin and the claim others may have copied, or have begun to copy, something newer, or have found the source
/// deleted, whose old versions can still be read: then this pin is of no more use. An older version can also be the current
/// one again, so the source is asked.
pub(crate) async fn refuse_an_older_pin<B: Backends>(
    leg: &Leg<'_, B>,
    record: &Record,
    pin: &Pin,
) -> Result<(), NotCopied> {
    let may_be_older = record.state == State::Gone || record.source.pin.modified > pin.modified;
    if !may_be_older || pin_source(leg).await?.pin().same_write(pin) {
        return Ok(());
    }
    Err(NotCopied::Restart(Reason::new(SOURCE_CHANGES, "the source changed before its copy began")))
}

/// A source that changes faster than it can be copied is not copied for ever; nor is one whose uploads are lost again and
/// again, which costs all of its bytes each time.
pub(crate) fn park_if_restless<B: Backends>(
    leg: &Leg<'_, B>,
    next: &Record,
    cause: Option<&Reason>,
) -> Result<(), NotCopied> {
    let lost = cause.filter(|cause| cause.code != SOURCE_CHANGES);
    let most = if lost.is_some() { leg.engine.settings.max_restarts } else { MAX_RESTARTS };
    if leg.engine.settings.max_idle_legs.is_none() || next.restarts <= most {
        return Ok(());
    }
    let times = next.restarts;
    Err(NotCopied::Parked(match lost {
        Some(cause) => Reason::new(&cause.code, format!("{} ({times} times in a row)", cause.message)),
        None => {
            let words = format!("the source changed before its copy was complete, {times} times in a row");
            Reason::new(SOURCE_CHANGES, words)
        }
    }))
}
