//! The steps that a record may take. Written down here a second time, and not asked of the product.

use longhaul::ledger::{Record, State};

/// From `None` for no record. What is not here must not happen.
pub const PERMITTED: [(Option<State>, State); 38] = {
    use State::{Completing, Copying, Done, Gone, Parked, Restarting, Superseded};
    [
        (None, Copying),
        // A small object is one request, and one save behind it.
        (None, Done),
        (None, Parked),
        (None, Gone),
        (Some(Copying), Copying),
        (Some(Copying), Completing),
        // A small object whose earlier tries are noted, and that has no upload.
        (Some(Copying), Done),
        (Some(Copying), Restarting),
        (Some(Copying), Parked),
        (Some(Copying), Gone),
        (Some(Copying), Superseded),
        (Some(Completing), Completing),
        (Some(Completing), Done),
        (Some(Completing), Restarting),
        (Some(Completing), Parked),
        (Some(Completing), Gone),
        (Some(Completing), Superseded),
        (Some(Restarting), Restarting),
        (Some(Restarting), Copying),
        (Some(Restarting), Parked),
        (Some(Restarting), Gone),
        (Some(Restarting), Superseded),
        (Some(Done), Copying),
        (Some(Done), Done),
        (Some(Done), Parked),
        (Some(Done), Gone),
        (Some(Parked), Copying),
        (Some(Parked), Done),
        (Some(Parked), Parked),
        (Some(Parked), Gone),
        (Some(Gone), Copying),
        (Some(Gone), Done),
        (Some(Gone), Parked),
        (Some(Gone), Gone),
        (Some(Superseded), Copying),
        (Some(Superseded), Done),
        (Some(Superseded), Parked),
        (Some(Superseded), Gone),
    ]
};

/// What must hold of a record that was saved over another.
pub fn check(before: Option<&Record>, record: &Record) -> Result<(), String> {
    let key = &record.key.key;
    let from = before.map(|before| before.state);
    if !PERMITTED.contains(&(from, record.state)) {
        return Err(format!("transitions: {key} went from {from:?} to {:?}", record.state));
    }
    if let Some(before) = before {
        generations(before, record)?;
        segments(before, record)?;
    }
    let proved = record.proof.is_some()
        && record.destination.as_ref().is_some_and(|there| there.etag.is_some())
        && record.upload.is_none();
    if record.state == State::Done && !proved {
        return Err(format!("never silent: the record of {key} is done without proof or identity: {record:?}"));
    }
    if record.state == State::Completing && record.segments.is_some() && !record.has_full_segments() {
        return Err(format!("never lost: {key} is to be completed before all segments are done: {record:?}"));
    }
    if record.state == State::Parked && record.reason.is_none() {
        return Err(format!("the record of {key} is parked without a reason"));
    }
    Ok(())
}

/// An upload belongs to one generation, and a restart is the next one.
fn generations(before: &Record, record: &Record) -> Result<(), String> {
    let key = &record.key.key;
    if (before.state, record.state) == (State::Restarting, State::Copying) && record.generation != before.generation + 1
    {
        return Err(format!("transitions: {key} restarts from {} to {}", before.generation, record.generation));
    }
    let another = match (&before.upload, &record.upload) {
        (Some(before), Some(now)) => before.id != now.id,
        _ => false,
    };
    if another && record.generation <= before.generation {
        return Err(format!("transitions: {key} has another upload in generation {}", record.generation));
    }
    Ok(())
}

/// What is marked stays marked, as long as the upload is the same.
fn segments(before: &Record, record: &Record) -> Result<(), String> {
    let same = before.upload.is_some() && before.upload == record.upload;
    let (Some(old), Some(new)) = (&before.segments, &record.segments) else { return Ok(()) };
    let lost = old.done().iter().flat_map(|run| run.first..=run.last).find(|segment| !new.is_done(*segment));
    match lost.filter(|_| same) {
        Some(segment) => Err(format!("never lost: {} forgets that segment {segment} is done", record.key.key)),
        None => Ok(()),
    }
}
