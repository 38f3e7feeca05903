//! Decides about objects that differ, with the ledger's word, and sends their jobs.

use std::time::Duration;

use crate::{
    copy::attempt::{Backends, Engine},
    jobsender::{error::SendError, process::SendSettings},
    ledger::{Lease, Ledger, Record, RecordKey, SendReport, State, Token},
    limits::Clock,
    object::Timestamp,
    queue::{DestinationSeen as Seen, Job, JobQueue, Outbox, Packer, QueueError},
    route::{Compare, Decision, Difference, ScanSpec},
    scan::listing::{Lines, Pair},
    store::{ErrorKind, Source, StoreError},
};

/// An object whose job is sent unless the ledger speaks against it.
pub(crate) struct Candidate {
    pub pair: Pair,
    pub sight: Sight,
}

/// How much is known of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Both sides' lines are from now.
    Seen,
    /// The source's line may be as old as the list that it is from.
    Named,
    /// One side refused to be looked at: only its worker finds out more.
    Refused,
}

/// What one route, or a range of it, has found and not sent yet.
pub(crate) struct Sending<'a, B: Backends, Q> {
    pub engine: &'a Engine<B>,
    pub scan: &'a ScanSpec,
    pub settings: SendSettings,
    outbox: Outbox<'a, B::Clock, Q>,
    pub report: SendReport,
    /// What the ledger may have a say in, and has not been asked about.
    pub pending: Vec<Candidate>,
    /// Whether jobs were refused by the queue: then what was compared is not done.
    refused: bool,
}

/// The word for what is compared.
fn name_of(compare: Compare) -> &'static str {
    match compare {
        Compare::Size => "size",
        Compare::Newer => "newer",
        Compare::Checksum => "checksum",
        Compare::None => "none",
    }
}

impl<'a, B: Backends, Q: JobQueue> Sending<'a, B, Q> {
    /// Nothing is sent yet.
    pub(crate) fn new(engine: &'a Engine<B>, scan: &'a ScanSpec, queue: &'a Q, settings: SendSettings) -> Self {
        let (src, des) = (&engine.source.location().bucket, &engine.destination.location().bucket);
        let outbox = Outbox::new(queue, &engine.patience, settings.mode, Packer::new(settings.packing, src, des));
        let report = SendReport { compared_by: name_of(scan.compare), ..SendReport::default() };
        Self { engine, scan, settings, outbox, report, pending: Vec::new(), refused: false }
    }

    /// Whether the time is up, or the run was told to stop.
    pub(crate) fn is_over(&self) -> bool {
        let patience = &self.engine.patience;
        patience.stop.is_cancelled() || !patience.has_time_for(Duration::ZERO)
    }

    /// Whether everything that was taken is on its way.
    pub(crate) fn has_sent_all(&self) -> bool {
        self.pending.is_empty() && !self.refused
    }

    /// What it came to since the last time that this was asked.
    pub(crate) fn take_report(&mut self) -> SendReport {
        let next = SendReport { compared_by: self.report.compared_by, ..SendReport::default() };
        std::mem::replace(&mut self.report, next)
    }

    /// Sends the batches that are full.
    pub(crate) async fn send_full(&mut self) -> Result<(), SendError> {
        let sent = self.outbox.send_full(&mut self.report).await;
        self.heed(sent)
    }

    /// Sends what waits for more to come.
    pub(crate) async fn flush(&mut self) -> Result<(), SendError> {
        let judged = self.judge().await;
        let sent = self.outbox.flush(&mut self.report).await;
        judged.and(self.heed(sent))
    }

    fn heed(&mut self, sent: Result<(), QueueError>) -> Result<(), SendError> {
        self.refused |= sent.is_err();
        Ok(sent?)
    }

    /// Takes a pair of two listings, unless the selection has it not.
    pub(crate) fn take(&mut self, pair: Pair) {
        let bucket = &self.engine.source.location().bucket;
        let rest = self.scan.route.source_rest(&pair.source.key).unwrap_or_default();
        if self.scan.selection.has(bucket, rest, &pair.source.key) {
            self.take_selected(Candidate { pair, sight: Sight::Seen });
        } else {
            self.skip("ignored");
        }
    }

    /// Counts a candidate, and keeps it if the ledger may have a say in it.
    pub(crate) fn take_selected(&mut self, candidate: Candidate) {
        let Candidate { pair, sight } = &candidate;
        self.report.objects += 1;
        self.report.bytes += pair.source.size;
        if let Err(error) = &pair.destination_key {
            let bucket = &self.engine.source.location().bucket;
            tracing::warn!(src_bucket = bucket, src_key = %pair.source.key, reason = "invalid-key", "no place at the destination: {error}");
            self.skip("invalid-key");
        } else if *sight != Sight::Refused && self.is_plainly_same(pair) {
            self.report.same += 1;
        } else {
            self.pending.push(candidate);
        }
    }

    /// Whether the listings alone say that nothing is to be done.
    fn is_plainly_same(&self, pair: &Pair) -> bool {
        self.settings.versions == Lines::Objects && self.by_listing(pair) == Decision::Same
    }

    fn by_listing(&self, pair: &Pair) -> Decision {
        self.scan.compare.decide(&pair.source, pair.destination.as_ref())
    }

    /// Asks the ledger about what is pending, which stays so if the ledger fails.
    pub(crate) async fn judge(&mut self) -> Result<(), SendError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let location = self.engine.destination.location();
        let key = |candidate: &Candidate| {
            let key = candidate.pair.destination_key.clone().ok()?;
            Some(RecordKey { location: location.clone(), key })
        };
        let keys: Vec<RecordKey> = self.pending.iter().filter_map(key).collect();
        let records = self.engine.ledger.load_many(&keys).await?;
        self.look_at_parked(&records).await?;
        for (candidate, record) in std::mem::take(&mut self.pending).into_iter().zip(records) {
            self.decide(candidate, record);
        }
        Ok(())
    }

    /// What is parked is the version that was there then, which a list that is older, or younger, does not name.
    async fn look_at_parked(&mut self, records: &[Option<(Record, Token)>]) -> Result<(), StoreError> {
        let (patience, source) = (&self.engine.patience, &self.engine.source);
        for (candidate, record) in self.pending.iter_mut().zip(records) {
            let is_parked = record.as_ref().is_some_and(|(record, _)| record.state == State::Parked);
            if candidate.sight != Sight::Named || !is_parked {
                continue;
            }
            let line = &mut candidate.pair.source;
            match patience.repeated("HeadObject", || source.head_object(&line.key)).await {
                Ok(info) => (*line, candidate.sight) = (info.as_line(&line.key), Sight::Seen),
                // If it is gone, its worker finds out.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if error.kind().may_be_of_one_object() => candidate.sight = Sight::Refused,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn decide(&mut self, candidate: Candidate, record: Option<(Record, Token)>) {
        let held = record.as_ref().and_then(|(record, _)| self.held_back(&candidate, record));
        if let Some(why) = held {
            return self.skip(why);
        }
        let Candidate { pair, sight } = candidate;
        if sight == Sight::Refused {
            return self.send_unseen(pair);
        }
        let why = match self.by_listing(&pair) {
            Decision::Differs(difference) => difference,
            Decision::AskChecksums => Difference::Checksum,
            Decision::Same if has_copied(&pair, record.as_ref().map(|(record, _)| record)) => {
                self.report.same += 1;
                return;
            }
            Decision::Same => Difference::Version,
        };
        // The worker loads a record with an upload by itself, since that is to be taken over.
        let token = record.filter(|(record, _)| record.is_replaceable()).map(|(_, token)| token);
        self.send(pair, token, why);
    }

    /// Why the ledger speaks against sending a job for an object that differs.
    fn held_back(&self, candidate: &Candidate, record: &Record) -> Option<&'static str> {
        let Candidate { pair, sight } = candidate;
        let own = record.source.location == *self.engine.source.location() && record.source.key == pair.source.key;
        let now = self.engine.patience.clock.now();
        match record.state {
            State::Gone | State::Superseded => None,
            _ if !own => {
                tracing::warn!(src_key = %pair.source.key, reason = "collision",
                    "the destination object belongs to the source {} key {:?}", record.source.location, record.source.key.as_str());
                Some("collision")
            }
            State::Copying | State::Completing | State::Restarting => {
                self.is_at_work(record, now).then_some("in-progress")
            }
            // What cannot be looked at has not changed as far as anybody can tell.
            State::Parked if *sight == Sight::Refused => Some("parked"),
            State::Parked => {
                pair.source.etag.as_ref().is_some_and(|etag| record.is_parked_for(etag)).then_some("parked")
            }
            State::Done => None,
        }
    }

    fn is_at_work(&self, record: &Record, now: Timestamp) -> bool {
        let is_held = |lease: &Lease| self.engine.ledger.is_held(lease, now);
        record.lease.as_ref().is_some_and(is_held) || record.carried_until(now, is_held).is_some()
    }

    fn send(&mut self, pair: Pair, token: Option<Token>, why: Difference) {
        let des_etag = match &pair.destination {
            None => Seen::Absent,
            Some(there) => there.etag.clone().map_or(Seen::Unknown, Seen::Is),
        };
        self.push(pair, des_etag, token, why);
    }

    /// The worker meets the same refusal, and parks the job with what the store says.
    fn send_unseen(&mut self, pair: Pair) {
        self.push(pair, Seen::Unknown, None, Difference::Unseen);
    }

    fn push(&mut self, pair: Pair, des_etag: Seen, token: Option<Token>, why: Difference) {
        let Ok(des_key) = pair.destination_key else { return };
        self.report.sent += 1;
        self.report.sent_bytes += pair.source.size;
        *self.report.why.entry(why.name()).or_default() += 1;
        let job = Job {
            src_key: pair.source.key,
            des_key,
            size: pair.source.size,
            etag: pair.source.etag,
            version_id: pair.source.version_id,
            des_etag,
            token,
            why: why.name().to_owned(),
        };
        self.outbox.push(job);
    }

    pub(crate) fn skip(&mut self, why: &'static str) {
        *self.report.skipped.entry(why).or_default() += 1;
    }
}

/// Whether the ledger has this very version of the source as copied.
fn has_copied(pair: &Pair, record: Option<&Record>) -> bool {
    let Some(record) = record.filter(|record| record.state == State::Done) else { return false };
    let pin = &record.source.pin;
    // A bucket that never kept versions, or stopped to, shows none: then the ETag must tell.
    let same_version = match (&pair.source.version_id, &pin.version_id) {
        (Some(listed), Some(copied)) => listed == copied,
        (None, None) | (Some(_), None) | (None, Some(_)) => true,
    };
    let same_etag = pair.source.etag.as_ref().is_none_or(|etag| *etag == pin.etag);
    same_version && same_etag && pair.source.size == pin.size
}
