//! The jobsender of a deployed stack: the same in a Lambda and by hand.

use std::{sync::Arc, time::Duration};

use longhaul::{
    copy::Silent,
    jobsender::{Gate, Jobsender, RunReport, ScanQueues, ScanSettings},
    limits::{LegTime, RetryPolicy},
    queue::{JobQueue, Packing, QueueMessage, Verdict, settle},
    route::{IgnoreList, Mode, NamedRoute},
    scan::Lines,
    store::error::chain,
};
use tokio_util::sync::CancellationToken;

use crate::{
    dynamodb::DynamoLedger,
    sdk::SystemClock,
    settings::JobsenderSettings,
    sqs::SqsQueue,
    stack::{clients::Cloud, stores::StackStores},
};

/// No answer for so long is a failed attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// How much longer than a leg its lease holds.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// A jobsender with its clients.
pub struct StackJobsender {
    settings: JobsenderSettings,
    cloud: Cloud,
    jobs: SqsQueue,
    scan: Option<SqsQueue>,
    jobsender: Jobsender<StackStores, DynamoLedger, SystemClock>,
}

impl StackJobsender {
    /// Puts the parts together; nothing is asked for yet.
    pub fn new(settings: JobsenderSettings, cloud: Cloud) -> Self {
        let stores =
            StackStores::new(cloud.clone(), &settings.table, settings.job_type, &settings.credentials_parameter);
        let parked = settings.parked_queue.as_deref();
        let (scans, clock) = (cloud.ledger(&settings.table), Arc::new(SystemClock::new()));
        let seed = fastrand::u64(..);
        Self {
            jobs: cloud.queue(&settings.jobs_queue, parked),
            scan: settings.scan_queue.as_ref().map(|url| cloud.queue(url, parked)),
            jobsender: Jobsender::new(stores, scans, clock, scan_settings(&settings), Arc::new(Silent), seed),
            settings,
            cloud,
        }
    }

    /// How it works.
    pub fn settings(&self) -> &JobsenderSettings {
        &self.settings
    }

    /// The queue of ranges, where there is one.
    pub fn scan_queue(&self) -> Option<&SqsQueue> {
        self.scan.as_ref()
    }

    /// A leg that ends in `rest`.
    pub fn leg(&self, rest: Duration, stop: CancellationToken) -> LegTime {
        self.jobsender.leg(rest, LEASE_MARGIN, stop)
    }

    /// Scans all routes, if it is time to, for at most `rest`. What fails is in the report.
    pub async fn run(&self, mode: Mode, rest: Duration, stop: CancellationToken) -> RunReport {
        let leg = self.leg(rest, stop);
        let read = async { Ok::<_, String>((self.routes().await?, self.ignore_list().await?)) };
        match read.await {
            Ok((routes, ignore)) => {
                let queues = ScanQueues { jobs: &self.jobs, scan: self.scan.as_ref() };
                // Boxed, since the future of a whole scan is large.
                Box::pin(self.jobsender.run_scheduled(mode, queues, &routes, &ignore, &leg)).await
            }
            Err(error) => self.jobsender.failed(mode, error),
        }
    }

    /// Handles one delivery from the queue of ranges to its end. Without an ignore list nothing is done: the message comes
    /// again.
    pub async fn handle(&self, queue: &SqsQueue, message: &QueueMessage, leg: &LegTime) -> Verdict {
        match self.ignore_list().await {
            Ok(ignore) => Box::pin(self.jobsender.handle_scan_message(queue, &self.jobs, message, &ignore, leg)).await,
            Err(error) => {
                tracing::error!(reason = "no-rules", "{error}; the message comes again");
                let wait = settle::wait(message.receives, fastrand::f64());
                if let Err(error) = queue.set_visibility(&message.receipt, wait).await {
                    tracing::warn!(%error, "the message could not be given back; it comes again all the same");
                }
                Verdict::Return
            }
        }
    }

    /// People edit them between two runs of a warm process.
    async fn routes(&self) -> Result<Vec<NamedRoute>, String> {
        let parameters = self.cloud.parameters();
        parameters.forget(&self.settings.routes_parameter);
        parameters.routes(&self.settings.routes_parameter).await.map_err(|error| chain(&error))
    }

    async fn ignore_list(&self) -> Result<IgnoreList, String> {
        let (parameters, name) = (self.cloud.parameters(), &self.settings.ignore_list_parameter);
        parameters.forget(name);
        match parameters.ignore_list(name, self.cloud.own_store()).await {
            Ok(ignore) => Ok(ignore),
            Err(error) if error.is_missing() => {
                tracing::warn!(reason = "no-ignore-list", "{}; nothing is ignored", chain(&error));
                Ok(IgnoreList::none())
            }
            Err(error) => Err(chain(&error)),
        }
    }
}

fn scan_settings(settings: &JobsenderSettings) -> ScanSettings {
    ScanSettings {
        compare: settings.compare,
        versions: if settings.compare_version_id { Lines::Versions } else { Lines::Objects },
        packing: Packing::of_small(settings.multipart_threshold),
        gate: Gate::with_max_age(settings.gate_max_age),
        policy: RetryPolicy { max_retries: settings.max_retry, ..RetryPolicy::default() },
        timeout: ATTEMPT_TIMEOUT,
        max_receives: settings.max_receives,
        max_ranges: settings.scan_ranges,
        split_after: ScanSettings::DEFAULT_SPLIT_AFTER,
        save_every: ScanSettings::DEFAULT_SAVE_EVERY,
    }
}
