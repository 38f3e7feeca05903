//! What all legs of a process share.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    copy::attempt::{Observer, OpenStores},
    jobsender::gate::Gate,
    ledger::{Holder, Lease, LedgerError, ROW, ScanLedger, ScanRecord, Token, lease_from},
    limits::{Clock, RetryPolicy},
    queue::Packing,
    route::{Compare, LONG, Mode},
    scan::listing::Lines,
};

/// How a jobsender works.
#[derive(Clone, Debug)]
pub struct ScanSettings {
    /// What makes a difference.
    pub compare: Compare,
    /// Whether the source's versions are compared with those that the ledger has as copied.
    pub versions: Lines,
    /// How jobs are packed.
    pub packing: Packing,
    /// When a new scan may begin.
    pub gate: Gate,
    /// Repeats of single requests.
    pub policy: RetryPolicy,
    /// No answer for so long is a failed attempt.
    pub timeout: Duration,
    /// How often a message of a scan is received before the queue gives up on it.
    pub max_receives: u32,
    /// Ranges that may be open at once, at most [`MAX_RANGES`](crate::ledger::MAX_RANGES); with 1 none is ever cut.
    pub max_ranges: usize,
    /// A range of more source keys than this is long, and cut.
    pub split_after: u64,
    /// How often the record is told how far a range has come, so that a crash repeats little.
    pub save_every: Duration,
}

impl ScanSettings {
    /// As many ranges as jobsenders may well work on at once: S3 lists about 12,000 keys a second in one stream.
    pub const DEFAULT_RANGES: usize = 32;
    /// As for the listings of one process.
    pub const DEFAULT_SPLIT_AFTER: u64 = LONG;
    /// A crash repeats at most a minute of work.
    pub const DEFAULT_SAVE_EVERY: Duration = Duration::from_secs(60);
}

/// The queues of a jobsender.
#[derive(Debug)]
pub struct ScanQueues<'a, Q> {
    /// Where jobs go.
    pub jobs: &'a Q,
    /// Where ranges go. Without it a scan ends with its run, and the next run begins anew.
    pub scan: Option<&'a Q>,
}

impl<Q> Clone for ScanQueues<'_, Q> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q> Copy for ScanQueues<'_, Q> {}

/// One process's jobsender.
pub struct Jobsender<W, G, C> {
    pub(crate) surroundings: W,
    pub(crate) scans: G,
    pub(crate) clock: Arc<C>,
    pub(crate) settings: ScanSettings,
    pub(crate) observer: Arc<dyn Observer>,
    random: Mutex<fastrand::Rng>,
}

/// So often a save may meet somebody else's before it counts as failed.
const MAX_REFUSALS: u32 = 100;

impl<W: OpenStores, G: ScanLedger, C: Clock> Jobsender<W, G, C> {
    /// Puts the parts together. `seed` drives jitter, owners of leases and the ledger's tokens.
    pub fn new(
        surroundings: W,
        scans: G,
        clock: Arc<C>,
        settings: ScanSettings,
        observer: Arc<dyn Observer>,
        seed: u64,
    ) -> Self {
        let random = Mutex::new(fastrand::Rng::with_seed(seed));
        Self { surroundings, scans, clock, settings, observer, random }
    }

    /// Changes the record of scan `id` in one conditional save, over those of others, and gives up at `last`. `None`: another
    /// scan has taken its place. `change` may be asked more than once, also after a save of which nobody knows whether it
    /// was stored.
    pub(crate) async fn change<T>(
        &self,
        (id, lease, last): (&str, &Lease, Duration),
        mut change: impl FnMut(&mut ScanRecord, Holder<'_>) -> T,
    ) -> Result<Option<T>, LedgerError> {
        for refusals in 0..MAX_REFUSALS {
            let loaded = self.patiently(last, || self.scans.load_scan(ROW)).await?;
            let Some((record, token)) = loaded.filter(|(record, _)| record.id == id) else { return Ok(None) };
            let mut next = record.clone();
            let now = self.clock.now();
            let lease = lease_from(now, lease);
            let answer = change(&mut next, Holder { lease: &lease, now });
            if next == record {
                return Ok(Some(answer));
            }
            let new = self.token();
            if self.patiently(last, || self.scans.save_scan(ROW, &next, Some(&token), &new)).await? {
                return Ok(Some(answer));
            }
            self.clock.sleep(self.settings.policy.delay(refusals.min(3), None, self.random())).await;
        }
        let message = format!("others changed the scan {MAX_REFUSALS} times before it could be saved");
        Err(LedgerError { message, retryable: true, source: None })
    }

    /// A request to the ledger, repeated until `last`.
    async fn patiently<T, F, Fut>(&self, last: Duration, mut request: F) -> Result<T, LedgerError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, LedgerError>>,
    {
        let policy = self.settings.policy;
        let mut failures = 0;
        loop {
            let error = match request().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = policy.delay(failures, None, self.random());
            if !error.retryable || failures >= policy.max_retries || self.clock.elapsed() + wait >= last {
                return Err(error);
            }
            tracing::debug!(%error, "will be repeated");
            self.clock.sleep(wait).await;
            failures += 1;
        }
    }

    pub(crate) fn random(&self) -> f64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).u64(..)
    }

    /// A token that no other save has.
    pub(crate) fn token(&self) -> Token {
        Token(format!("{:016x}{:016x}", self.seed(), self.seed()))
    }
}

/// How a route is scanned and sent.
#[derive(Clone, Copy, Debug)]
pub struct SendSettings {
    /// Whether the source's versions are compared with those that the ledger has as copied.
    pub versions: Lines,
    /// How jobs are packed.
    pub packing: Packing,
    /// Whether anything is sent.
    pub mode: Mode,
}
