//! The stage of one seed: both sides' buckets, the ledger and the queues, and who works on them.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::FutureExt;
use longhaul::{
    copy::OpenStores,
    ledger::ScanLedger,
    memory::{Memory, MemoryLedger},
    object::{ObjectKey, Timestamp},
    route::{IgnoreList, NamedRoute, Route},
    store::Source,
    worker::{BucketRoute, DeletePolicy, Rules},
};

use crate::{
    history::SourceId,
    ledger::SimLedger,
    queue::{Parked, QueueSettings, SimQueue},
    scenario::{Make, Scenario},
    store::{Side, SimStore},
    world::World,
};

/// Number of the queue of S3's events.
pub const EVENTS: usize = 0;
/// Number of the queue of jobs.
pub const JOBS: usize = 1;
/// Number of the queue of segments.
pub const SEGMENTS: usize = 2;
/// Number of the queue of ranges to scan.
pub const SCANS: usize = 3;

/// The source bucket.
pub const SOURCE: &str = "source";
/// The destination bucket.
pub const DESTINATION: &str = "destination";

/// An object with the name of a folder: a tree's order has it before all that is in the folder.
const FOLDER: &str = "dir";
/// Its key is where others begin, so that only the end of the text tells it.
const FOLDER_TOKEN: &str = "dir\"";

/// Which of a seed's stacks it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the source bucket to the destination bucket.
    There,
    /// Back.
    Back,
}

/// One stack of a seed: everything that is not shared by all adapters.
pub struct Stage {
    /// Which stack.
    pub direction: Direction,
    /// Time, faults, and the one who watches.
    pub world: World,
    /// What the seed is made of.
    pub scenario: Scenario,
    /// Where objects are read.
    pub source: Memory,
    /// Where they are written.
    pub destination: Memory,
    /// What is remembered.
    pub table: MemoryLedger,
    /// The queues, by number.
    pub queues: Vec<SimQueue>,
    parked: Arc<Mutex<Vec<Parked>>>,
    busy: AtomicUsize,
    /// Where the destination's writes are told, if anybody listens.
    told: Option<SimQueue>,
    copies_told: Arc<AtomicUsize>,
}

impl Stage {
    /// Sets the stack up that every seed has.
    pub fn new(world: World, scenario: Scenario) -> Self {
        let Scenario { source_versions, destination_versions, source_order, destination_order, page, .. } = scenario;
        let source = Scenario::bucket(scenario.source, SOURCE, source_versions, source_order, page);
        let source = if scenario.marked { source.with_opaque_tags() } else { source };
        let destination = match scenario.second_stack {
            true => source.sibling(DESTINATION),
            false => Scenario::bucket(scenario.destination, DESTINATION, destination_versions, destination_order, page),
        };
        let stage = Self::of(Direction::There, world, scenario, (source, destination));
        stage.world.oracle().deletions_are(stage.scenario.deletes == DeletePolicy::Propagate);
        for key in 0..stage.scenario.keys {
            stage.world.oracle().place(&Self::source_id(key), &Self::destination_key(key));
        }
        stage
    }

    /// Both stacks of a seed, if there are two.
    pub fn pair(world: World, scenario: Scenario) -> (Self, Option<Self>) {
        let mut there = Self::new(world, scenario);
        if !there.scenario.second_stack {
            return (there, None);
        }
        let buckets = (there.destination.clone(), there.source.clone());
        let mut back = Self::of(Direction::Back, there.world.clone(), there.scenario.clone(), buckets);
        for key in 0..back.scenario.keys {
            let id = SourceId { bucket: DESTINATION.to_owned(), key: Self::destination_key(key) };
            back.world.oracle().place(&id, &Self::source_key(key));
        }
        back.copies_told = Arc::clone(&there.copies_told);
        (there.told, back.told) = (Some(back.queues[EVENTS].clone()), Some(there.queues[EVENTS].clone()));
        (there, Some(back))
    }

    fn of(direction: Direction, world: World, scenario: Scenario, (source, destination): (Memory, Memory)) -> Self {
        let parked: Arc<Mutex<Vec<Parked>>> = Arc::default();
        let settings = QueueSettings {
            visibility: scenario.leg + std::time::Duration::from_secs(60),
            max_receives: scenario.max_receives,
            delay: scenario.delay,
            twice: scenario.twice,
        };
        let queue = |name, number| SimQueue::new(world.clone(), name, number, settings, Arc::clone(&parked));
        let queues =
            vec![queue("events", EVENTS), queue("jobs", JOBS), queue("segments", SEGMENTS), queue("scans", SCANS)];
        Self {
            direction,
            source,
            destination,
            table: MemoryLedger::new("world"),
            queues,
            parked,
            busy: AtomicUsize::new(0),
            told: None,
            copies_told: Arc::default(),
            world,
            scenario,
        }
    }

    /// Where writes of the destination are told, if anybody listens.
    pub fn told(&self) -> Option<&SimQueue> {
        self.told.as_ref()
    }

    /// How many writes of copies were told, by both stacks.
    pub fn copies_told(&self) -> u64 {
        self.copies_told.load(Ordering::Relaxed) as u64
    }

    /// Messages that are not done.
    pub fn open(&self) -> u64 {
        self.queues.iter().map(|queue| queue.bodies().len() as u64).sum()
    }

    /// The name of a source object. Each has a token of its own, by which it is found in any message.
    pub fn source_key(key: usize) -> String {
        let token = Self::token(key);
        match key {
            1 => format!("dir//{token} +é"),
            2 | 6 => format!("dir/{token}"),
            4 => format!("dir (1)/{token}"),
            5 => format!("dir.d/{token}"),
            7 => format!("DIR/{token}"),
            8 => FOLDER.to_owned(),
            9 | 10 => format!("({key})/{token}"),
            _ => token,
        }
    }

    /// What stands in every message about a source object, however it is encoded.
    pub fn token(key: usize) -> String {
        if key == 8 { FOLDER_TOKEN.to_owned() } else { format!("k{key:02}") }
    }

    /// The source object.
    pub fn source_id(key: usize) -> SourceId {
        SourceId { bucket: SOURCE.to_owned(), key: Self::source_key(key) }
    }

    /// Its place.
    pub fn destination_key(key: usize) -> String {
        format!("p/{}", Self::source_key(key))
    }

    /// The token that stands in a key.
    pub fn token_of(key: &str) -> Option<&str> {
        if key.ends_with(FOLDER) {
            return Some(FOLDER_TOKEN);
        }
        let at = key.find('k')?;
        key.get(at..at + 3)
    }

    /// The rules of all workers.
    pub fn rules(&self) -> Rules {
        let named = self.named_route();
        let route = |route| BucketRoute {
            source_bucket: named.src_bucket.clone(),
            destination_bucket: named.des_bucket.clone(),
            route,
        };
        // An object may also be asked for at the place of the one before it: the first to come keeps it.
        let beside = |key: usize| {
            let next = ObjectKey::new(Self::source_key((key + 1) % self.scenario.keys)).ok()?;
            Some(route(Route::single(next, ObjectKey::new(Self::destination_key(key)).ok()?)))
        };
        let mut routes = vec![route(named.route())];
        if self.direction == Direction::There {
            routes.extend((0..self.scenario.keys).filter_map(beside));
        }
        Rules { routes, default: None, ignore: IgnoreList::none(), deletes: self.scenario.deletes }
    }

    /// The route of the source bucket, as a stack names it.
    pub fn named_route(&self) -> NamedRoute {
        let (src_bucket, src_prefix, des_bucket, des_prefix) = match self.direction {
            Direction::There => (SOURCE, "", DESTINATION, "p"),
            Direction::Back => (DESTINATION, "p", SOURCE, ""),
        };
        NamedRoute {
            src_bucket: src_bucket.to_owned(),
            src_prefix: src_prefix.to_owned(),
            des_bucket: des_bucket.to_owned(),
            des_prefix: des_prefix.to_owned(),
            strip_src_prefix: self.direction == Direction::Back,
            keys_from: None,
        }
    }

    /// What is parked.
    pub fn parked(&self) -> MutexGuard<'_, Vec<Parked>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on both stores list in byte order, as after the care of those who run them.
    pub fn put_in_order(&self) {
        self.source.sort_listings();
        self.destination.sort_listings();
    }

    /// Whether a comparison was ended since a store does not list in byte order.
    pub fn was_ended_by_name(&self) -> bool {
        let scan = self.table.load_scan("jobsender").now_or_never();
        let scan = scan.and_then(Result::ok).flatten();
        scan.is_some_and(|(record, _)| !record.unordered.is_empty())
    }

    /// One more process is at work.
    pub fn begin(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn end(&self) {
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether nobody works and nothing waits.
    pub fn is_quiet(&self) -> bool {
        let busy = self.busy.load(Ordering::Relaxed) > 0 || self.world.awaits_late_effects();
        !busy && self.queues.iter().all(SimQueue::is_empty)
    }
}

/// One process's way to the stores and the ledger.
pub struct Ways {
    stage: Arc<Stage>,
}

impl Ways {
    /// Ways that fail as the world lets them.
    pub fn new(stage: Arc<Stage>) -> Self {
        Self { stage }
    }

    /// Of a part whose sender died before it had compared, only both sides' checksums of the whole tell: without them it is
    /// carried by the line's word alone, and the record says so.
    fn notices_damage(&self) -> bool {
        self.stage.scenario.source == Make::Amazon && self.stage.scenario.destination == Make::Amazon
    }

    /// The source bucket.
    pub fn to_source(&self) -> SimStore {
        let damages = self.notices_damage();
        SimStore::new(self.stage.world.clone(), self.stage.source.clone(), Side::Source)
            .that_damages(damages)
            .that_marks(self.stage.scenario.marks)
    }

    /// The destination bucket.
    pub fn to_destination(&self) -> SimStore {
        let (world, memory) = (self.stage.world.clone(), self.stage.destination.clone());
        let store = SimStore::new(world, memory, Side::Destination)
            .that_damages(self.notices_damage())
            .that_marks(self.stage.scenario.marks);
        match &self.stage.told {
            Some(events) => store.that_tells(events.clone(), Arc::clone(&self.stage.copies_told)),
            None => store,
        }
    }
}

impl OpenStores for Ways {
    type Source = SimStore;
    type Destination = SimStore;
    type Ledger = SimLedger;

    async fn source(&self, _bucket: &str) -> Result<SimStore, String> {
        match self.stage.world.happens(20) {
            true => Err("the parameter of the credentials cannot be read".to_owned()),
            false => Ok(self.to_source()),
        }
    }

    async fn destination(&self, _bucket: &str) -> Result<SimStore, String> {
        Ok(self.to_destination())
    }

    fn ledger(&self, owner: &str, until: Timestamp) -> SimLedger {
        SimLedger::new(self.stage.world.clone(), self.stage.table.clone(), owner, until)
    }

    fn credentials_refused(&self) {}
}
