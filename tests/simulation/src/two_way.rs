//! A second stack in the other direction, with a ledger of its own: both come to rest.

use longhaul::worker::DeletePolicy;

use crate::{
    scenario::{Deed, Make, Scenario},
    stage::Stage,
};

/// An object that a user wrote is copied, copied back at most once so that both sides' checksums can be compared, and looked at.
const MOST_HOPS: u64 = 3;

/// The seed with a second stack: both buckets are of one store, and all that users do is told.
pub fn of(scenario: Scenario, random: &mut fastrand::Rng) -> Scenario {
    let marked = random.u8(..4) == 0;
    let source = if marked { Make::Old } else { scenario.source };
    let actions = scenario.actions.iter().map(|action| crate::scenario::Action { deed: told(action.deed), ..*action });
    Scenario {
        source,
        destination: source,
        destination_versions: scenario.source_versions,
        deletes: DeletePolicy::Ignore,
        second_stack: true,
        marked,
        actions: actions.collect(),
        ..scenario
    }
}

/// A deletion on one side is a difference that stays: the other side has the object still.
fn told(deed: Deed) -> Deed {
    match deed {
        Deed::DeleteSource { key } => Deed::Touch { key },
        Deed::DeleteDestination { key } => Deed::OverwriteDestination { key, more: 1 },
        Deed::CollidingJob { .. } => Deed::Scan,
        deed => deed,
    }
}

/// Nobody writes any more: what is copied to and fro has an end. `before` is how often copies had been told of then, and `open`
/// how much was still to be heard of.
pub fn comes_to_rest(stage: &Stage, before: u64, open: u64) -> Result<(), String> {
    let copies = stage.copies_told().saturating_sub(before);
    // Both sides of each object may be under way, and each may meet an edit of the other.
    let most = MOST_HOPS * (2 * open + 4 * stage.scenario.keys as u64);
    if copies <= most {
        return Ok(());
    }
    Err(format!("comes to rest: {copies} copies were made since nobody writes any more, and {open} messages were left"))
}

/// When both stacks are quiet, both sides are the same.
pub fn at_rest(there: &Stage, back: &Stage) -> Result<(), String> {
    for key in 0..there.scenario.keys {
        let (name, place, token) = (Stage::source_key(key), Stage::destination_key(key), Stage::token(key));
        let (one, other) = (there.source.bytes(&name), there.destination.bytes(&place));
        let is_parked = |stage: &Stage| stage.parked().iter().any(|parked| parked.body.contains(&token));
        if one == other || is_parked(there) || is_parked(back) {
            continue;
        }
        let sizes = [one, other].map(|bytes| bytes.map(|bytes| bytes.len()));
        return Err(format!("never lost: at rest, and {name} and {place} differ: {sizes:?} bytes"));
    }
    Ok(())
}
