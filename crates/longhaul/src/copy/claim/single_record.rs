//! The one save of a small object, and what becomes of it when others saved meanwhile.

use crate::{
    copy::{
        attempt::{Backends, Copied, Known, Leg, NotCopied, Recorded, pin_source},
        claim::{
            collision::refuse_collision,
            held_record::{HeldRecord, close, save},
            lease::yield_to_others,
            uploads::{drop_generation, drop_upload},
        },
    },
    ledger::{Ledger, LedgerError, Reason, Record, State},
    limits::Clock,
    object::ObjectInfo,
    store::{ErrorKind, Source, Written},
};

/// The one save of a small object. A record that changed since it was last known is somebody else's work on the same
/// object, which may have been slower or faster than this: source and destination are looked at again before anything is
/// said to be done.
pub(crate) async fn record_small<B: Backends>(
    leg: &Leg<'_, B>,
    info: &ObjectInfo,
    written: &Written,
    finished: &Copied,
) -> Result<(), NotCopied> {
    const TRIES: u32 = 5;
    let now = leg.engine.patience.clock.now();
    let mut token = match leg.recorded() {
        Recorded::Under(token) => Some(token),
        Recorded::Unknown | Recorded::Nothing => None,
    };
    for _ in 0..TRIES {
        let mut record = Record::begin(leg.record_key(), leg.source_now(info.pin()), now);
        record.sequencer.clone_from(&leg.job.sequencer);
        let mut entry = HeldRecord { record, token: token.take(), found: true, segment: None };
        match close(leg, &mut entry, written, finished).await {
            Err(NotCopied::Busy(_)) => {}
            ended => return ended,
        }
        let Some((record, current)) = leg.engine.ledger.load(&leg.record_key()).await? else { continue };
        refuse_collision(leg, &record)?;
        let mut there = HeldRecord { record, token: Some(current), found: true, segment: None };
        if there.record.state.is_open() {
            yield_to_others(leg, &there.record)?;
        }
        // Before anything of theirs is dropped: it may be the newer copy.
        let still = reconcile(leg, info, written).await;
        if matches!(still, Ok(()) | Err(NotCopied::Gone)) {
            replace(leg, &mut there).await?;
        }
        match still {
            Ok(()) => token = there.token,
            // The source was deleted meanwhile. What stands at the destination is recorded all the same, so that whoever
            // repeats deletions knows that it is a copy.
            Err(NotCopied::Gone) => {
                let record = Record::begin(leg.record_key(), leg.source_now(info.pin()), now);
                let mut entry = HeldRecord { record, token: there.token, found: true, segment: None };
                close(leg, &mut entry, written, finished).await?;
                return Err(NotCopied::Gone);
            }
            Err(ended) => return Err(ended),
        }
    }
    let message = "the record of a small object was changed by others again and again".to_owned();
    Err(NotCopied::Ledger(LedgerError { message, retryable: true, source: None }))
}

/// Drops what another copy of the same object has begun, so that this one can be recorded in its place.
pub(crate) async fn replace<B: Backends>(leg: &Leg<'_, B>, there: &mut HeldRecord) -> Result<(), NotCopied> {
    if !there.record.state.is_open() {
        return drop_upload(leg, there).await;
    }
    drop_generation(leg, there).await?;
    there.record.state = State::Superseded;
    save(leg, there).await
}

/// Whether what was copied is still the source, and still what the destination has. If not, the copy begins again.
pub(crate) async fn reconcile<B: Backends>(
    leg: &Leg<'_, B>,
    info: &ObjectInfo,
    written: &Written,
) -> Result<(), NotCopied> {
    let again = |words: &str| NotCopied::Restart(Reason::new("copied-by-others", words));
    leg.now_recorded(Recorded::Unknown);
    let source = pin_source(leg).await?;
    let key = &leg.job.destination_key;
    let head = leg.call(leg.at_destination("HeadObject"), || leg.engine.destination.head_object(key)).await;
    let there = match head {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            leg.now_known(Known::Absent);
            return Err(again("the copy was deleted by others before it was recorded"));
        }
        Err(error) => return Err(error.into()),
    };
    let stands = written.etag.as_ref().is_none_or(|etag| *etag == there.etag);
    leg.now_known(Known::Is(there.etag));
    match source.pin().same_write(&info.pin()) && stands {
        true => Ok(()),
        false => Err(again("another copy of the same object was under way")),
    }
}
