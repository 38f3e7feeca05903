//! The record of the object in hand: claimed, saved under conditions, closed.

use std::sync::atomic::Ordering;

use crate::{
    compare::Decision,
    copy::{Ended, Finished, Known, Leg, Recorded},
    engine::Collisions,
    error::{ErrorKind, LedgerError},
    object::{ETag, ObjectInfo, Pin},
    ports::{Clock, Destination, Ledger, Saved, Source, Upload, Written},
    record::{DestinationIdentity, Lease, Reason, Record, RecordSource, State, Token},
};

/// The reason of a copy whose place another source has.
pub(crate) const COLLISION: &str = "collision";

/// So many changes of the source in a row, each before its copy was complete, and the copy is parked where legs are counted.
const MAX_RESTARTS: u32 = 20;
/// A lease is renewed when it has less than this left, if the new one would end later by as much.
const RENEW_BEFORE_MS: i64 = 5 * 60 * 1000;

/// The reason of a leg that was ended, by time or by request.
const INTERRUPTED: &str = "interrupted";

/// A record and the token of its last save.
pub(crate) struct Entry {
    pub record: Record,
    pub token: Option<Token>,
    /// Whether a record of this pin was found, so that unfinished uploads without one are not ours to adopt.
    pub found: bool,
}

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    pub(crate) fn source_now(&self, pin: Pin) -> RecordSource {
        RecordSource { location: self.engine.source.location().clone(), key: self.job.source_key.clone(), pin }
    }

    /// Takes the record for this pin, with a lease. What another pin or source left open is dropped first.
    pub(crate) async fn claim(&self, pin: &Pin) -> Result<Entry, Ended> {
        let now = self.engine.patience.clock.now();
        let source = self.source_now(pin.clone());
        let loaded = self.engine.ledger.load(&self.record_key()).await?;
        let Some((record, token)) = loaded else {
            let record = Record::begin(self.record_key(), source, now);
            let mut entry = Entry { record, token: None, found: false };
            self.begin_leg(&mut entry).await?;
            return Ok(entry);
        };
        let mut entry = Entry { record, token: Some(token), found: true };
        self.yield_to_others(&entry.record)?;
        self.refuse_collision(&entry.record)?;
        let same = self.is_of_this_source(&entry.record) && entry.record.source.pin.same_write(pin);
        if entry.record.state == State::Done {
            self.skip_if_done(&entry.record, same).await?;
        }
        if !(same && entry.record.state != State::Restarting) {
            self.drop_generation(&mut entry).await?;
        }
        let fresh = matches!(entry.record.state, State::Done | State::Restarting) || !same;
        let upload = entry.record.upload.take();
        let mut next = Record::begin(self.record_key(), source, now);
        next.generation = entry.record.generation + u32::from(fresh);
        next.restarts = if entry.record.state.is_open() { entry.record.restarts + u32::from(fresh) } else { 0 };
        self.park_if_restless(&next)?;
        if !fresh {
            let old = &entry.record;
            (next.intent, next.expected, next.parts) = (old.intent, old.expected.clone(), old.parts);
            if old.state.is_open() {
                // What was parked and sent again begins to count anew.
                (next.attempts, next.idle_legs) = (old.attempts, old.idle_legs);
            }
            (next.bytes, next.requests, next.started) = (old.bytes, old.requests, old.started);
            next.upload = upload;
            if old.state == State::Completing {
                next.state = State::Completing;
            }
        }
        entry.record = next;
        self.begin_leg(&mut entry).await?;
        Ok(entry)
    }

    /// Saves the lease and the attempt before any work, so that crash loops count.
    async fn begin_leg(&self, entry: &mut Entry) -> Result<(), Ended> {
        entry.record.attempts += 1;
        entry.record.idle_legs += 1;
        entry.record.sequencer.clone_from(&self.job.sequencer);
        self.idle_legs.store(entry.record.idle_legs, Ordering::Relaxed);
        if entry.record.upload.is_none() {
            self.park_if_idle(&entry.record)?;
        }
        entry.record.lease = Some(self.engine.ledger.new_lease(self.engine.patience.clock.now()));
        self.save(entry).await
    }

    /// Compares the parts at the destination with those counted before: a leg that died may have made progress all the same.
    pub(crate) async fn count_progress(&self, entry: &mut Entry, parts: u32) -> Result<(), Ended> {
        if parts <= entry.record.parts {
            return self.park_if_idle(&entry.record);
        }
        entry.record.parts = parts;
        entry.record.idle_legs = 1;
        self.idle_legs.store(1, Ordering::Relaxed);
        self.save(entry).await
    }

    /// A source that changes faster than it can be copied is not copied for ever.
    fn park_if_restless(&self, next: &Record) -> Result<(), Ended> {
        match self.engine.settings.max_idle_legs {
            Some(_) if next.restarts > MAX_RESTARTS => {
                let words =
                    format!("the source changed before its copy was complete, {} times in a row", next.restarts);
                Err(Ended::Parked(Reason::new("source-keeps-changing", words)))
            }
            _ => Ok(()),
        }
    }

    /// Renews a lease that is about to end while the leg goes on.
    pub(crate) async fn renew_lease(&self, entry: &mut Entry) -> Result<(), Ended> {
        let now = self.engine.patience.clock.now();
        let Some(until) = entry.record.lease.as_ref().and_then(|lease| lease.until) else { return Ok(()) };
        if until.0 - now.0 > RENEW_BEFORE_MS {
            return Ok(());
        }
        let lease = self.engine.ledger.new_lease(now);
        if lease.until.is_none_or(|next| next.0 - until.0 < RENEW_BEFORE_MS) {
            // It ends with the leg.
            return Ok(());
        }
        entry.record.lease = Some(lease);
        self.save(entry).await
    }

    /// Legs that bring nothing across do not go on for ever: a part that does not fit into one never will.
    fn park_if_idle(&self, record: &Record) -> Result<(), Ended> {
        match self.engine.settings.max_idle_legs {
            Some(max) if record.idle_legs > max => {
                let words = format!(
                    "{max} legs in a row brought no part across: a part may take longer than a leg has time; \
                     run `longhaul work` on a machine without such a limit, and redrive"
                );
                Err(Ended::Parked(Reason::new("needs-fleet", words)))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn yield_to_others(&self, record: &Record) -> Result<(), Ended> {
        let Some(lease) = record.lease.as_ref().filter(|_| record.state.is_open()) else { return Ok(()) };
        let now = self.engine.patience.clock.now();
        let mine = self.engine.ledger.new_lease(now);
        if lease.owner != mine.owner && self.engine.ledger.is_held(lease, now) {
            return Err(Ended::Busy(lease.clone()));
        }
        Ok(())
    }

    /// A finished record saves the copy only if the source is the recorded one and the destination still confirms.
    async fn skip_if_done(&self, record: &Record, same: bool) -> Result<(), Ended> {
        let recorded = record.destination.as_ref().and_then(|there| there.etag.as_ref());
        // Checksums that were just found to differ are stronger than what the ledger remembers.
        let trusted = self.engine.settings.trust_ledger && self.job.decision != Decision::AskChecksums;
        let (true, true, Some(recorded)) = (same, trusted, recorded) else { return Ok(()) };
        let key = &self.job.destination_key;
        let head = self.call(self.at_destination("HeadObject"), || self.engine.destination.head_object(key)).await;
        match head {
            Ok(there) if there.etag == *recorded && there.size == record.source.pin.size => Err(Ended::Skipped(
                Reason::new("recorded", "the ledger has this very version as copied, and the destination confirms it"),
            )),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Drops the upload of a generation that will not be finished, and leaves the record ready for the next one.
    pub(crate) async fn drop_generation(&self, entry: &mut Entry) -> Result<(), Ended> {
        if matches!(entry.record.state, State::Copying | State::Completing) {
            entry.record.state = State::Restarting;
            self.save(entry).await?;
        }
        if let Some(upload) = entry.record.upload.take() {
            self.abort(&Upload { key: self.job.destination_key.clone(), id: upload.id }).await?;
        }
        Ok(())
    }

    /// Aborts until nothing is left: a part that was in flight may arrive behind the first abort.
    pub(crate) async fn abort(&self, upload: &Upload) -> Result<(), Ended> {
        const ROUNDS: u32 = 3;
        let destination = &self.engine.destination;
        for _ in 0..ROUNDS {
            let aborted =
                self.call(self.at_destination("AbortMultipartUpload"), || destination.abort_multipart_upload(upload));
            match aborted.await {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NoSuchUpload => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            match self.call(self.at_destination("ListParts"), || destination.list_parts(upload)).await {
                Ok(parts) if parts.is_empty() => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NoSuchUpload => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Saves the record if it is still ours.
    pub(crate) async fn save(&self, entry: &mut Entry) -> Result<(), Ended> {
        entry.record.updated = self.engine.patience.clock.now();
        let token = self.engine.patience.token();
        match self.engine.ledger.save(&entry.record, entry.token.as_ref(), &token).await? {
            Saved::Stored => {}
            Saved::Refused(Some(there)) if there.1 == token => {}
            Saved::Refused(there) => {
                let unknown = || Lease { owner: "unknown".into(), until: None };
                return Err(Ended::Busy(there.and_then(|there| there.0.lease).unwrap_or_else(unknown)));
            }
        }
        entry.token = Some(token);
        Ok(())
    }

    fn add_costs(&self, record: &mut Record) {
        record.bytes += self.bytes.load(Ordering::Relaxed);
        record.requests += self.requests.load(Ordering::Relaxed);
    }

    /// Closes the record of a finished copy.
    pub(crate) async fn close(&self, entry: &mut Entry, written: &Written, finished: &Finished) -> Result<(), Ended> {
        let record = &mut entry.record;
        record.state = State::Done;
        record.destination =
            Some(DestinationIdentity { etag: written.etag.clone(), version_id: written.version_id.clone() });
        record.proof = Some(finished.proof);
        (record.upload, record.intent, record.expected, record.lease, record.reason) = (None, None, None, None, None);
        self.add_costs(record);
        self.save(entry).await
    }

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
        // An open record is not simply replaced: its upload would be forgotten. The save will be refused, and take it over.
        self.now_recorded(if record.state.is_open() { Recorded::Nothing } else { Recorded::Under(token) });
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
        let now = self.pin().await?.pin();
        self.skip_if_done(record, now.same_write(pin)).await
    }

    /// Looks whether another source has taken the place since the ledger was last asked.
    pub(crate) async fn refuse_a_new_collision(&self) -> Result<(), Ended> {
        match self.engine.ledger.load(&self.record_key()).await? {
            Some((record, _)) => self.refuse_collision(&record),
            None => Ok(()),
        }
    }

    fn is_of_this_source(&self, record: &Record) -> bool {
        record.source.location == *self.engine.source.location() && record.source.key == self.job.source_key
    }

    /// One destination object belongs to one source; where two routes meet in it, the first to come keeps it.
    fn refuse_collision(&self, record: &Record) -> Result<(), Ended> {
        let free = matches!(record.state, State::Gone | State::Superseded) || self.is_of_this_source(record);
        if free || self.engine.settings.collisions == Collisions::Overwrite {
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
            let mut entry = Entry { record, token: token.take(), found: true };
            match self.close(&mut entry, written, finished).await {
                Err(Ended::Busy(_)) => {}
                ended => return ended,
            }
            let Some((record, current)) = self.engine.ledger.load(&self.record_key()).await? else { continue };
            self.refuse_collision(&record)?;
            let mut there = Entry { record, token: Some(current), found: true };
            if there.record.state.is_open() {
                self.yield_to_others(&there.record)?;
                self.drop_generation(&mut there).await?;
                there.record.state = State::Superseded;
                self.save(&mut there).await?;
            }
            match self.reconcile(info, written).await {
                Ok(()) => token = there.token,
                // The source was deleted meanwhile. What stands at the destination is recorded all the same, so that whoever
                // repeats deletions knows that it is a copy.
                Err(Ended::Gone) => {
                    let record = Record::begin(self.record_key(), self.source_now(info.pin()), now);
                    let mut entry = Entry { record, token: there.token, found: true };
                    self.close(&mut entry, written, finished).await?;
                    return Err(Ended::Gone);
                }
                Err(ended) => return Err(ended),
            }
        }
        let message = "the record of a small object was changed by others again and again".to_owned();
        Err(Ended::Ledger(LedgerError { message, retryable: true, source: None }))
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

    /// What is parked is the version that was listed, not the one that an older record is about: the jobsender leaves exactly
    /// that version alone.
    fn name_what_was_listed(&self, record: &mut Record) {
        let claimed = self.idle_legs.load(Ordering::Relaxed) > 0;
        let listed = self.job.etag.clone().filter(|etag| !claimed && *etag != record.source.pin.etag);
        let Some(etag) = listed else { return };
        let modified = self.engine.patience.clock.now();
        let pin = Pin { etag, version_id: None, size: self.job.size, crc64nvme: None, modified };
        record.source = self.source_now(pin);
    }

    /// Records what could not be done without having begun.
    pub(crate) async fn record_without_work(&self, state: State, reason: &Reason) -> Result<(), Ended> {
        let now = self.engine.patience.clock.now();
        let loaded = self.engine.ledger.load(&self.record_key()).await?;
        let pin = Pin {
            etag: self.job.etag.clone().unwrap_or_else(|| ETag::new("")),
            version_id: None,
            size: self.job.size,
            crc64nvme: None,
            modified: now,
        };
        let (mut record, token) = match loaded {
            Some((record, token)) => {
                if record.state.is_open() {
                    self.yield_to_others(&record)?;
                }
                (record, Some(token))
            }
            None => (Record::begin(self.record_key(), self.source_now(pin), now), None),
        };
        record.state = state;
        record.reason = Some(reason.clone());
        record.lease = None;
        self.name_what_was_listed(&mut record);
        self.save(&mut Entry { record, token, found: true }).await
    }

    /// Leaves the record in the state in which the next leg should find it.
    pub(crate) async fn remember(&self, ended: &Result<Finished, Ended>) -> Result<(), Ended> {
        let (state, reason) = match ended {
            Ok(_) | Err(Ended::Skipped(_) | Ended::Busy(_) | Ended::Ledger(_) | Ended::Large | Ended::Restart(_)) => {
                return Ok(());
            }
            // The record is that of another source.
            Err(Ended::Parked(reason)) if reason.code == COLLISION => return Ok(()),
            Err(Ended::Interrupted) => (None, Reason::new(INTERRUPTED, "stopped on request")),
            Err(Ended::Gone) => (Some(State::Gone), Reason::new("gone", "the source object was deleted")),
            Err(Ended::Parked(reason)) => (Some(State::Parked), reason.clone()),
            Err(Ended::Failed(error)) => {
                let state = error.kind().needs_help().then_some(State::Parked);
                (state, Reason::new(error.kind().reason(), crate::error::chain(error)))
            }
        };
        let Some((record, token)) = self.engine.ledger.load(&self.record_key()).await? else {
            return match (ended, state) {
                (_, Some(State::Parked)) => self.record_without_work(State::Parked, &reason).await,
                // Not given up, and not forgotten: an open record without a lease says what stood in the way.
                (Err(Ended::Failed(_)), _) => self.record_without_work(State::Copying, &reason).await,
                _ => Ok(()),
            };
        };
        let mut entry = Entry { record, token: Some(token), found: true };
        if entry.record.state.is_open() {
            self.yield_to_others(&entry.record)?;
        }
        self.leave(&mut entry, state, reason).await
    }

    async fn leave(&self, entry: &mut Entry, state: Option<State>, reason: Reason) -> Result<(), Ended> {
        let record = &mut entry.record;
        if let Some(state) = state.filter(|state| record.state.may_become(*state)) {
            record.state = state;
            self.name_what_was_listed(record);
        } else if !record.state.is_open() {
            // A finished record of an earlier copy says nothing about this one; it stays true.
            return Ok(());
        }
        if record.state == State::Gone
            && let Some(upload) = record.upload.take()
        {
            self.abort(&Upload { key: self.job.destination_key.clone(), id: upload.id }).await?;
        }
        let record = &mut entry.record;
        let copied = self.parts_copied.load(Ordering::Relaxed);
        if reason.code != INTERRUPTED && self.idle_legs.load(Ordering::Relaxed) > 0 {
            // What failed for another reason than time says nothing of how long a part takes.
            record.idle_legs = record.idle_legs.saturating_sub(1);
        }
        if copied > 0 {
            record.parts = self.parts_resumed.load(Ordering::Relaxed) + copied;
            record.idle_legs = 0;
        }
        record.lease = None;
        record.reason = Some(reason);
        self.add_costs(record);
        self.save(entry).await
    }
}
