//! What all copies of one process share: both stores, the ledger, the budget, patience, and those who watch.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    copy::attempt::report::{Observer, Silent},
    ledger::Ledger,
    limits::{Bandwidth, Budget, Clock, RequestPolicy, pace},
    object::{DEFAULT_PART_SIZE, MIB, Verify},
    route::LONG,
    store::{Destination, Kept, Source, Tags},
};

/// What becomes of a copy whose place at the destination another source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collisions {
    /// The person who started it decides: it is replaced.
    Overwrite,
    /// Nobody is there to decide: it is parked.
    Park,
}

/// How objects are copied.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Objects at once; small ones are bound by it, large ones by `concurrency`.
    pub objects: usize,
    /// Parts in flight, all objects together.
    pub concurrency: usize,
    /// Listings side by side, where a bucket is large.
    pub list_ranges: usize,
    /// A listing of more source keys than this is cut into ranges.
    pub list_split_after: u64,
    /// Bytes of a part, unless the object needs larger ones.
    pub part_size: u64,
    /// Objects up to this size travel in one request.
    pub multipart_threshold: u64,
    /// Larger objects are cut into segments of about so many bytes, each a message of its own, which any number of workers fill at
    /// once; `None`: one process copies all parts of an object.
    pub segment_size: Option<u64>,
    /// Bytes per second, all objects together.
    pub bandwidth: Option<u64>,
    /// Storage class at the destination; `None` is the store's default.
    pub storage_class: Option<String>,
    /// How much proof is asked for.
    pub verify: Verify,
    /// Whether a store that can copy by itself is asked to.
    pub server_side: bool,
    /// Whether a finished record that both sides confirm saves a copy.
    pub trust_ledger: bool,
    /// How often a copy begins anew because its source changed or its upload vanished.
    pub max_restarts: u32,
    /// Whether reads name the pinned version where the source has versions. The ETag pins every read in any case.
    pub read_versions: bool,
    /// What becomes of a copy whose place at the destination another source has.
    pub collisions: Collisions,
    /// Whether copies carry a [mark](crate::object::mark) of their source among their metadata, and those that came from the place to which they
    /// would be sent are not sent back.
    pub mark_copies: bool,
    /// After so many legs in a row that brought no part across, a copy is parked; `None`: never.
    pub max_idle_legs: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            objects: 32,
            concurrency: 32,
            list_ranges: 8,
            list_split_after: LONG,
            part_size: DEFAULT_PART_SIZE,
            multipart_threshold: 16 * MIB,
            segment_size: None,
            bandwidth: None,
            storage_class: None,
            verify: Verify::Auto,
            server_side: true,
            trust_ledger: true,
            max_restarts: 5,
            read_versions: true,
            collisions: Collisions::Overwrite,
            mark_copies: false,
            max_idle_legs: None,
        }
    }
}

/// What an engine works with: `(source, destination, ledger, clock)`.
pub trait Backends: Send + Sync + 'static {
    /// Where objects are read.
    type Source: Source;
    /// Where they are written.
    type Destination: Destination;
    /// What is remembered.
    type Ledger: Ledger;
    /// Time.
    type Clock: Clock;
}

impl<S: Source, D: Destination, L: Ledger, C: Clock> Backends for (S, D, L, C) {
    type Source = S;
    type Destination = D;
    type Ledger = L;
    type Clock = C;
}

/// One process's copies.
pub struct Engine<B: Backends> {
    /// Where objects are read.
    pub source: B::Source,
    /// Where they are written.
    pub destination: B::Destination,
    /// What is remembered.
    pub ledger: B::Ledger,
    /// Time, repeats, and the wish to stop.
    pub patience: RequestPolicy<B::Clock>,
    /// How objects are copied.
    pub settings: Settings,
    /// Parts in flight.
    pub budget: Budget,
    pub(crate) bandwidth: Bandwidth,
    pub(crate) observer: Arc<dyn Observer>,
    /// What destinations keep of headers and metadata.
    pub(crate) kept: Kept,
    pub(crate) tags: Tags,
    versions_permitted: AtomicBool,
    /// How long the slowest of the recent bodies took, in milliseconds; older ones count for less and less.
    body_time: AtomicU64,
}

impl<S: Source, D: Destination, L: Ledger, C: Clock> Engine<(S, D, L, C)> {
    /// Puts the parts together.
    pub fn new(source: S, destination: D, ledger: L, patience: RequestPolicy<C>, settings: Settings) -> Self {
        Self {
            budget: Budget::new(settings.concurrency),
            bandwidth: Bandwidth::new(settings.bandwidth),
            observer: Arc::new(Silent),
            kept: Kept::default(),
            versions_permitted: AtomicBool::new(settings.read_versions),
            body_time: AtomicU64::new(0),
            tags: Tags::default(),
            source,
            destination,
            ledger,
            patience,
            settings,
        }
    }
}

impl<B: Backends> Engine<B> {
    /// Tells `observer` of every copy.
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// Shares what the process may have in flight with other engines.
    pub fn sharing(self, budget: Budget, bandwidth: Bandwidth) -> Self {
        Self { budget, bandwidth, ..self }
    }

    /// Shares with other engines what is known of destinations.
    pub fn knowing(self, kept: Kept) -> Self {
        Self { kept, ..self }
    }

    /// Shares what is learned of the stores' tags with other engines.
    pub fn learning(self, tags: Tags) -> Self {
        Self { tags, ..self }
    }

    /// Whether another body would arrive before the end, if it takes as long as the slowest of late.
    pub(crate) fn has_time_for_a_body(&self) -> bool {
        self.patience.has_time_for(Duration::from_millis(self.body_time.load(Ordering::Relaxed)))
    }

    /// Bytes per second that every body must move at least.
    pub(crate) fn least_rate(&self) -> u64 {
        pace::least_rate(self.settings.concurrency, self.settings.bandwidth)
    }

    /// Notes how long a body took.
    pub(crate) fn body_took(&self, took: Duration) {
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let older = self.body_time.load(Ordering::Relaxed);
        self.body_time.store(took.max(older - older / 8), Ordering::Relaxed);
    }

    /// Whether reads may name the version. Some buckets keep versions and do not permit to read them by id.
    pub(crate) fn versions_permitted(&self) -> bool {
        self.versions_permitted.load(Ordering::Relaxed)
    }

    pub(crate) fn forbid_versions(&self) {
        self.versions_permitted.store(false, Ordering::Relaxed);
    }
}
