//! One comparison of the objects that a list names: each is looked at on both sides, and copied where it differs.
//!
//! What the list does not name is never touched. A key that leads nowhere is counted and told, never dropped in silence.

use std::{collections::HashSet, sync::Arc};

use tokio::task::JoinSet;

use crate::{
    copy::{
        attempt::{Backends, CopyJob, Engine, Known, ObjectReport},
        copy_object,
    },
    object::ObjectKey,
    route::{Compare, Decision, Mode, ScanSpec},
    scan::{
        copy_differences,
        key_list::{KeyListError, KeysFrom, Passed},
        listing::{Found, LOOKS, Looker, Pair, Wanted},
        totals::{Event, Totals},
    },
    store::Source,
};

/// What the scan of a list came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListTotals {
    /// As for any scan. *Gone* are also keys that the source did not have in the first place.
    pub totals: Totals,
    /// Keys with another prefix than the route's.
    pub outside: u64,
    /// Rows of the list that name no current object.
    pub passed: Passed,
}

/// Something that the scan of a list has to say while it runs.
pub enum ListEvent<'a> {
    /// What any scan says.
    Scan(Event<'a>),
    /// The source has no such object.
    Gone(&'a ObjectKey),
    /// A key with another prefix than the route's.
    Outside(&'a ObjectKey),
}

/// Hears what the scan of a list has to say.
pub type Hear<'a> = dyn FnMut(ListEvent<'_>) + Send + 'a;

/// One scan under way.
struct Running<'a, B: Backends> {
    engine: &'a Arc<Engine<B>>,
    mode: Mode,
    scan: &'a ScanSpec,
    /// Destination keys that a crash left between Complete and its record: they are copied whatever a comparison says.
    unsettled: HashSet<ObjectKey>,
    list: ListTotals,
    jobs: u64,
    job_bytes: u64,
    copies: JoinSet<ObjectReport>,
    /// Destination keys of the copies under way: a list may name an object twice.
    under_way: HashSet<ObjectKey>,
    /// Destination keys of which what was seen may be out of date: their copies were under way or began since.
    outdated: HashSet<ObjectKey>,
}

/// Copies what `keys` name and what differs, as many objects at once as the settings say. An error of the list, or one that all
/// objects would meet, ends the scan after what the list named before it; the totals then are in the error's company.
///
/// Of `unsettled` (see [`copy_differences::run`]) only what the list names is copied.
pub async fn run<'k, B: Backends, K>(
    engine: &Arc<Engine<B>>,
    scan: &ScanSpec,
    keys: &mut KeysFrom<'k, K, B::Clock>,
    unsettled: Vec<CopyJob>,
    mode: Mode,
    hear: &mut Hear<'_>,
) -> (ListTotals, Result<(), KeyListError>)
where
    K: Source,
{
    let mut running = Running {
        engine,
        mode,
        scan,
        unsettled: unsettled.into_iter().map(|job| job.destination_key).collect(),
        list: ListTotals::default(),
        jobs: 0,
        job_bytes: 0,
        copies: JoinSet::new(),
        under_way: HashSet::new(),
        outdated: HashSet::new(),
    };
    let ended = running.feed(keys, hear).await;
    while running.join_one(hear).await {}
    running.list.passed = keys.passed();
    (running.list, ended)
}

impl<B: Backends> Running<'_, B> {
    async fn feed<K: Source>(
        &mut self,
        keys: &mut KeysFrom<'_, K, B::Clock>,
        hear: &mut Hear<'_>,
    ) -> Result<(), KeyListError> {
        let engine = self.engine;
        let mut looker = Looker::new(engine, self.scan, wanted(self.scan.compare));
        loop {
            // Nothing is left half asked for while copies are waited for.
            let (named, ended) = keys.some(LOOKS).await;
            self.outdated.clone_from(&self.under_way);
            for found in looker.look_at_all(named).await {
                if self.engine.patience.stop.is_cancelled() {
                    return Ok(());
                }
                self.take(found?, hear).await;
            }
            if ended? {
                self.tell_progress(hear);
                return Ok(());
            }
        }
    }

    async fn take(&mut self, found: Found, hear: &mut Hear<'_>) {
        let totals = &mut self.list.totals;
        match found {
            Found::Outside(key) => {
                self.list.outside += 1;
                hear(ListEvent::Outside(&key));
            }
            Found::Filtered => totals.filtered += 1,
            Found::Unplaceable(key, error) => {
                totals.objects += 1;
                totals.failed += 1;
                hear(ListEvent::Scan(Event::Unplaceable(&key, error)));
            }
            Found::Gone(key) => {
                totals.gone += 1;
                hear(ListEvent::Gone(&key));
            }
            Found::Refused { listed, destination_key, error } => {
                totals.objects += 1;
                if self.mode == Mode::DryRun {
                    tracing::warn!("it cannot be told whether it must be copied: {error}");
                    totals.failed += 1;
                } else {
                    // The copy meets the same refusal, and reports it as its own.
                    let job = CopyJob::new(listed.key, destination_key, listed.size.unwrap_or_default());
                    self.begin(job, hear).await;
                }
            }
            Found::Pair(pair) => {
                if let Some(job) = self.judge(*pair) {
                    self.begin(job, hear).await;
                }
            }
        }
    }

    fn judge(&mut self, pair: Pair) -> Option<CopyJob> {
        let Pair { source, destination_key: Ok(destination_key), destination } = pair else { return None };
        self.list.totals.objects += 1;
        self.list.totals.bytes += source.size;
        let decision = self.scan.compare.decide(&source, destination.as_ref());
        if self.unsettled.contains(&destination_key) {
            return Some(CopyJob::new(source.key, destination_key, source.size));
        }
        if decision == Decision::Same {
            self.list.totals.same += 1;
            return None;
        }
        let known = match destination {
            None => Known::Absent,
            Some(there) => there.etag.map_or(Known::Unknown, Known::Is),
        };
        let job = CopyJob::new(source.key, destination_key, source.size);
        Some(CopyJob { known, decision, etag: source.etag, ..job })
    }

    async fn begin(&mut self, mut job: CopyJob, hear: &mut Hear<'_>) {
        self.jobs += 1;
        self.job_bytes += job.size;
        self.tell_progress(hear);
        if self.mode == Mode::DryRun {
            return hear(ListEvent::Scan(Event::WouldCopy(&job)));
        }
        let most = self.engine.settings.objects.max(1);
        while self.copies.len() >= most || self.under_way.contains(&job.destination_key) {
            if !self.join_one(hear).await {
                break;
            }
        }
        if !self.outdated.insert(job.destination_key.clone()) {
            job.known = Known::Unknown;
        }
        self.under_way.insert(job.destination_key.clone());
        let engine = Arc::clone(self.engine);
        self.copies.spawn(async move { copy_object(&engine, &job).await });
    }

    /// Waits for one of the copies under way; `false` if there are none.
    async fn join_one(&mut self, hear: &mut Hear<'_>) -> bool {
        let Some(joined) = self.copies.join_next().await else { return false };
        if let Ok(report) = &joined {
            self.under_way.remove(&report.destination.1);
        }
        copy_differences::finished(joined, &mut self.list.totals, &mut |event| hear(ListEvent::Scan(event)));
        true
    }

    fn tell_progress(&self, hear: &mut Hear<'_>) {
        let (objects, jobs, job_bytes) = (self.list.totals.objects, self.jobs, self.job_bytes);
        hear(ListEvent::Scan(Event::Listed { objects, jobs, job_bytes }));
    }
}

/// A list has sizes and tags, and no reliable times.
fn wanted(compare: Compare) -> Wanted {
    match compare {
        Compare::Size | Compare::Checksum | Compare::None => Wanted::Size,
        Compare::Newer => Wanted::Everything,
    }
}
