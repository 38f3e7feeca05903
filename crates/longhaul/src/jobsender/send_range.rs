//! What the jobsender does for one range of a route: merges both listings and sends what is missing or different.
//!
//! Both listings and the ledger are read as streams, a hundred objects at a time; nothing is held but the open message and
//! the open batch. A listing error ends the range and is reported: it never counts as an empty bucket.

use crate::{
    copy::attempt::{Backends, Engine},
    jobsender::{candidates::Sending, error::SendError, process::SendSettings},
    ledger::SendReport,
    object::ObjectKey,
    queue::JobQueue,
    route::{KeyRange, ScanSpec},
    scan::listing::{Lines, Merge},
};

/// How many objects are looked up in the ledger at once (DynamoDB API, BatchGetItem: 100 keys).
pub(crate) const LOOK_UP: usize = 100;

/// The most keys of a step: about a page.
const KEYS: u64 = 1000;

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
pub struct RangeSender<'a, B: Backends, Q> {
    sending: Sending<'a, B, Q>,
    merge: Merge<'a, B::Source, B::Destination, B::Clock>,
    /// The last key that was handed out.
    read: Option<ObjectKey>,
    /// Keys handed out.
    keys: u64,
    /// The most keys of a step.
    most: u64,
}

/// Scans a route to its end, or until the engine's time is up or it is told to stop: then the report is not complete. The
/// totals stand also behind an error.
pub async fn send_route<B: Backends, Q: JobQueue>(
    engine: &Engine<B>,
    scan: &ScanSpec,
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

impl<'a, B: Backends, Q: JobQueue> RangeSender<'a, B, Q> {
    /// Begins both listings; nothing is asked for yet.
    pub fn new(
        engine: &'a Engine<B>,
        scan: &'a ScanSpec,
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
