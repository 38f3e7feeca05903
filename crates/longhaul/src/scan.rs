//! One comparison of a route: merges both listings and copies what differs.

use std::{collections::HashSet, sync::Arc};

use tokio::task::JoinSet;

use crate::{
    compare::{Compare, Decision},
    copy::{CopyJob, Known, copy_object},
    diff::{Merge, Pair},
    engine::Engine,
    error::{ErrorKind, StoreError},
    ignore::IgnoreList,
    object::{KeyError, ObjectKey},
    ports::{Clock, Destination, Ledger, Source},
    range::KeyRange,
    report::{ObjectReport, Outcome},
    route::Route,
};

/// Which objects of a route are meant.
#[derive(Clone, Debug)]
pub struct Selection {
    /// If not empty, only keys that one of these matches.
    pub include: IgnoreList,
    /// Not the keys that one of these matches.
    pub exclude: IgnoreList,
    /// The ignore list, matched on `bucket/key`.
    pub ignore: IgnoreList,
}

impl Selection {
    /// Everything.
    pub fn all() -> Self {
        Self { include: IgnoreList::none(), exclude: IgnoreList::none(), ignore: IgnoreList::none() }
    }

    /// Whether a source key is meant; `rest` is what both sides share of it.
    pub fn has(&self, bucket: &str, rest: &str, key: &ObjectKey) -> bool {
        (self.include.is_empty() || self.include.matches(rest))
            && !self.exclude.matches(rest)
            && !self.ignore.ignores(bucket, key.as_str())
    }
}

/// What to scan.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Keys and their places.
    pub route: Route,
    /// Which of them.
    pub selection: Selection,
    /// What makes a difference.
    pub compare: Compare,
}

/// What a scan came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Source objects that the selection has.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Not in the selection.
    pub filtered: u64,
    /// Found to be the same.
    pub same: u64,
    /// Copied.
    pub copied: u64,
    /// Bytes of those.
    pub copied_bytes: u64,
    /// Bytes sent, repeats included.
    pub sent_bytes: u64,
    /// Parts taken over from earlier legs.
    pub parts_resumed: u64,
    /// Not copied.
    pub failed: u64,
    /// Deleted at the source meanwhile.
    pub gone: u64,
    /// Being copied by another process.
    pub busy: u64,
    /// Left for the next run.
    pub interrupted: u64,
    /// Copied, but something was not preserved.
    pub not_preserved: u64,
    /// Requests made for the copies.
    pub requests: u64,
}

impl Totals {
    fn add(&mut self, report: &ObjectReport) {
        match report.outcome {
            Outcome::Copied => {
                self.copied += 1;
                self.copied_bytes += report.size;
            }
            Outcome::Skipped => self.same += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Gone => self.gone += 1,
            Outcome::Interrupted => self.interrupted += 1,
            Outcome::Busy | Outcome::Continues => self.busy += 1,
        }
        self.sent_bytes += report.bytes_sent;
        self.parts_resumed += u64::from(report.parts_resumed);
        self.requests += report.requests;
        self.not_preserved += u64::from(!report.not_preserved.is_empty());
    }
}

/// Something that a scan has to say while it runs.
pub enum Event<'a> {
    /// A copy ended.
    Object(&'a ObjectReport),
    /// A source key that has no place at the destination: there it would be too long. It counts as failed.
    Unplaceable(&'a ObjectKey, KeyError),
    /// An object that would be copied.
    WouldCopy(&'a CopyJob),
    /// The listings came so far: source objects and bytes of the selection, and of those what must be copied.
    Listed {
        /// Source objects so far.
        objects: u64,
        /// Objects to copy so far.
        jobs: u64,
        /// Bytes to copy so far.
        job_bytes: u64,
    },
}

/// Whether a scan copies or only says what it would copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Copy.
    Copy,
    /// Only say.
    DryRun,
}

/// Scans a route and copies what differs, as many objects at once as the settings say. A listing error ends the scan after
/// the copies under way; the totals then are in the error's company.
///
/// `unsettled` are copies that a crash left between Complete and its record. They come first: the destination may hold
/// them already, and then a comparison would never look at them again.
pub async fn run<S, D, L, C>(
    engine: &Arc<Engine<S, D, L, C>>,
    scan: &Scan,
    unsettled: Vec<CopyJob>,
    mode: Mode,
    hear: &mut (dyn FnMut(Event<'_>) + Send),
) -> (Totals, Result<(), StoreError>)
where
    S: Source,
    D: Destination,
    L: Ledger,
    C: Clock,
{
    let mut totals = Totals::default();
    let mut running = JoinSet::new();
    let settled: HashSet<ObjectKey> = unsettled.iter().map(|job| job.destination_key.clone()).collect();
    for job in unsettled {
        let report = copy_object(engine, &job).await;
        finished(Ok(report), &mut totals, hear);
    }
    let listed = feed(engine, scan, &settled, mode, &mut totals, &mut running, hear).await;
    while let Some(joined) = running.join_next().await {
        finished(joined, &mut totals, hear);
    }
    (totals, listed)
}

async fn feed<S: Source, D: Destination, L: Ledger, C: Clock>(
    engine: &Arc<Engine<S, D, L, C>>,
    scan: &Scan,
    settled: &HashSet<ObjectKey>,
    mode: Mode,
    totals: &mut Totals,
    running: &mut JoinSet<ObjectReport>,
    hear: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<(), StoreError> {
    let mut differences = Differences::new(engine, scan, &KeyRange::all());
    let (mut jobs, mut job_bytes) = (0, 0);
    while !engine.patience.stop.is_cancelled() {
        let next = differences.next(totals).await?;
        for (key, error) in differences.unplaceable.drain(..) {
            hear(Event::Unplaceable(&key, error));
        }
        let Some(job) = next else { break };
        if settled.contains(&job.destination_key) {
            continue;
        }
        (jobs, job_bytes) = (jobs + 1, job_bytes + job.size);
        hear(Event::Listed { objects: totals.objects, jobs, job_bytes });
        if mode == Mode::DryRun {
            hear(Event::WouldCopy(&job));
            continue;
        }
        while running.len() >= engine.settings.objects.max(1) {
            let Some(joined) = running.join_next().await else { break };
            finished(joined, totals, hear);
        }
        let engine = engine.clone();
        running.spawn(async move { copy_object(&engine, &job).await });
    }
    hear(Event::Listed { objects: totals.objects, jobs, job_bytes });
    Ok(())
}

fn finished(
    joined: Result<ObjectReport, tokio::task::JoinError>,
    totals: &mut Totals,
    hear: &mut (dyn FnMut(Event<'_>) + Send),
) {
    match joined {
        Ok(report) => {
            totals.add(&report);
            hear(Event::Object(&report));
        }
        // A panic is one object's failure; its record is open and the next run carries on.
        Err(error) => {
            tracing::error!(%error, "a copy panicked; this is a defect of longhaul, please report it");
            totals.failed += 1;
        }
    }
}

/// The jobs of a scan, one by one.
pub struct Differences<'a, S, D, L, C> {
    engine: &'a Engine<S, D, L, C>,
    scan: &'a Scan,
    merge: Merge<'a, S, D, C>,
    unplaceable: Vec<(ObjectKey, KeyError)>,
}

impl<'a, S: Source, D: Destination, L: Ledger, C: Clock> Differences<'a, S, D, L, C> {
    /// Begins both listings of a range; nothing is asked for yet.
    pub fn new(engine: &'a Engine<S, D, L, C>, scan: &'a Scan, range: &KeyRange) -> Self {
        let merge = Merge::new(&scan.route, range, (&engine.source, &engine.destination), &engine.patience);
        Self { engine, scan, merge, unplaceable: Vec::new() }
    }

    /// The next object that must be copied; what need not be is counted in `totals`.
    pub async fn next(&mut self, totals: &mut Totals) -> Result<Option<CopyJob>, StoreError> {
        if let Some((source, destination)) = self.scan.route.as_single() {
            return self.single(source, destination, totals).await;
        }
        while let Some(pair) = self.merge.next().await? {
            if self.engine.patience.stop.is_cancelled() {
                break;
            }
            if let Some(job) = self.judge(pair, totals) {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    fn judge(&mut self, pair: Pair, totals: &mut Totals) -> Option<CopyJob> {
        let rest = self.scan.route.source_rest(&pair.source.key).unwrap_or_default();
        if !self.scan.selection.has(&self.engine.source.location().bucket, rest, &pair.source.key) {
            totals.filtered += 1;
            return None;
        }
        totals.objects += 1;
        totals.bytes += pair.source.size;
        let destination_key = match pair.destination_key {
            Ok(key) => key,
            Err(error) => {
                totals.failed += 1;
                self.unplaceable.push((pair.source.key, error));
                return None;
            }
        };
        let decision = self.scan.compare.decide(&pair.source, pair.destination.as_ref());
        if decision == Decision::Same {
            totals.same += 1;
            return None;
        }
        let known = match pair.destination {
            None => Known::Absent,
            Some(there) => there.etag.map_or(Known::Unknown, Known::Is),
        };
        Some(CopyJob {
            known,
            decision,
            etag: pair.source.etag,
            ..CopyJob::new(pair.source.key, destination_key, pair.source.size)
        })
    }

    /// One named object: listing would be a detour.
    async fn single(
        &mut self,
        source: &ObjectKey,
        destination: &ObjectKey,
        totals: &mut Totals,
    ) -> Result<Option<CopyJob>, StoreError> {
        if totals.objects > 0 {
            return Ok(None);
        }
        let engine = self.engine;
        let here = engine.patience.repeated("HeadObject", || engine.source.head_object(source)).await?;
        let there = match engine.patience.repeated("HeadObject", || engine.destination.head_object(destination)).await {
            Ok(there) => Some(there.as_line(destination)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let pair = Pair { source: here.as_line(source), destination_key: Ok(destination.clone()), destination: there };
        Ok(self.judge(pair, totals))
    }
}

/// What the last look at both sides found.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Source objects compared.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many are absent at the destination or have another size.
    pub different: u64,
    /// The first of them, at most [`Comparison::SHOWN`].
    pub examples: Vec<ObjectKey>,
}

impl Comparison {
    /// How many differing keys are kept for people.
    pub const SHOWN: usize = 100;
}

/// Lists both sides once more and compares sizes. `None` when it was stopped on the way.
pub async fn compare_sizes<S: Source, D: Destination, L: Ledger, C: Clock>(
    engine: &Engine<S, D, L, C>,
    scan: &Scan,
) -> Result<Option<Comparison>, StoreError> {
    let scan = Scan { compare: Compare::Size, ..scan.clone() };
    let mut differences = Differences::new(engine, &scan, &KeyRange::all());
    let mut totals = Totals::default();
    let mut found = Comparison::default();
    while let Some(job) = differences.next(&mut totals).await? {
        if engine.patience.stop.is_cancelled() {
            return Ok(None);
        }
        found.different += 1;
        if found.examples.len() < Comparison::SHOWN {
            found.examples.push(job.source_key);
        }
    }
    found.different += totals.failed;
    if engine.patience.stop.is_cancelled() {
        return Ok(None);
    }
    (found.objects, found.bytes) = (totals.objects, totals.bytes);
    Ok(Some(found))
}
