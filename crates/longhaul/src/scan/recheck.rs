//! The comparison at the end of a run.

use std::sync::Arc;

use crate::{
    copy::attempt::{Backends, Engine},
    object::ObjectKey,
    route::{Compare, ScanSpec},
    scan::{
        parallel::Listings,
        totals::{Event, Totals},
        unordered::sorts_from_now_on,
    },
    store::StoreError,
};

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
pub async fn compare_sizes<B: Backends>(
    engine: &Arc<Engine<B>>,
    scan: &ScanSpec,
    hear: &mut (dyn FnMut(Event<'_>) + Send),
) -> Result<Option<Comparison>, StoreError> {
    let scan = ScanSpec { compare: Compare::Size, ..scan.clone() };
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

pub(crate) async fn compare_all<B: Backends>(
    engine: &Arc<Engine<B>>,
    scan: &ScanSpec,
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
