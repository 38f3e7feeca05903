//! Many seeds on all cores: one world a thread at a time.

use std::{
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    counts::Counts,
    run::{self, Lines},
    world::Cuts,
};

/// From so many seeds on, everything that can be reached is reached.
pub const LEAST_FOR_COVERAGE: u64 = 2000;
/// After so many failed seeds the others are not run.
const ENOUGH_FAILED: usize = 50;

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Many {
    /// The sums of all.
    pub counts: Counts,
    /// Seeds that broke a promise, in order, and which.
    pub failed: Vec<(u64, String)>,
    /// Polls.
    pub steps: u64,
    /// Virtual time.
    pub time: Duration,
}

/// Runs all of them.
pub fn run_all(seeds: Range<u64>, stop_after: usize) -> Many {
    let next = AtomicU64::new(seeds.start);
    let sum: Mutex<Many> = Mutex::default();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut own = Many::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let report = run::run(seed, &Cuts::default(), Lines::Hashed);
                    own.counts.add(&report.counts);
                    own.steps += report.steps;
                    own.time += report.time;
                    if let Some(words) = report.violation {
                        own.failed.push((seed, words));
                        if own.failed.len() >= stop_after {
                            next.store(seeds.end, Ordering::Relaxed);
                        }
                    }
                }
                sum.lock().unwrap_or_else(PoisonError::into_inner).add(own);
            });
        }
    });
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.failed.sort();
    sum
}

/// Runs all of them, unless very many fail.
pub fn run(seeds: Range<u64>) -> Many {
    run_all(seeds, ENOUGH_FAILED)
}

impl Many {
    fn add(&mut self, other: Self) {
        self.counts.add(&other.counts);
        self.failed.extend(other.failed);
        self.steps += other.steps;
        self.time += other.time;
    }
}
