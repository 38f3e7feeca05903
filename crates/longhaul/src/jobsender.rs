//! What the jobsender does: the scheduled run that begins a scan, and the messages by which others carry on with it.
//!
//! A run compares the routes one after the other. A range that turns out to be long is cut into pieces, for which messages
//! are sent on the queue of scans; so is what does not fit into the time of a run. Whoever handles such a message works on
//! its range in the same way. What is left is always in the scan's record ([`scan_record`](crate::scan_record)), and a
//! message can be lost or come twice.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    compare::Compare,
    ending::Verdict,
    engine::Observer,
    error::LedgerError,
    gate::{Gate, ROW},
    ignore::IgnoreList,
    listing::Lines,
    object::Timestamp,
    pack::Packing,
    ports::{Clock, ScanLedger},
    queue::{JobQueue, QueueMessage},
    range,
    record::{Lease, Token},
    retry::RetryPolicy,
    route::NamedRoute,
    run_report::RunReport,
    scan::Mode,
    scan_message,
    scan_record::{Hand, ScanRecord, lease_from},
    shift::Shift,
    work::{LegTime, Surroundings},
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
    /// Ranges that may be open at once, at most [`MAX_RANGES`](crate::scan_record::MAX_RANGES); with 1 none is ever cut.
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
    pub const DEFAULT_SPLIT_AFTER: u64 = range::LONG;
    /// A crash repeats at most a minute of work.
    pub const DEFAULT_SAVE_EVERY: Duration = Duration::from_secs(60);
}

/// The queues of a jobsender.
#[derive(Debug)]
pub struct Queues<'a, Q> {
    /// Where jobs go.
    pub jobs: &'a Q,
    /// Where ranges go. Without it a scan ends with its run, and the next run begins anew.
    pub scan: Option<&'a Q>,
}

impl<Q> Clone for Queues<'_, Q> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q> Copy for Queues<'_, Q> {}

/// One process's jobsender.
pub struct Jobsender<W, G, C> {
    pub(crate) surroundings: W,
    pub(crate) scans: G,
    pub(crate) clock: Arc<C>,
    pub(crate) settings: ScanSettings,
    pub(crate) observer: Arc<dyn Observer>,
    random: Mutex<fastrand::Rng>,
}

/// So much of a leg is kept to hand over what is left of it, at most.
const HANDING_OVER: Duration = Duration::from_secs(15);
/// A leg is cut by that part of it, if it is short.
const HANDING_OVER_PART: u32 = 10;
/// So often a save may meet somebody else's before it counts as failed.
const MAX_REFUSALS: u32 = 100;

impl<W: Surroundings, G: ScanLedger, C: Clock> Jobsender<W, G, C> {
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

    /// A leg that ends in `rest`; its leases hold for `margin` longer, since clocks differ.
    pub fn leg(&self, rest: Duration, margin: Duration, stop: CancellationToken) -> LegTime {
        let lease = i64::try_from((rest + margin).as_millis()).unwrap_or(i64::MAX);
        LegTime { end: self.clock.elapsed() + rest, until: Timestamp(self.clock.now().0.saturating_add(lease)), stop }
    }

    /// Begins a scan of all routes, if it is time to, and works on it until the end of the leg. What fails is in the report.
    pub async fn run_scheduled<Q: JobQueue>(
        &self,
        mode: Mode,
        queues: Queues<'_, Q>,
        routes: &[NamedRoute],
        ignore: &IgnoreList,
        leg: &LegTime,
    ) -> RunReport {
        let began = self.clock.elapsed();
        let mut report = RunReport { dry_run: mode == Mode::DryRun, complete: true, ..RunReport::default() };
        let shift = self.shift(queues, ignore, leg, self.token().0);
        let run = async {
            match mode {
                Mode::DryRun => shift.dry_run(routes, &mut report).await,
                Mode::Copy => shift.scheduled(routes, &mut report).await,
            }
        };
        self.in_time(&shift.leg, &shift.halt, run).await;
        report.seconds = self.clock.elapsed().saturating_sub(began).as_secs_f64();
        report.log();
        report
    }

    /// The report of a run that could not even begin.
    pub fn failed(&self, mode: Mode, error: String) -> RunReport {
        let errors = vec![error];
        let report = RunReport { gate: "failed", dry_run: mode == Mode::DryRun, errors, ..RunReport::default() };
        report.log();
        report
    }

    /// Handles one delivery of a message of a scan to its end, at the latest by the end of the leg. When it says *return*, the
    /// queue has been told when to deliver the message again.
    pub async fn handle_scan_message<Q: JobQueue>(
        &self,
        scan: &Q,
        jobs: &Q,
        message: &QueueMessage,
        ignore: &IgnoreList,
        leg: &LegTime,
    ) -> Verdict {
        let parsed = scan_message::parse(&message.body);
        let id = parsed.as_ref().map(|parsed| parsed.id.clone()).unwrap_or_default();
        let shift = self.shift(Queues { jobs, scan: Some(scan) }, ignore, leg, id);
        let work = async {
            match parsed {
                Ok(parsed) => shift.handle(scan, message, parsed.range).await,
                Err(malformed) => shift.refuse(scan, message, &malformed).await,
            }
        };
        self.in_time(&shift.leg, &shift.halt, work).await
    }

    fn shift<'a, Q>(
        &'a self,
        queues: Queues<'a, Q>,
        ignore: &'a IgnoreList,
        leg: &LegTime,
        id: String,
    ) -> Shift<'a, W, G, C, Q> {
        let rest = leg.end.saturating_sub(self.clock.elapsed());
        let end = leg.end - HANDING_OVER.min(rest / HANDING_OVER_PART);
        let lease = Lease { owner: format!("jobsender-{}", self.token().0), until: Some(leg.until) };
        let (last, told_to_stop) = (leg.end, leg.stop.clone());
        let leg = LegTime { end, until: leg.until, stop: leg.stop.child_token() };
        Shift { jobsender: self, queues, ignore, leg, last, told_to_stop, halt: CancellationToken::new(), id, lease }
    }

    /// Work that begins to wind up when the leg is over, without waiting for answers that are late.
    async fn in_time<T>(&self, leg: &LegTime, halt: &CancellationToken, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        let rest = leg.end.saturating_sub(self.clock.elapsed());
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = self.clock.sleep(rest) => {}
        }
        leg.stop.cancel();
        halt.cancel();
        work.await
    }

    /// Changes the record of scan `id` in one conditional save, over those of others, and gives up at `last`. `None`: another
    /// scan has taken its place. `change` may be asked more than once, also after a save of which nobody knows whether it
    /// was stored.
    pub(crate) async fn change<T>(
        &self,
        (id, lease, last): (&str, &Lease, Duration),
        mut change: impl FnMut(&mut ScanRecord, Hand<'_>) -> T,
    ) -> Result<Option<T>, LedgerError> {
        for refusals in 0..MAX_REFUSALS {
            let loaded = self.patiently(last, || self.scans.load_scan(ROW)).await?;
            let Some((record, token)) = loaded.filter(|(record, _)| record.id == id) else { return Ok(None) };
            let mut next = record.clone();
            let now = self.clock.now();
            let lease = lease_from(now, lease);
            let answer = change(&mut next, Hand { lease: &lease, now });
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
