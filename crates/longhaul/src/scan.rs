//! One comparison of a route: merges both listings and copies what differs.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use tokio::task::JoinSet;

use crate::{
    compare::Compare,
    copy::{CopyJob, copy_object},
    engine::Engine,
    error::StoreError,
    ignore::IgnoreList,
    listings::Listings,
    object::{KeyError, Location, ObjectKey},
    ports::{Clock, Destination, Ledger, Source},
    proof::ProofLevel,
    report::{ObjectReport, Outcome},
    route::Route,
    unordered::sorts_from_now_on,
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
    /// Copies by their proof.
    pub proofs: BTreeMap<ProofLevel, u64>,
    /// Copies with parts that an earlier leg had sent and only the line speaks for.
    pub transport_only: u64,
    /// Requests made for the copies.
    pub requests: u64,
}

impl Totals {
    /// The listings are read once more from their beginning: what they found is found again, and so is what failed.
    fn begin_again(&mut self) {
        (self.objects, self.bytes, self.filtered, self.same) = (0, 0, 0, 0);
        (self.failed, self.busy, self.interrupted) = (0, 0, 0);
    }

    /// Adds what a listing found.
    fn absorb(&mut self, found: &Self) {
        self.objects += found.objects;
        self.bytes += found.bytes;
        self.filtered += found.filtered;
        self.same += found.same;
        self.failed += found.failed;
    }

    pub(crate) fn add(&mut self, report: &ObjectReport) {
        match report.outcome {
            Outcome::Copied => {
                self.copied += 1;
                self.copied_bytes += report.size;
                if let Some(proof) = report.proof {
                    *self.proofs.entry(proof.level).or_default() += 1;
                    self.transport_only += u64::from(proof.transport_only_parts > 0);
                }
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
    /// The listings came so far, several side by side and so in no order of keys: source objects and bytes of the selection, and of those what must be copied.
    Listed {
        /// Source objects so far.
        objects: u64,
        /// Objects to copy so far.
        jobs: u64,
        /// Bytes to copy so far.
        job_bytes: u64,
    },
    /// This store does not list in byte order: its listing is read whole from now on, sorted, and compared from the beginning.
    Sorting(&'a Location),
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
    let settled: HashSet<ObjectKey> = unsettled.iter().map(|job| job.destination_key.clone()).collect();
    let mut pass = Pass::default();
    for job in unsettled {
        let report = copy_object(engine, &job).await;
        finished(Ok(report), &mut pass.totals, hear);
    }
    let mut copied_before = 0;
    let listed = loop {
        let listed = pass.feed(engine, scan, &settled, mode, hear).await;
        while let Some(joined) = pass.running.join_next().await {
            finished(joined, &mut pass.totals, hear);
        }
        match listed {
            Err(error) if sorts_from_now_on(engine, &error, hear) => {
                copied_before = pass.totals.copied;
                pass.totals.begin_again();
            }
            listed => break listed,
        }
    };
    // What was copied before the listings were begun anew was found again.
    pass.totals.same = pass.totals.same.saturating_sub(copied_before);
    (pass.totals, listed)
}

/// A scan under way.
#[derive(Default)]
struct Pass {
    totals: Totals,
    running: JoinSet<ObjectReport>,
    jobs: u64,
    job_bytes: u64,
}

impl Pass {
    /// Reads both listings to their end, and copies what differs.
    async fn feed<S: Source, D: Destination, L: Ledger, C: Clock>(
        &mut self,
        engine: &Arc<Engine<S, D, L, C>>,
        scan: &Scan,
        settled: &HashSet<ObjectKey>,
        mode: Mode,
        hear: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<(), StoreError> {
        let mut listings = Listings::begin(engine, scan);
        while let Some(batch) = listings.next().await? {
            self.totals.absorb(&batch.totals);
            for (key, error) in batch.unplaceable {
                hear(Event::Unplaceable(&key, error));
            }
            let new: Vec<CopyJob> =
                batch.jobs.into_iter().filter(|job| !settled.contains(&job.destination_key)).collect();
            self.jobs += new.len() as u64;
            self.job_bytes += new.iter().map(|job| job.size).sum::<u64>();
            hear(Event::Listed { objects: self.totals.objects, jobs: self.jobs, job_bytes: self.job_bytes });
            for job in new {
                if engine.patience.stop.is_cancelled() {
                    return Ok(());
                }
                if mode == Mode::DryRun {
                    hear(Event::WouldCopy(&job));
                    continue;
                }
                while self.running.len() >= engine.settings.objects.max(1) {
                    let Some(joined) = self.running.join_next().await else { break };
                    finished(joined, &mut self.totals, hear);
                }
                let engine = engine.clone();
                self.running.spawn(async move { copy_object(&engine, &job).await });
            }
        }
        Ok(())
    }
}

pub(crate) fn finished(
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
    engine: &Arc<Engine<S, D, L, C>>,
    scan: &Scan,
    hear: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<Option<Comparison>, StoreError> {
    let scan = Scan { compare: Compare::Size, ..scan.clone() };
    let mut found = loop {
        match compare_all(engine, &scan).await {
            Err(error) if sorts_from_now_on(engine, &error, hear) => {}
            compared => break compared?,
        }
    };
    if engine.patience.stop.is_cancelled() {
        return Ok(None);
    }
    found.examples.sort();
    Ok(Some(found))
}

async fn compare_all<S: Source, D: Destination, L: Ledger, C: Clock>(
    engine: &Arc<Engine<S, D, L, C>>,
    scan: &Scan,
) -> Result<Comparison, StoreError> {
    let mut listings = Listings::begin(engine, scan);
    let mut totals = Totals::default();
    let mut found = Comparison::default();
    while let Some(batch) = listings.next().await? {
        totals.absorb(&batch.totals);
        found.different += batch.jobs.len() as u64;
        let room = Comparison::SHOWN.saturating_sub(found.examples.len());
        found.examples.extend(batch.jobs.into_iter().take(room).map(|job| job.source_key));
    }
    found.different += totals.failed;
    (found.objects, found.bytes) = (totals.objects, totals.bytes);
    Ok(found)
}
