//! What the jobsender does: the scheduled run that begins a scan, and the messages by which others carry on with it.
//!
//! A run compares the routes one after the other. A range that turns out to be long is cut into pieces, for which messages
//! are sent on the queue of scans; so is what does not fit into the time of a run. Whoever handles such a message works on
//! its range in the same way. What is left is always in the scan's record ([`scan_record`](crate::ledger::scan_record)), and a
//! message can be lost or come twice.

use std::{future::Future, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    copy::attempt::OpenStores,
    jobsender::{
        leg::ScanLeg,
        process::{Jobsender, ScanQueues},
        run_report::RunReport,
    },
    ledger::{Lease, ScanLedger},
    limits::{Clock, LegTime},
    object::Timestamp,
    queue::{JobQueue, QueueMessage, Verdict, range_job},
    route::{IgnoreList, Mode, NamedRoute},
};

/// So much of a leg is kept to hand over what is left of it, at most.
const HANDING_OVER: Duration = Duration::from_secs(15);

/// A leg is cut by that part of it, if it is short.
const HANDING_OVER_PART: u32 = 10;

impl<W: OpenStores, G: ScanLedger, C: Clock> Jobsender<W, G, C> {
    /// A leg that ends in `rest`; its leases hold for `margin` longer, since clocks differ.
    pub fn leg(&self, rest: Duration, margin: Duration, stop: CancellationToken) -> LegTime {
        let lease = i64::try_from((rest + margin).as_millis()).unwrap_or(i64::MAX);
        LegTime { end: self.clock.elapsed() + rest, until: Timestamp(self.clock.now().0.saturating_add(lease)), stop }
    }

    /// Begins a scan of all routes, if it is time to, and works on it until the end of the leg. What fails is in the report.
    pub async fn run_scheduled<Q: JobQueue>(
        &self,
        mode: Mode,
        queues: ScanQueues<'_, Q>,
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
        let parsed = range_job::parse(&message.body);
        let id = parsed.as_ref().map(|parsed| parsed.id.clone()).unwrap_or_default();
        let shift = self.shift(ScanQueues { jobs, scan: Some(scan) }, ignore, leg, id);
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
        queues: ScanQueues<'a, Q>,
        ignore: &'a IgnoreList,
        leg: &LegTime,
        id: String,
    ) -> ScanLeg<'a, W, G, C, Q> {
        let rest = leg.end.saturating_sub(self.clock.elapsed());
        let end = leg.end - HANDING_OVER.min(rest / HANDING_OVER_PART);
        let lease = Lease { owner: format!("jobsender-{}", self.token().0), until: Some(leg.until) };
        let (last, told_to_stop) = (leg.end, leg.stop.clone());
        let leg = LegTime { end, until: leg.until, stop: leg.stop.child_token() };
        ScanLeg { jobsender: self, queues, ignore, leg, last, told_to_stop, halt: CancellationToken::new(), id, lease }
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
}
