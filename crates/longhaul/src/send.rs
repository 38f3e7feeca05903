//! What the jobsender does for one range of a route: merges both listings and sends what is missing or different.
//!
//! Both listings and the ledger are read as streams, a hundred objects at a time; nothing is held but the open message and
//! the open batch. A listing error ends the range and is reported: it never counts as an empty bucket.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::{
    compare::{Compare, Decision, Difference},
    diff::{Merge, Pair},
    engine::Engine,
    error::{LedgerError, QueueError, StoreError},
    job::{Destination as Seen, Job},
    listing::Lines,
    object::{ObjectKey, Timestamp},
    outbox::Outbox,
    pack::{Packer, Packing},
    ports::{Clock, Destination, Ledger, Source},
    queue::JobQueue,
    range::KeyRange,
    record::{Lease, Record, RecordKey, State, Token},
    scan::{Mode, Scan},
};

/// How many objects are looked up in the ledger at once (DynamoDB API, BatchGetItem: 100 keys).
const LOOK_UP: usize = 100;
/// The most keys of a step: about a page.
const KEYS: u64 = 1000;

/// How a route is scanned and sent.
#[derive(Clone, Copy, Debug)]
pub struct SendSettings {
    /// Whether the source's versions are compared with those that the ledger has as copied.
    pub versions: Lines,
    /// How jobs are packed.
    pub packing: Packing,
    /// Whether anything is sent.
    pub mode: Mode,
}

/// What the scan of a route came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SendReport {
    /// Source objects seen, without the ignored ones.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Found to be the same at the destination.
    pub same: u64,
    /// Objects sent as jobs; in a dry run, those that would be.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Messages that carry them.
    pub messages: u64,
    /// Objects that are not the same and were not sent, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Why objects were sent.
    pub why: BTreeMap<&'static str, u64>,
    /// Objects whose jobs the queue refused again and again. The next scan finds them anew.
    pub refused: u64,
    /// Whether both listings were read to their end.
    pub complete: bool,
    /// By what objects of equal size were compared: `versions`, or what the setting says.
    pub compared_by: &'static str,
}

impl SendReport {
    /// Adds what a further part came to. It is complete if both are.
    pub fn add(&mut self, part: &Self) {
        self.objects += part.objects;
        self.bytes += part.bytes;
        self.same += part.same;
        self.sent += part.sent;
        self.sent_bytes += part.sent_bytes;
        self.messages += part.messages;
        self.refused += part.refused;
        for (sums, parts) in [(&mut self.skipped, &part.skipped), (&mut self.why, &part.why)] {
            for (why, count) in parts {
                *sums.entry(why).or_default() += count;
            }
        }
        self.complete &= part.complete;
        self.compared_by = part.compared_by;
    }
}

/// Why a route was not scanned to its end.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A listing failed.
    #[error(transparent)]
    Listing(#[from] StoreError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There may be more.
    More,
    /// Both listings were read to their end.
    End,
    /// The engine's time is up, or it was told to stop.
    Over,
}

/// One range of a route under way. What it finds is sent when it fills a batch, or by [`flush`](Self::flush).
pub struct RangeSender<'a, S, D, L, C, Q> {
    engine: &'a Engine<S, D, L, C>,
    scan: &'a Scan,
    settings: SendSettings,
    merge: Merge<'a, S, D, C>,
    outbox: Outbox<'a, C, Q>,
    report: SendReport,
    /// What the ledger may have a say in, and has not been asked about.
    pending: Vec<Pair>,
    /// The last key that was handed out.
    read: Option<ObjectKey>,
    /// Keys handed out.
    keys: u64,
    /// Whether jobs were refused by the queue: then what was compared is not done.
    refused: bool,
}

/// Scans a route to its end, or until the engine's time is up or it is told to stop: then the report is not complete. The
/// totals stand also behind an error.
pub async fn send_route<S: Source, D: Destination, L: Ledger, C: Clock, Q: JobQueue>(
    engine: &Engine<S, D, L, C>,
    scan: &Scan,
    queue: &Q,
    settings: SendSettings,
) -> (SendReport, Result<(), SendError>) {
    let mut sender = RangeSender::new(engine, scan, &KeyRange::all(), queue, settings);
    let ended = loop {
        match sender.step().await {
            Ok(Step::More) => {}
            ended => break ended,
        }
    };
    // What was found before an error is sent all the same.
    let sent = sender.flush().await;
    let mut report = sender.take_report();
    report.complete = matches!(ended, Ok(Step::End));
    (report, ended.map(|_| ()).and(sent))
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

impl<'a, S: Source, D: Destination, L: Ledger, C: Clock, Q: JobQueue> RangeSender<'a, S, D, L, C, Q> {
    /// Begins both listings; nothing is asked for yet.
    pub fn new(
        engine: &'a Engine<S, D, L, C>,
        scan: &'a Scan,
        range: &KeyRange,
        queue: &'a Q,
        settings: SendSettings,
    ) -> Self {
        let stores = (&engine.source, &engine.destination);
        let merge = Merge::new(&scan.route, range, stores, &engine.patience);
        let merge = if settings.versions == Lines::Versions { merge.with_versions() } else { merge };
        let (src, des) = (&stores.0.location().bucket, &stores.1.location().bucket);
        let outbox = Outbox::new(queue, &engine.patience, settings.mode, Packer::new(settings.packing, src, des));
        let report = SendReport { compared_by: name_of(scan.compare), ..SendReport::default() };
        Self { engine, scan, settings, merge, outbox, report, pending: Vec::new(), read: None, keys: 0, refused: false }
    }

    /// Compares some more keys. Behind an error only [`flush`](Self::flush) makes sense.
    pub async fn step(&mut self) -> Result<Step, SendError> {
        if self.is_over() {
            return Ok(Step::Over);
        }
        let ended = self.read_some().await;
        if self.settings.versions == Lines::Versions {
            self.report.compared_by = if self.merge.source_lines() == Lines::Versions { "version" } else { "etag" };
        }
        if self.pending.len() >= LOOK_UP {
            self.judge().await?;
        }
        let sent = self.outbox.send_full(&mut self.report).await;
        self.heed(sent)?;
        Ok(if ended? { Step::End } else { Step::More })
    }

    /// Sends what waits for more to come. Then everything up to the [`cursor`](Self::cursor) is done.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        let judged = self.judge().await;
        let sent = self.outbox.flush(&mut self.report).await;
        judged.and(self.heed(sent))
    }

    fn heed(&mut self, sent: Result<(), QueueError>) -> Result<(), SendError> {
        self.refused |= sent.is_err();
        Ok(sent?)
    }

    /// Behind a [`flush`](Self::flush): the last source key that was compared. None once the queue has refused jobs, since
    /// nobody knows which.
    pub fn cursor(&self) -> Option<&ObjectKey> {
        self.read.as_ref().filter(|_| self.pending.is_empty() && !self.refused)
    }

    /// Source keys that were read.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// What it came to since the last time that this was asked.
    pub fn take_report(&mut self) -> SendReport {
        let next = SendReport { compared_by: self.report.compared_by, ..SendReport::default() };
        std::mem::replace(&mut self.report, next)
    }

    /// Ends the range earlier, behind the cursor.
    pub fn end_at(&mut self, until: Option<String>) {
        self.merge.end_at(until);
    }

    /// Whether the time is up, or the run was told to stop.
    fn is_over(&self) -> bool {
        let patience = &self.engine.patience;
        patience.stop.is_cancelled() || !patience.has_time_for(Duration::ZERO)
    }

    /// Reads some keys, and keeps those that the ledger may have a say in. Whether the listings came to their end.
    async fn read_some(&mut self) -> Result<bool, SendError> {
        let bucket = &self.engine.source.location().bucket;
        let end = self.keys + KEYS;
        while self.pending.len() < LOOK_UP && self.keys < end && !self.is_over() {
            let Some(pair) = self.merge.next().await? else { return Ok(true) };
            self.read = Some(pair.source.key.clone());
            self.keys += 1;
            let rest = self.scan.route.source_rest(&pair.source.key).unwrap_or_default();
            if !self.scan.selection.has(bucket, rest, &pair.source.key) {
                self.skip("ignored");
                continue;
            }
            self.report.objects += 1;
            self.report.bytes += pair.source.size;
            if let Err(error) = &pair.destination_key {
                tracing::warn!(src_bucket = bucket, src_key = %pair.source.key, reason = "invalid-key", "no place at the destination: {error}");
                self.skip("invalid-key");
            } else if self.is_plainly_same(&pair) {
                self.report.same += 1;
            } else {
                self.pending.push(pair);
            }
        }
        Ok(false)
    }

    /// Whether the listings alone say that nothing is to be done.
    fn is_plainly_same(&self, pair: &Pair) -> bool {
        self.settings.versions == Lines::Objects && self.by_listing(pair) == Decision::Same
    }

    fn by_listing(&self, pair: &Pair) -> Decision {
        self.scan.compare.decide(&pair.source, pair.destination.as_ref())
    }

    /// Asks the ledger about what is pending, which stays so if the ledger fails.
    async fn judge(&mut self) -> Result<(), SendError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let location = self.engine.destination.location();
        let key =
            |pair: &Pair| pair.destination_key.clone().ok().map(|key| RecordKey { location: location.clone(), key });
        let keys: Vec<RecordKey> = self.pending.iter().filter_map(key).collect();
        let records = self.engine.ledger.load_many(&keys).await?;
        for (pair, record) in std::mem::take(&mut self.pending).into_iter().zip(records) {
            self.decide(pair, record);
        }
        Ok(())
    }

    fn decide(&mut self, pair: Pair, record: Option<(Record, Token)>) {
        let held = record.as_ref().and_then(|(record, _)| self.held_back(&pair, record));
        if let Some(why) = held {
            return self.skip(why);
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
        // The worker loads an open record by itself, with what is to be taken over.
        let token = record.filter(|(record, _)| !record.state.is_open()).map(|(_, token)| token);
        self.send(pair, token, why);
    }

    /// Why the ledger speaks against sending a job for an object that differs.
    fn held_back(&self, pair: &Pair, record: &Record) -> Option<&'static str> {
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
            State::Parked => (pair.source.etag.as_ref() == Some(&record.source.pin.etag)).then_some("parked"),
            State::Done => None,
        }
    }

    fn is_at_work(&self, record: &Record, now: Timestamp) -> bool {
        let is_held = |lease: &Lease| self.engine.ledger.is_held(lease, now);
        record.lease.as_ref().is_some_and(is_held) || record.is_carried_by_segments(now, is_held)
    }

    fn send(&mut self, pair: Pair, token: Option<Token>, why: Difference) {
        let Ok(des_key) = pair.destination_key else { return };
        self.report.sent += 1;
        self.report.sent_bytes += pair.source.size;
        *self.report.why.entry(why.name()).or_default() += 1;
        let des_etag = match pair.destination {
            None => Seen::Absent,
            Some(there) => there.etag.map_or(Seen::Unknown, Seen::Is),
        };
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

    fn skip(&mut self, why: &'static str) {
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
