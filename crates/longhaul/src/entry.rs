//! The record of the object in hand: claimed, saved under conditions, closed.

use std::sync::atomic::Ordering;

use crate::{
    compare::Decision,
    copy::{Ended, Finished, Leg},
    error::ErrorKind,
    object::{ObjectInfo, Pin},
    planted::{self, Defect},
    ports::{Clock, Destination, Ledger, Saved, Source, Upload, Written},
    record::{DestinationIdentity, Lease, Reason, Record, RecordSource, State, Token},
    resume, segment,
    segments::{SegmentRef, Segments},
};

/// So many changes of the source in a row, each before its copy was complete, and the copy is parked where legs are counted.
const MAX_RESTARTS: u32 = 20;
/// The reason of a restart because the source is another one than was pinned.
pub(crate) const SOURCE_CHANGES: &str = "source-keeps-changing";
/// A lease is renewed when it has less than this left, if the new one would end later by as much.
pub(crate) const RENEW_BEFORE_MS: i64 = 5 * 60 * 1000;

/// A record and the token of its last save.
pub(crate) struct Entry {
    pub record: Record,
    pub token: Option<Token>,
    /// Whether a record of this pin was found, so that unfinished uploads without one are not ours to adopt.
    pub found: bool,
    /// The segment in hand, where it is not the whole object: others change the same record at the same time.
    pub segment: Option<SegmentRef>,
}

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    pub(crate) fn source_now(&self, pin: Pin) -> RecordSource {
        RecordSource { location: self.engine.source.location().clone(), key: self.job.source_key.clone(), pin }
    }

    /// Takes the record for this pin, with a lease. What another pin or source left open is dropped first.
    pub(crate) async fn claim(&self, info: &ObjectInfo) -> Result<Entry, Ended> {
        let now = self.engine.patience.clock.now();
        let pin = &info.pin();
        let source = self.source_now(pin.clone());
        let loaded = self.engine.ledger.load(&self.record_key()).await?;
        if self.engine.patience.stop.is_cancelled() || !self.engine.has_time_for_a_body() {
            // A record that is opened now would be left open, and its message may be long done by others.
            return Err(Ended::Interrupted);
        }
        let Some((record, token)) = loaded else {
            self.skip_if_already_there(info, None).await?;
            let record = Record::begin(self.record_key(), source, now);
            let mut entry = Entry { record, token: None, found: false, segment: None };
            self.begin_leg(&mut entry).await?;
            return Ok(entry);
        };
        let mut entry = Entry { record, token: Some(token), found: true, segment: None };
        self.yield_to_others(&entry.record)?;
        self.refuse_collision(&entry.record)?;
        let is_ours = self.is_of_this_source(&entry.record);
        let same = is_ours && entry.record.source.pin.same_write(pin);
        let touched = is_ours && entry.record.source.pin.is_touched(pin);
        if is_ours {
            self.refuse_an_older_pin(&entry.record, pin).await?;
        }
        if entry.record.state == State::Done {
            self.skip_if_done(&entry.record, same).await?;
        }
        if same && let Some(until) = entry.record.carried_until(now, |lease| self.engine.ledger.is_held(lease, now)) {
            // Not acknowledged: one of their messages may be parked, and then nobody but this one would carry it on.
            return Err(Ended::Busy(Lease { owner: "its segments".into(), until: Some(until) }));
        }
        self.skip_if_already_there(info, Some(&entry)).await?;
        let goes_on = same || touched;
        if !(goes_on && entry.record.state != State::Restarting) {
            self.drop_generation(&mut entry).await?;
        }
        let fresh = matches!(entry.record.state, State::Done | State::Restarting) || !goes_on;
        let upload = entry.record.upload.take();
        let mut next = Record::begin(self.record_key(), source, now);
        next.generation = entry.record.generation + u32::from(fresh);
        next.restarts = if entry.record.state.is_open() { entry.record.restarts + u32::from(fresh) } else { 0 };
        let cause = entry.record.reason.as_ref().filter(|_| entry.record.state == State::Restarting);
        self.park_if_restless(&next, cause)?;
        if !fresh {
            let old = &mut entry.record;
            next.segments = old.segments.take().map(Segments::taken_up_again);
            (next.intent, next.expected, next.parts) = (old.intent, old.expected.clone(), old.parts);
            if old.state.is_open() {
                // What was parked and sent again begins to count anew.
                (next.attempts, next.idle_legs) = (old.attempts, old.idle_legs);
            }
            next.proved.clone_from(&old.proved);
            (next.bytes, next.requests, next.started) = (old.bytes, old.requests, old.started);
            next.upload = upload;
            if old.state == State::Completing {
                next.state = State::Completing;
            }
            if touched {
                next.doubt_parts();
            }
        }
        entry.record = next;
        self.begin_leg(&mut entry).await?;
        Ok(entry)
    }

    /// Between the pin and the claim others may have copied, or have begun to copy, something newer, or have found the source
    /// deleted, whose old versions can still be read: then this pin is of no more use. An older version can also be the current
    /// one again, so the source is asked.
    async fn refuse_an_older_pin(&self, record: &Record, pin: &Pin) -> Result<(), Ended> {
        let may_be_older = record.state == State::Gone || record.source.pin.modified > pin.modified;
        if !may_be_older || self.pin().await?.pin().same_write(pin) {
            return Ok(());
        }
        Err(Ended::Restart(Reason::new(SOURCE_CHANGES, "the source changed before its copy began")))
    }

    /// Saves the lease and the attempt before any work, so that crash loops count.
    pub(crate) async fn begin_leg(&self, entry: &mut Entry) -> Result<(), Ended> {
        entry.record.attempts += 1;
        entry.record.idle_legs += 1;
        entry.record.sequencer.clone_from(&self.job.sequencer);
        self.idle_legs.store(entry.record.idle_legs, Ordering::Relaxed);
        if entry.record.upload.is_none() {
            self.park_if_idle_for(entry.record.idle_legs)?;
        }
        entry.record.lease = Some(self.engine.ledger.new_lease(self.engine.patience.clock.now()));
        self.save(entry).await
    }

    /// Compares the parts at the destination with those counted before: a leg that died may have made progress all the same.
    pub(crate) async fn count_progress(&self, entry: &mut Entry, parts: u32) -> Result<(), Ended> {
        if parts <= entry.record.parts {
            return self.park_if_idle_for(entry.record.idle_legs);
        }
        entry.record.parts = parts;
        entry.record.idle_legs = 1;
        self.idle_legs.store(1, Ordering::Relaxed);
        self.save(entry).await
    }

    /// A source that changes faster than it can be copied is not copied for ever; nor is one whose uploads are lost again and
    /// again, which costs all of its bytes each time.
    fn park_if_restless(&self, next: &Record, cause: Option<&Reason>) -> Result<(), Ended> {
        let lost = cause.filter(|cause| cause.code != SOURCE_CHANGES);
        let most = if lost.is_some() { self.engine.settings.max_restarts } else { MAX_RESTARTS };
        if self.engine.settings.max_idle_legs.is_none() || next.restarts <= most {
            return Ok(());
        }
        let times = next.restarts;
        Err(Ended::Parked(match lost {
            Some(cause) => Reason::new(&cause.code, format!("{} ({times} times in a row)", cause.message)),
            None => {
                let words = format!("the source changed before its copy was complete, {times} times in a row");
                Reason::new(SOURCE_CHANGES, words)
            }
        }))
    }

    /// Renews a lease that is about to end while the leg goes on.
    pub(crate) async fn renew_lease(&self, entry: &mut Entry) -> Result<(), Ended> {
        if let Some(at) = entry.segment.clone() {
            return segment::renew_lease(self, entry, &at).await;
        }
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
    pub(crate) fn park_if_idle_for(&self, idle_legs: u32) -> Result<(), Ended> {
        match self.engine.settings.max_idle_legs {
            Some(max) if idle_legs > max => {
                let words = format!(
                    "{max} legs in a row finished no part: a part may take longer than a leg has time; \
                     run `longhaul work` on a machine, with a JobTimeout in which a part fits, and redrive"
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

    /// Skips what the ledger has as copied, as far as the destination confirms it.
    pub(crate) async fn skip_if_pin_is_recorded(&self, pin: &Pin) -> Result<(), Ended> {
        let Some((record, _)) = self.engine.ledger.load(&self.record_key()).await? else { return Ok(()) };
        let same = self.is_of_this_source(&record) && record.source.pin.same_write(pin);
        if record.state == State::Done { self.skip_if_done(&record, same).await } else { Ok(()) }
    }

    /// A finished record saves the copy only if the source is the recorded one and the destination still confirms.
    pub(crate) async fn skip_if_done(&self, record: &Record, same: bool) -> Result<(), Ended> {
        let recorded = record.destination.as_ref().and_then(|there| there.etag.as_ref());
        // Checksums that were just found to differ are stronger than what the ledger remembers.
        let trusted = self.engine.settings.trust_ledger && self.job.decision != Decision::AskChecksums;
        let (true, true, Some(recorded)) = (same, trusted, recorded) else { return Ok(()) };
        let key = &self.job.destination_key;
        if planted::is(Defect::SkipWithoutHead) {
            return Err(Ended::Skipped(Reason::new("recorded", "the ledger says so")));
        }
        let head = self.call(self.at_destination("HeadObject"), || self.engine.destination.head_object(key)).await;
        match head {
            Ok(there) if there.etag.is_same_state(recorded) && there.size == record.source.pin.size => {
                Err(Ended::Skipped(Reason::new(
                    "recorded",
                    "the ledger has this very version as copied, and the destination confirms it",
                )))
            }
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
        self.drop_upload(entry).await
    }

    /// Aborts the upload of a record, also one that a crash between Create and the save of its answer left without a name.
    pub(crate) async fn drop_upload(&self, entry: &mut Entry) -> Result<(), Ended> {
        match (entry.record.upload.take(), entry.record.intent.take()) {
            (Some(upload), _) => self.abort(&Upload { key: self.job.destination_key.clone(), id: upload.id }).await,
            (None, Some(intent)) => resume::abort_unnamed(self, entry, intent).await,
            (None, None) => Ok(()),
        }
    }

    /// Whether nobody has saved the record since this leg loaded or saved it.
    pub(crate) async fn still_as_saved(&self, entry: &Entry) -> Result<(), Ended> {
        let there = self.engine.ledger.load(&self.record_key()).await?;
        if there.as_ref().map(|there| &there.1) == entry.token.as_ref() {
            return Ok(());
        }
        Err(taken_over(there.map(|there| there.0)))
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
        let Saved::Refused(there) = self.try_save(entry).await? else { return Ok(()) };
        Err(taken_over(there.map(|there| there.0)))
    }

    /// Saves the record, or says what stands there instead.
    pub(crate) async fn try_save(&self, entry: &mut Entry) -> Result<Saved, Ended> {
        entry.record.updated = self.engine.patience.clock.now();
        let token = self.engine.patience.token();
        match self.engine.ledger.save(&entry.record, entry.token.as_ref(), &token).await? {
            Saved::Refused(there) if there.as_ref().is_none_or(|there| there.1 != token) => {
                return Ok(Saved::Refused(there));
            }
            // A refusal that shows my own token is my earlier success.
            Saved::Stored | Saved::Refused(_) => {}
        }
        entry.token = Some(token);
        Ok(Saved::Stored)
    }

    /// Adds what this leg cost since its costs were last booked.
    pub(crate) fn add_costs(&self, record: &mut Record) {
        record.bytes += self.bytes.load(Ordering::Relaxed) - self.booked_bytes.load(Ordering::Relaxed);
        record.requests += self.requests.load(Ordering::Relaxed) - self.booked_requests.load(Ordering::Relaxed);
    }

    /// What was added was saved, and the leg goes on.
    pub(crate) fn costs_are_booked(&self) {
        self.booked_bytes.store(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
        self.booked_requests.store(self.requests.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Closes the record of a finished copy.
    pub(crate) async fn close(&self, entry: &mut Entry, written: &Written, finished: &Finished) -> Result<(), Ended> {
        let record = &mut entry.record;
        record.state = State::Done;
        record.destination =
            Some(DestinationIdentity { etag: written.etag.clone(), version_id: written.version_id.clone() });
        record.proof = Some(finished.proof);
        (record.upload, record.intent, record.expected, record.lease, record.reason) = (None, None, None, None, None);
        (record.segments, record.proved) = (None, None);
        self.add_costs(record);
        let saved = self.save(entry).await;
        if planted::is(Defect::AckBeforeRecording) {
            return Ok(());
        }
        saved
    }
}

/// Somebody else is at work on the record.
fn taken_over(there: Option<Record>) -> Ended {
    let unknown = || Lease { owner: "unknown".into(), until: None };
    Ended::Busy(there.and_then(|there| there.lease).unwrap_or_else(unknown))
}
