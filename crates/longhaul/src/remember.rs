//! How a leg leaves the record: in the state in which the next one should find it.

use std::sync::atomic::Ordering;

use crate::{
    copy::{Ended, Finished, Leg},
    entry::Entry,
    error::{Effect, ErrorKind, StoreError, chain},
    object::{ETag, Pin},
    ports::{Clock, Destination, Ledger, Source},
    record::{Reason, Record, State},
    segments::SegmentRef,
};

/// The reason of a leg that was ended, by time or by request.
const INTERRUPTED: &str = "interrupted";

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    /// What is parked is the version that was listed, not the one that an older record is about: the jobsender leaves exactly
    /// that version alone. Where there is an upload the record stays about it, so that its parts count when they are wanted again.
    fn name_what_was_listed(&self, record: &mut Record) {
        let claimed = self.idle_legs.load(Ordering::Relaxed) > 0;
        let listed = self.job.etag.clone().filter(|etag| !claimed && *etag != record.source.pin.etag);
        let Some(etag) = listed else { return };
        if record.upload.is_some() || record.intent.is_some() {
            record.asked_for = Some(etag);
            return;
        }
        let modified = self.engine.patience.clock.now();
        let pin = Pin { etag, version_id: None, size: self.job.size, crc64nvme: None, modified };
        record.source = self.source_now(pin);
    }

    /// Records what could not be done without having begun. The record of another source is left as it is.
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
            Some((record, _)) if self.is_of_another_source(&record) => return Ok(()),
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
        self.save(&mut Entry { record, token, found: true, segment: None }).await
    }

    /// Leaves the record in the state in which the next leg should find it.
    pub(crate) async fn remember(&self, ended: &Result<Finished, Ended>) -> Result<(), Ended> {
        self.remember_of(ended, None).await
    }

    /// The same, if the record is still that of this upload, where one is named.
    pub(crate) async fn remember_of(
        &self,
        ended: &Result<Finished, Ended>,
        upload: Option<&SegmentRef>,
    ) -> Result<(), Ended> {
        let (state, reason) = match ended {
            Ok(_)
            | Err(
                Ended::Skipped(_)
                | Ended::Busy(_)
                | Ended::Ledger(_)
                | Ended::Large
                | Ended::Restart(_)
                | Ended::Continues(..),
            ) => return Ok(()),
            Err(Ended::Interrupted) => (None, Reason::new(INTERRUPTED, "stopped on request")),
            Err(Ended::Gone) => (Some(State::Gone), Reason::new("gone", "the source object was deleted")),
            Err(Ended::Parked(reason)) => (Some(State::Parked), reason.clone()),
            Err(Ended::Failed(error)) => {
                let state = match error.kind() {
                    // Damaged bytes may be visible: an older record says nothing of the destination any more.
                    ErrorKind::Corrupt if error.effect() == Effect::MayHaveHappened => Some(State::Copying),
                    kind => kind.needs_help().then_some(State::Parked),
                };
                (state, Reason::new(error.kind().reason(), chain(error)))
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
        let is_ours = |at: &SegmentRef| {
            record.generation == at.generation && record.upload.as_ref().is_some_and(|upload| upload.id == at.upload_id)
        };
        if self.is_of_another_source(&record) || !upload.is_none_or(is_ours) {
            return Ok(());
        }
        let mut entry = Entry { record, token: Some(token), found: true, segment: None };
        if entry.record.state.is_open() {
            self.yield_to_others(&entry.record)?;
        }
        self.leave(&mut entry, state, reason).await
    }

    async fn leave(&self, entry: &mut Entry, state: Option<State>, reason: Reason) -> Result<(), Ended> {
        let record = &mut entry.record;
        let was_open = record.state.is_open();
        let opens_again = |state: &State| *state != State::Copying || !was_open;
        if let Some(state) = state.filter(|state| record.state.may_become(*state) && opens_again(state)) {
            record.state = state;
            self.name_what_was_listed(record);
        } else if !record.state.is_open() {
            // A finished record of an earlier copy says nothing about this one; it stays true.
            return Ok(());
        }
        if record.state == State::Gone {
            if was_open {
                self.still_gone().await?;
            }
            self.drop_upload(entry).await?;
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
        record.proved = self.proved().or(record.proved.take());
        record.lease = None;
        record.reason = Some(reason);
        self.add_costs(record);
        self.save(entry).await
    }

    /// Looks again, behind the record: others may have begun to copy what was written since the first look, and their upload is
    /// not to be dropped. Who begins behind this look finds the record changed.
    async fn still_gone(&self) -> Result<(), Ended> {
        if self.is_gone().await? {
            return Ok(());
        }
        let error = StoreError::new(ErrorKind::Conflict, "HeadObject", "the source object was written again meanwhile");
        Err(error.at(self.engine.source.location()).on(&self.job.source_key).into())
    }
}
