//! What differs between both sides of a range, a batch at a time.

use crate::{
    copy::attempt::{Backends, CopyJob, Engine, Known},
    object::{KeyError, ObjectKey},
    route::{Decision, KeyRange, ScanSpec},
    scan::{
        listing::{Beginnings, Merge, Pair},
        totals::Totals,
    },
    store::{ErrorKind, Source, StoreError},
};

/// The jobs of one range of a scan, one by one.
pub(crate) struct Differences<'a, B: Backends> {
    engine: &'a Engine<B>,
    scan: &'a ScanSpec,
    merge: Merge<'a, B::Source, B::Destination, B::Clock>,
    found: Batch,
    keys: u64,
}

/// What some keys of a scan came to.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Counts.
    pub totals: Totals,
    /// What must be copied.
    pub jobs: Vec<CopyJob>,
    /// What has no place at the destination.
    pub unplaceable: Vec<(ObjectKey, KeyError)>,
}

/// The most jobs of a batch.
const JOBS: usize = 100;

/// The most keys that are looked at for a batch.
const KEYS: u64 = 1000;

impl<'a, B: Backends> Differences<'a, B> {
    /// Begins both listings of a range; nothing is asked for yet.
    pub fn new(engine: &'a Engine<B>, scan: &'a ScanSpec, range: &KeyRange) -> Self {
        let merge = Merge::new(&scan.route, range, (&engine.source, &engine.destination), &engine.patience);
        Self { engine, scan, merge, found: Batch::default(), keys: 0 }
    }

    /// Tells what the range begins with, and asks there what the next one does.
    pub fn beside(self, beginnings: &'a Beginnings) -> Self {
        Self { merge: self.merge.beside(beginnings), ..self }
    }

    /// What the next keys come to, and whether they were the last, or why it is not known.
    pub async fn batch(&mut self) -> (Batch, Result<bool, StoreError>) {
        let end = self.keys + KEYS;
        let mut ended = Ok(false);
        while self.keys < end && self.found.jobs.len() < JOBS && matches!(ended, Ok(false)) {
            ended = self.next().await;
        }
        (std::mem::take(&mut self.found), ended)
    }

    /// How many source keys were looked at.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// The last of them.
    pub fn cursor(&self) -> Option<&str> {
        self.merge.cursor()
    }

    /// Ends the range earlier, behind the cursor.
    pub fn end_at(&mut self, until: Option<String>) {
        self.merge.end_at(until);
    }

    /// Looks at the next key. Whether there was none.
    async fn next(&mut self) -> Result<bool, StoreError> {
        if let Some((source, destination)) = self.scan.route.as_single() {
            return self.single(source, destination).await;
        }
        if self.engine.patience.stop.is_cancelled() {
            return Ok(true);
        }
        let Some(pair) = self.merge.next().await? else { return Ok(true) };
        self.judge(pair);
        Ok(false)
    }

    fn judge(&mut self, pair: Pair) {
        self.keys += 1;
        let totals = &mut self.found.totals;
        let rest = self.scan.route.source_rest(&pair.source.key).unwrap_or_default();
        if !self.scan.selection.has(&self.engine.source.location().bucket, rest, &pair.source.key) {
            totals.filtered += 1;
            return;
        }
        totals.objects += 1;
        totals.bytes += pair.source.size;
        let destination_key = match pair.destination_key {
            Ok(key) => key,
            Err(error) => {
                totals.failed += 1;
                self.found.unplaceable.push((pair.source.key, error));
                return;
            }
        };
        let decision = self.scan.compare.decide(&pair.source, pair.destination.as_ref());
        if decision == Decision::Same {
            totals.same += 1;
            return;
        }
        let known = match pair.destination {
            None => Known::Absent,
            Some(there) => there.etag.map_or(Known::Unknown, Known::Is),
        };
        self.found.jobs.push(CopyJob {
            known,
            decision,
            etag: pair.source.etag,
            ..CopyJob::new(pair.source.key, destination_key, pair.source.size)
        });
    }

    /// One named object: listing would be a detour.
    async fn single(&mut self, source: &ObjectKey, destination: &ObjectKey) -> Result<bool, StoreError> {
        let engine = self.engine;
        let here = engine.patience.repeated("HeadObject", || engine.source.head_object(source)).await?;
        let there = match engine.patience.repeated("HeadObject", || engine.destination.head_object(destination)).await {
            Ok(there) => Some(there.as_line(destination)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let pair = Pair { source: here.as_line(source), destination_key: Ok(destination.clone()), destination: there };
        self.judge(pair);
        Ok(true)
    }
}
