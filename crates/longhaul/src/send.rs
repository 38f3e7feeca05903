//! What the jobsender does for one range of a route: merges both listings and sends what is missing or different.
//!
//! Both listings and the ledger are read as streams, a hundred objects at a time; nothing is held but the open message and
//! the open batch. A listing error ends the range and is reported: it never counts as an empty bucket.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    diff::Merge,
    engine::Engine,
    error::{LedgerError, QueueError, StoreError},
    key_list::KeyListError,
    listing::Lines,
    object::ObjectKey,
    pack::Packing,
    ports::{Clock, Destination, Ledger, Source},
    queue::JobQueue,
    range::KeyRange,
    scan::{Mode, Scan},
    sending::Sending,
};

/// How many objects are looked up in the ledger at once (DynamoDB API, BatchGetItem: 100 keys).
pub(crate) const LOOK_UP: usize = 100;
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

/// So many keys that a list names and the source lacks are named in a report. The log names all.
pub const MISSING_NAMED: usize = 20;

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
    /// Keys that the list names and the source lacks, up to [`MISSING_NAMED`]; `skipped` counts all of them as `gone`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<ObjectKey>,
    /// Lists that had changed since an earlier leg, and were begun anew.
    pub begun_anew: u64,
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
        self.begun_anew += part.begun_anew;
        let room = MISSING_NAMED.saturating_sub(self.missing.len());
        self.missing.extend(part.missing.iter().take(room).cloned());
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
    /// The list of keys failed.
    #[error(transparent)]
    List(KeyListError),
}

impl From<KeyListError> for SendError {
    fn from(error: KeyListError) -> Self {
        match error {
            KeyListError::Store(error) => Self::Listing(error),
            other => Self::List(other),
        }
    }
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
    sending: Sending<'a, S, D, L, C, Q>,
    merge: Merge<'a, S, D, C>,
    /// The last key that was handed out.
    read: Option<ObjectKey>,
    /// Keys handed out.
    keys: u64,
    /// The most keys of a step.
    most: u64,
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
        Self { sending: Sending::new(engine, scan, queue, settings), merge, read: None, keys: 0, most: KEYS }
    }

    /// Reads no more than so many keys in a step, so that a range is cut as soon as it is known to be long.
    pub fn in_steps_of(self, keys: u64) -> Self {
        Self { most: keys.clamp(1, KEYS), ..self }
    }

    /// Compares some more keys. Behind an error only [`flush`](Self::flush) makes sense.
    pub async fn step(&mut self) -> Result<Step, SendError> {
        if self.sending.is_over() {
            return Ok(Step::Over);
        }
        let ended = self.read_some().await;
        if self.sending.settings.versions == Lines::Versions {
            let by = if self.merge.source_lines() == Lines::Versions { "version" } else { "etag" };
            self.sending.report.compared_by = by;
        }
        if self.sending.pending.len() >= LOOK_UP {
            self.sending.judge().await?;
        }
        self.sending.send_full().await?;
        Ok(if ended? { Step::End } else { Step::More })
    }

    /// Sends what waits for more to come. Then everything up to the [`cursor`](Self::cursor) is done.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        self.sending.flush().await
    }

    /// Behind a [`flush`](Self::flush): the last source key that was compared. None once the queue has refused jobs, since
    /// nobody knows which.
    pub fn cursor(&self) -> Option<&ObjectKey> {
        self.read.as_ref().filter(|_| self.sending.has_sent_all())
    }

    /// Source keys that were read.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// What it came to since the last time that this was asked.
    pub fn take_report(&mut self) -> SendReport {
        self.sending.take_report()
    }

    /// Ends the range earlier, behind the cursor.
    pub fn end_at(&mut self, until: Option<String>) {
        self.merge.end_at(until);
    }

    /// Reads some keys, and keeps those that the ledger may have a say in. Whether the listings came to their end.
    async fn read_some(&mut self) -> Result<bool, SendError> {
        let end = self.keys + self.most;
        while self.sending.pending.len() < LOOK_UP && self.keys < end && !self.sending.is_over() {
            let Some(pair) = self.merge.next().await? else { return Ok(true) };
            self.read = Some(pair.source.key.clone());
            self.keys += 1;
            self.sending.take(pair);
        }
        Ok(false)
    }
}
