//! Whose place at the destination it is: what the ledger knows before a copy, and the one save of a small object.

use crate::{
    copy::{Ended, Finished, Known, Leg, Recorded},
    engine::Collisions,
    entry::Entry,
    error::{ErrorKind, LedgerError},
    object::ObjectInfo,
    ports::{Clock, Destination, Ledger, Source, Written},
    record::{Reason, Record, State},
};

/// The reason of a copy whose place another source has.
pub(crate) const COLLISION: &str = "collision";

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    /// Loads the record before anything is read, so that whatever it is found to be later is somebody else's work.
    pub(crate) async fn look_up_record(&self) -> Result<(), Ended> {
        if self.recorded() != Recorded::Unknown {
            return Ok(());
        }
        let loaded = self.engine.ledger.load(&self.record_key()).await?;
        let there = loaded.as_ref().and_then(|(record, _)| record.destination.as_ref()?.etag.clone());
        let nobody_looked = self.known() == Known::Unknown;
        if nobody_looked {
            // Whatever stands there without a record is found by the refusal of this condition.
            self.now_known(there.map_or(Known::Absent, Known::Is));
        }
        let Some((record, token)) = loaded else {
            self.now_recorded(Recorded::Nothing);
            return Ok(());
        };
        // What has an upload is not simply replaced: it would be forgotten. The save will be refused, and take it over.
        self.now_recorded(if record.is_replaceable() { Recorded::Under(token) } else { Recorded::Nothing });
        self.refuse_collision(&record)?;
        if nobody_looked { self.skip_if_recorded(&record).await } else { Ok(()) }
    }

    /// A message that tells of nothing newer than what the ledger has as copied is a duplicate, if both sides confirm it.
    async fn skip_if_recorded(&self, record: &Record) -> Result<(), Ended> {
        let pin = &record.source.pin;
        let tells_of_another = self.job.etag.as_ref().is_some_and(|etag| *etag != pin.etag);
        if tells_of_another || record.state != State::Done || !self.is_of_this_source(record) {
            return Ok(());
        }
        let info = self.pin().await?;
        let now = info.pin();
        if now.etag == pin.etag && !now.same_write(pin) {
            self.skip_if_only_touched(&info).await?;
        }
        self.skip_if_done(record, now.same_write(pin)).await
    }

    /// Looks whether another source has taken the place since the ledger was last asked.
    pub(crate) async fn refuse_a_new_collision(&self) -> Result<(), Ended> {
        match self.engine.ledger.load(&self.record_key()).await? {
            Some((record, _)) => self.refuse_collision(&record),
            None => Ok(()),
        }
    }

    pub(crate) fn is_of_this_source(&self, record: &Record) -> bool {
        record.source.location == *self.engine.source.location() && record.source.key == self.job.source_key
    }

    /// Whether a record tells of another source's copy, which is not this one's to change.
    pub(crate) fn is_of_another_source(&self, record: &Record) -> bool {
        let free = matches!(record.state, State::Gone | State::Superseded);
        !free && !self.is_of_this_source(record) && self.engine.settings.collisions != Collisions::Overwrite
    }

    /// One destination object belongs to one source; where two routes meet in it, the first to come keeps it.
    pub(crate) fn refuse_collision(&self, record: &Record) -> Result<(), Ended> {
        if !self.is_of_another_source(record) {
            return Ok(());
        }
        let words = format!(
            "the destination object belongs to the source {} key {:?}; give one of the two another des_prefix",
            record.source.location,
            record.source.key.as_str()
        );
        Err(Ended::Parked(Reason::new(COLLISION, words)))
    }

    /// The one save of a small object. A record that changed since it was last known is somebody else's work on the same
    /// object, which may have been slower or faster than this: source and destination are looked at again before anything is
    /// said to be done.
    pub(crate) async fn record_small(
        &self,
        info: &ObjectInfo,
        written: &Written,
        finished: &Finished,
    ) -> Result<(), Ended> {
        const TRIES: u32 = 5;
        let now = self.engine.patience.clock.now();
        let mut token = match self.recorded() {
            Recorded::Under(token) => Some(token),
            Recorded::Unknown | Recorded::Nothing => None,
        };
        for _ in 0..TRIES {
            let mut record = Record::begin(self.record_key(), self.source_now(info.pin()), now);
            record.sequencer.clone_from(&self.job.sequencer);
            let mut entry = Entry { record, token: token.take(), found: true, segment: None };
            match self.close(&mut entry, written, finished).await {
                Err(Ended::Busy(_)) => {}
                ended => return ended,
            }
            let Some((record, current)) = self.engine.ledger.load(&self.record_key()).await? else { continue };
            self.refuse_collision(&record)?;
            let mut there = Entry { record, token: Some(current), found: true, segment: None };
            if there.record.state.is_open() {
                self.yield_to_others(&there.record)?;
            }
            // Before anything of theirs is dropped: it may be the newer copy.
            let still = self.reconcile(info, written).await;
            if matches!(still, Ok(()) | Err(Ended::Gone)) {
                self.replace(&mut there).await?;
            }
            match still {
                Ok(()) => token = there.token,
                // The source was deleted meanwhile. What stands at the destination is recorded all the same, so that whoever
                // repeats deletions knows that it is a copy.
                Err(Ended::Gone) => {
                    let record = Record::begin(self.record_key(), self.source_now(info.pin()), now);
                    let mut entry = Entry { record, token: there.token, found: true, segment: None };
                    self.close(&mut entry, written, finished).await?;
                    return Err(Ended::Gone);
                }
                Err(ended) => return Err(ended),
            }
        }
        let message = "the record of a small object was changed by others again and again".to_owned();
        Err(Ended::Ledger(LedgerError { message, retryable: true, source: None }))
    }

    /// Drops what another copy of the same object has begun, so that this one can be recorded in its place.
    async fn replace(&self, there: &mut Entry) -> Result<(), Ended> {
        if !there.record.state.is_open() {
            return self.drop_upload(there).await;
        }
        self.drop_generation(there).await?;
        there.record.state = State::Superseded;
        self.save(there).await
    }

    /// Whether what was copied is still the source, and still what the destination has. If not, the copy begins again.
    async fn reconcile(&self, info: &ObjectInfo, written: &Written) -> Result<(), Ended> {
        let again = |words: &str| Ended::Restart(Reason::new("copied-by-others", words));
        self.now_recorded(Recorded::Unknown);
        let source = self.pin().await?;
        let key = &self.job.destination_key;
        let head = self.call(self.at_destination("HeadObject"), || self.engine.destination.head_object(key)).await;
        let there = match head {
            Ok(there) => there,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.now_known(Known::Absent);
                return Err(again("the copy was deleted by others before it was recorded"));
            }
            Err(error) => return Err(error.into()),
        };
        let stands = written.etag.as_ref().is_none_or(|etag| *etag == there.etag);
        self.now_known(Known::Is(there.etag));
        match source.pin().same_write(&info.pin()) && stands {
            true => Ok(()),
            false => Err(again("another copy of the same object was under way")),
        }
    }
}
