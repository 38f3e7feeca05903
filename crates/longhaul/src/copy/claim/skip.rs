//! Nothing to do: it is copied already, and both sides agree.

use crate::{
    copy::{
        attempt::{Backends, Known, Leg, NotCopied, Recorded, pin_source},
        claim::{
            already_there::skip_if_only_touched,
            collision::{is_of_this_source, refuse_collision},
        },
    },
    ledger::{Ledger, Reason, Record, State},
    object::Pin,
    planted::{self, Defect},
    route::Decision,
    store::{ErrorKind, Source},
};

/// Skips what the ledger has as copied, as far as the destination confirms it.
pub(crate) async fn skip_if_pin_is_recorded<B: Backends>(leg: &Leg<'_, B>, pin: &Pin) -> Result<(), NotCopied> {
    let Some((record, _)) = leg.engine.ledger.load(&leg.record_key()).await? else { return Ok(()) };
    let same = is_of_this_source(leg, &record) && record.source.pin.same_write(pin);
    if record.state == State::Done { skip_if_done(leg, &record, same).await } else { Ok(()) }
}

/// A finished record saves the copy only if the source is the recorded one and the destination still confirms.
pub(crate) async fn skip_if_done<B: Backends>(leg: &Leg<'_, B>, record: &Record, same: bool) -> Result<(), NotCopied> {
    let recorded = record.destination.as_ref().and_then(|there| there.etag.as_ref());
    // Checksums that were just found to differ are stronger than what the ledger remembers.
    let trusted = leg.engine.settings.trust_ledger && leg.job.decision != Decision::AskChecksums;
    let (true, true, Some(recorded)) = (same, trusted, recorded) else { return Ok(()) };
    let key = &leg.job.destination_key;
    if planted::is(Defect::SkipWithoutHead) {
        return Err(NotCopied::Skipped(Reason::new("recorded", "the ledger says so")));
    }
    let head = leg.call(leg.at_destination("HeadObject"), || leg.engine.destination.head_object(key)).await;
    match head {
        Ok(there) if there.etag.is_same_state(recorded) && there.size == record.source.pin.size => {
            Err(NotCopied::Skipped(Reason::new(
                "recorded",
                "the ledger has this very version as copied, and the destination confirms it",
            )))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A message that tells of nothing newer than what the ledger has as copied is a duplicate, if both sides confirm it.
pub(crate) async fn skip_if_recorded<B: Backends>(leg: &Leg<'_, B>, record: &Record) -> Result<(), NotCopied> {
    let pin = &record.source.pin;
    let tells_of_another = leg.job.etag.as_ref().is_some_and(|etag| *etag != pin.etag);
    if tells_of_another || record.state != State::Done || !is_of_this_source(leg, record) {
        return Ok(());
    }
    let info = pin_source(leg).await?;
    let now = info.pin();
    if now.etag == pin.etag && !now.same_write(pin) {
        skip_if_only_touched(leg, &info).await?;
    }
    skip_if_done(leg, record, now.same_write(pin)).await
}

/// Loads the record before anything is read, so that whatever it is found to be later is somebody else's work.
pub(crate) async fn look_up_record<B: Backends>(leg: &Leg<'_, B>) -> Result<(), NotCopied> {
    if leg.recorded() != Recorded::Unknown {
        return Ok(());
    }
    let loaded = leg.engine.ledger.load(&leg.record_key()).await?;
    let there = loaded.as_ref().and_then(|(record, _)| record.destination.as_ref()?.etag.clone());
    let nobody_looked = leg.known() == Known::Unknown;
    if nobody_looked {
        // Whatever stands there without a record is found by the refusal of this condition.
        leg.now_known(there.map_or(Known::Absent, Known::Is));
    }
    let Some((record, token)) = loaded else {
        leg.now_recorded(Recorded::Nothing);
        return Ok(());
    };
    // What has an upload is not simply replaced: it would be forgotten. The save will be refused, and take it over.
    leg.now_recorded(if record.is_replaceable() { Recorded::Under(token) } else { Recorded::Nothing });
    refuse_collision(leg, &record)?;
    if nobody_looked { skip_if_recorded(leg, &record).await } else { Ok(()) }
}
