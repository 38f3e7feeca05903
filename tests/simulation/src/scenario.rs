//! What a seed is made of: the stores, the settings, and what users do when. Drawn before anything runs.

use std::time::Duration;

use longhaul::{
    memory::{KeyOrder, Memory},
    object::Verify,
    scan::Lines,
    store::{Capabilities, ChecksumSupport},
    worker::DeletePolicy,
};

use crate::{pages::Marks, two_way};

/// What a store offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// All that Amazon S3 does.
    Amazon,
    /// Conditions, but no checksums besides MD5 tags.
    Middle,
    /// Neither conditions nor checksums, and Complete takes the parts as they are.
    Old,
}

/// One thing that a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Writes a source object of so many bytes.
    Put {
        /// Which.
        key: usize,
        /// Bytes.
        size: usize,
    },
    /// Writes several source objects, told in one message.
    PutMany {
        /// The first of them.
        key: usize,
        /// Bytes of each.
        size: usize,
    },
    /// Writes a source object again, with the same bytes.
    Touch {
        /// Which.
        key: usize,
    },
    /// Deletes a source object.
    DeleteSource {
        /// Which.
        key: usize,
    },
    /// Overwrites a destination object, with as many bytes as the source has, or others.
    OverwriteDestination {
        /// Of which source object.
        key: usize,
        /// More bytes than the source has.
        more: usize,
    },
    /// Deletes a destination object.
    DeleteDestination {
        /// Of which source object.
        key: usize,
    },
    /// Aborts all unfinished uploads, as a lifecycle rule does.
    AbortUploads,
    /// Rewrites a part of an unfinished upload with another size.
    RewritePart,
    /// Sends all parked messages again.
    Redrive,
    /// Starts a jobsender.
    Scan,
    /// Sends a job as the earlier system did.
    OriginalJob {
        /// Of which source object.
        key: usize,
    },
    /// Sends a job whose place belongs to another source object.
    CollidingJob {
        /// Of which source object.
        key: usize,
    },
    /// Sends something that is no message.
    Malformed,
    /// Sends a message that asks for what no route does.
    Hostile {
        /// Of which source object.
        key: usize,
    },
}

/// What is done when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// Virtual time.
    pub at: Duration,
    /// What.
    pub deed: Deed,
}

/// A seed, drawn.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The source store.
    pub source: Make,
    /// Whether the source keeps versions.
    pub source_versions: bool,
    /// The destination store.
    pub destination: Make,
    /// Whether the destination keeps versions.
    pub destination_versions: bool,
    /// In which order the source lists.
    pub source_order: KeyOrder,
    /// In which order the destination lists.
    pub destination_order: KeyOrder,
    /// How both say whether a listing goes on.
    pub marks: Marks,
    /// Lines of a page of a listing.
    pub page: usize,
    /// Source keys.
    pub keys: usize,
    /// Bytes of a part.
    pub part_size: u64,
    /// Objects up to so many bytes travel in one request.
    pub threshold: u64,
    /// Larger objects are cut into segments of about so many bytes.
    pub segment: Option<u64>,
    /// Ranges of a scan that may be open at once.
    pub ranges: usize,
    /// A range with more keys than this is cut.
    pub split_after: u64,
    /// Parts in flight, and objects of a message at once.
    pub concurrency: usize,
    /// Which proof is asked for.
    pub verify: Verify,
    /// Whether reads name versions.
    pub read_versions: bool,
    /// What a scan compares besides sizes.
    pub lines: Lines,
    /// What becomes of copies whose source is deleted.
    pub deletes: DeletePolicy,
    /// The time of a leg.
    pub leg: Duration,
    /// The time of an attempt.
    pub timeout: Duration,
    /// Usual latency.
    pub latency: Duration,
    /// Repeats of a request.
    pub retries: u32,
    /// Deliveries of a message.
    pub max_receives: u32,
    /// Workers at once on each queue.
    pub lanes: usize,
    /// Messages that one invocation takes.
    pub batch: usize,
    /// Whether workers are long-running machines, and not Lambdas.
    pub fleet: bool,
    /// How far clocks differ, in milliseconds.
    pub skew: i64,
    /// How late messages may be.
    pub delay: Duration,
    /// How often a message is delivered twice, out of ten thousand.
    pub twice: u16,
    /// How often a process is killed between requests, out of ten thousand.
    pub sudden: u16,
    /// Whether parked messages are redriven before the end.
    pub redrive: bool,
    /// Whether there is a second stack, in the other direction, with a ledger of its own. Then each side's writes are told.
    pub second_stack: bool,
    /// Whether both sides' tags say nothing of the bytes, and copies are marked.
    pub marked: bool,
    /// What users do.
    pub actions: Vec<Action>,
}

/// Most stores list as Amazon S3 does.
const ORDERS: [KeyOrder; 6] =
    [KeyOrder::Bytes, KeyOrder::Bytes, KeyOrder::Bytes, KeyOrder::Bytes, KeyOrder::Tree, KeyOrder::CaseBlind];

pub(crate) fn pick<T: Copy>(random: &mut fastrand::Rng, of: &[T]) -> T {
    of[random.usize(..of.len())]
}

impl Scenario {
    /// Whether a store lists in another order than that of bytes.
    pub fn is_unordered(&self) -> bool {
        [self.source_order, self.destination_order].iter().any(|order| *order != KeyOrder::Bytes)
    }

    /// Draws everything.
    pub fn draw(random: &mut fastrand::Rng) -> Self {
        let makes = [Make::Amazon, Make::Amazon, Make::Middle, Make::Old];
        let part_size = pick(random, &[16, 24, 40]);
        let leg = Duration::from_secs(pick(random, &[30, 60, 200]));
        let deletes = pick(random, &[DeletePolicy::Ignore, DeletePolicy::Propagate]);
        let mut scenario = Self {
            source: pick(random, &makes),
            source_versions: random.u8(..3) == 0,
            destination: pick(random, &makes),
            destination_versions: random.u8(..3) == 0,
            source_order: pick(random, &ORDERS),
            destination_order: pick(random, &ORDERS),
            marks: pick(random, &[Marks::Both, Marks::OnlyTokens, Marks::OnlyMarks]),
            page: pick(random, &[1, 2, 3, 1000]),
            keys: random.usize(2..=11),
            part_size,
            threshold: part_size * pick(random, &[1, 2]),
            segment: pick(random, &[None, None, None, Some(1), Some(2), Some(3)]).map(|parts| parts * part_size),
            ranges: random.usize(1..=5),
            split_after: random.u64(1..=4),
            concurrency: random.usize(1..=4),
            verify: pick(random, &[Verify::Auto, Verify::Auto, Verify::Transport, Verify::Md5, Verify::ReadBack]),
            read_versions: random.bool(),
            lines: pick(random, &[Lines::Objects, Lines::Objects, Lines::Versions]),
            deletes,
            leg,
            timeout: pick(random, &[5, 20]).min(leg.as_secs()).into_secs(),
            latency: Duration::from_millis(pick(random, &[20, 200, 2000])),
            retries: random.u32(1..=4),
            max_receives: random.u32(3..=12),
            lanes: random.usize(1..=3),
            batch: random.usize(1..=4),
            fleet: random.u8(..3) == 0,
            skew: pick(random, &[0, 3_000, 120_000]),
            delay: Duration::from_secs(pick(random, &[0, 10, 120, 600])),
            twice: pick(random, &[0, 300, 1500]),
            sudden: pick(random, &[0, 500, 2000]),
            redrive: random.u8(..3) > 0,
            second_stack: false,
            marked: false,
            actions: Vec::new(),
        };
        scenario.actions = scenario.draw_actions(random);
        if random.u8(..5) == 0 { two_way::of(scenario, random) } else { scenario }
    }

    fn draw_actions(&self, random: &mut fastrand::Rng) -> Vec<Action> {
        let count = random.usize(8..=30);
        let span = Duration::from_secs(pick(random, &[60, 600, 2400]));
        // Whether users are of the quiet kind, so that not every seed has everything.
        let (deleters, meddlers) = (random.bool(), random.bool());
        let mut actions: Vec<Action> = (0..count)
            .map(|_| {
                let at = span.mul_f64(random.f64());
                Action { at, deed: self.draw_deed(random, deleters, meddlers) }
            })
            .collect();
        for key in 0..self.keys {
            actions.push(Action {
                at: Duration::from_millis(random.u64(..1000)),
                deed: Deed::Put { key, size: self.draw_size(random) },
            });
        }
        actions.sort_by_key(|action| action.at);
        actions
    }

    fn draw_deed(&self, random: &mut fastrand::Rng, deleters: bool, meddlers: bool) -> Deed {
        let key = random.usize(..self.keys);
        let size = self.draw_size(random);
        match random.u8(..100) {
            0..=5 if deleters => Deed::DeleteSource { key },
            6..=9 if deleters => Deed::DeleteDestination { key },
            10..=14 if meddlers => Deed::OverwriteDestination { key, more: pick(random, &[0, 0, 5]) },
            15..=18 if meddlers => Deed::AbortUploads,
            19..=26 if meddlers => Deed::RewritePart,
            27..=29 => Deed::Redrive,
            30..=44 => Deed::Scan,
            45..=48 => Deed::OriginalJob { key },
            49 => Deed::CollidingJob { key },
            50 => Deed::Malformed,
            51..=52 => Deed::Hostile { key },
            53..=56 => Deed::Touch { key },
            57..=62 => Deed::PutMany { key, size },
            _ => Deed::Put { key, size },
        }
    }

    /// Few sizes, so that overwrites of equal size are frequent.
    fn draw_size(&self, random: &mut fastrand::Rng) -> usize {
        let part = self.part_size as usize;
        pick(random, &[0, 7, 7, part, 3 * part + 5, 3 * part + 5, 3 * part + 5, 5 * part, 8 * part + 1])
    }

    /// A bucket of a make.
    pub fn bucket(make: Make, name: &str, versions: bool, order: KeyOrder, page: usize) -> Memory {
        let offered = |conditional_writes, checksums| Capabilities {
            conditional_writes,
            checksums,
            headers: true,
            min_part_size: 1,
        };
        let memory = Memory::new(name).with_page_size(page).with_order(order).that_can_sort();
        let memory = match make {
            Make::Amazon => memory,
            Make::Middle => memory.with_capabilities(offered(true, ChecksumSupport::Md5ETag)),
            Make::Old => memory.with_capabilities(offered(false, ChecksumSupport::Md5ETag)).lenient(),
        };
        if versions { memory.versioned() } else { memory }
    }
}

trait Seconds {
    fn into_secs(self) -> Duration;
}

impl Seconds for u64 {
    fn into_secs(self) -> Duration {
        Duration::from_secs(self)
    }
}
