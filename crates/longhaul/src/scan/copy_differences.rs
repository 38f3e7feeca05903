//! One comparison of a route: merges both listings and copies what differs.

use std::{collections::HashSet, sync::Arc};

use tokio::task::JoinSet;

use crate::{
    copy::{
        attempt::{Backends, CopyJob, Engine, ObjectReport},
        copy_object,
    },
    object::ObjectKey,
    route::{Mode, ScanSpec},
    scan::{
        parallel::Listings,
        totals::{Event, Totals},
        unordered::sorts_from_now_on,
    },
    store::StoreError,
};

/// Scans a route and copies what differs, as many objects at once as the settings say. A listing error ends the scan after
/// the copies under way; the totals then are in the error's company.
///
/// `unsettled` are copies that a crash left between Complete and its record. They come first: the destination may hold
/// them already, and then a comparison would never look at them again.
pub async fn run<B: Backends>(
    engine: &Arc<Engine<B>>,
    scan: &ScanSpec,
    unsettled: Vec<CopyJob>,
    mode: Mode,
    hear: &mut (dyn FnMut(Event<'_>) + Send),
) -> (Totals, Result<(), StoreError>) {
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
    async fn feed<B: Backends>(
        &mut self,
        engine: &Arc<Engine<B>>,
        scan: &ScanSpec,
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
