//! The jobsender of a deployed stack: the same in a Lambda and by hand.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use longhaul::{
    engine::{Engine, Patience, Settings, Silent},
    error::{ErrorKind, chain},
    gate::{Gate, Turn, give_back, take_turn},
    ignore::IgnoreList,
    listing::Lines,
    object::Timestamp,
    pack::Packing,
    ports::Clock,
    record::{Lease, Token},
    retry::RetryPolicy,
    scan::{Mode, Scan, Selection},
    send::{SendError, SendReport, SendSettings, send_route},
    work::Surroundings,
};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    bucket::S3Bucket, bucket_para::BucketRoute, clock::SystemClock, cloud::Cloud, dynamo::DynamoLedger,
    jobsender_settings::JobsenderSettings, surroundings::StackStores,
};

/// No answer for so long is a failed attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// How much longer than a run its lease holds.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// What one run came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunReport {
    /// Whether the run took place: `open`, `forced` (jobs of the last run are still waiting, for too long), `not-asked` (a dry
    /// run), or why not: `another-run`, `jobs-waiting`, `failed`.
    pub gate: &'static str,
    /// Whether nothing was to be sent.
    pub dry_run: bool,
    /// The routes, in their order.
    pub routes: Vec<RouteReport>,
    /// Source objects seen.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects sent as jobs.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Messages that carry them.
    pub messages: u64,
    /// Not sent, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Wall seconds.
    pub seconds: f64,
    /// Whether every route was scanned to its end.
    pub complete: bool,
    /// What failed.
    pub errors: Vec<String>,
}

/// What one route came to.
#[derive(Clone, Debug, Serialize)]
pub struct RouteReport {
    /// Source bucket.
    pub src_bucket: String,
    /// Prefix of the keys.
    pub src_prefix: String,
    /// Destination bucket.
    pub des_bucket: String,
    /// Prefix that they get.
    pub des_prefix: String,
    /// Counts.
    #[serde(flatten)]
    pub counts: SendReport,
    /// Why it was not scanned to its end.
    pub error: Option<String>,
}

/// A jobsender with its clients.
pub struct StackJobsender {
    settings: JobsenderSettings,
    cloud: Cloud,
    stores: StackStores,
    clock: Arc<SystemClock>,
}

/// What all routes of one run share.
struct Run {
    mode: Mode,
    end: Duration,
    until: Timestamp,
    owner: String,
    stop: CancellationToken,
}

impl StackJobsender {
    /// Puts the parts together; nothing is asked for yet.
    pub fn new(settings: JobsenderSettings, cloud: Cloud) -> Self {
        let stores =
            StackStores::new(cloud.clone(), &settings.table, settings.job_type, &settings.credentials_parameter);
        Self { settings, cloud, stores, clock: Arc::new(SystemClock::new()) }
    }

    /// How it works.
    pub fn settings(&self) -> &JobsenderSettings {
        &self.settings
    }

    /// Scans all routes, if it is time to, for at most `rest`. What fails is in the report.
    pub async fn run(&self, mode: Mode, rest: Duration, stop: CancellationToken) -> RunReport {
        let began = self.clock.elapsed();
        let lease = i64::try_from((rest + LEASE_MARGIN).as_millis()).unwrap_or(i64::MAX);
        let run = Run {
            mode,
            end: began + rest,
            until: Timestamp(self.clock.now().0.saturating_add(lease)),
            owner: format!("jobsender-{}", token().0),
            stop,
        };
        let mut report = RunReport { dry_run: mode == Mode::DryRun, ..RunReport::default() };
        if let Err(error) = Box::pin(self.at_the_gate(&run, &mut report)).await {
            report.errors.push(error);
        }
        report.seconds = self.clock.elapsed().saturating_sub(began).as_secs_f64();
        log(&report);
        report
    }

    async fn at_the_gate(&self, run: &Run, report: &mut RunReport) -> Result<(), String> {
        let (routes, ignore) = self.read_parameters().await.inspect_err(|_| report.gate = "failed")?;
        if run.mode == Mode::DryRun {
            report.gate = "not-asked";
            self.scan_all(run, routes, ignore, report).await;
            return Ok(());
        }
        let table = self.stores.table();
        let queue = self.cloud.queue(&self.settings.jobs_queue, self.settings.parked_queue.as_deref());
        let gate = Gate::with_max_age(self.settings.gate_max_age);
        let lease = Lease { owner: run.owner.clone(), until: Some(run.until) };
        let turn = take_turn(&gate, table, &queue, self.clock.as_ref(), lease, token()).await;
        let ticket = match turn.map_err(|error| chain(&error)).inspect_err(|_| report.gate = "failed")? {
            Turn::Ours(ticket) => ticket,
            Turn::NotNow(why) => {
                (report.gate, report.complete) = (why, true);
                return Ok(());
            }
        };
        report.gate = if ticket.forced { "forced" } else { "open" };
        if ticket.forced {
            tracing::warn!(
                event = "gate",
                "jobs of an earlier scan are still waiting, for too long: scanning all the same"
            );
        }
        self.scan_all(run, routes, ignore, report).await;
        let finished = report.complete.then(|| self.clock.now());
        give_back(table, ticket, finished, &token()).await.map_err(|error| chain(&error))
    }

    async fn read_parameters(&self) -> Result<(Vec<BucketRoute>, IgnoreList), String> {
        let parameters = self.cloud.parameters();
        let (routes, ignore) = (&self.settings.routes_parameter, &self.settings.ignore_list_parameter);
        // People edit them between two runs of a warm process.
        parameters.forget(routes);
        parameters.forget(ignore);
        let routes = parameters.routes(routes).await.map_err(|error| chain(&error))?;
        let ignore = match parameters.ignore_list(ignore, self.cloud.own_store()).await {
            Ok(ignore) => ignore,
            Err(error) if error.is_missing() => {
                tracing::warn!(reason = "no-ignore-list", "{}; nothing is ignored", chain(&error));
                IgnoreList::none()
            }
            Err(error) => return Err(chain(&error)),
        };
        Ok((routes, ignore))
    }

    async fn scan_all(&self, run: &Run, routes: Vec<BucketRoute>, ignore: IgnoreList, report: &mut RunReport) {
        report.complete = true;
        for route in routes {
            let (counts, error) = match self.engine(run, &route).await {
                Ok(engine) => {
                    let (counts, ended) = self.scan_one(run, &engine, &route, &ignore).await;
                    self.heed(&ended);
                    (counts, ended.err().map(|error| chain(&error)))
                }
                Err(error) => (SendReport::default(), Some(error)),
            };
            add(report, &counts);
            let from = format!("{}/{}", route.src_bucket, route.src_prefix);
            report.errors.extend(error.iter().map(|error| format!("{from}: {error}")));
            let BucketRoute { src_bucket, src_prefix, des_bucket, des_prefix, .. } = route;
            let line = RouteReport { src_bucket, src_prefix, des_bucket, des_prefix, counts, error };
            tracing::info!(event = "scan", route = serde_json::to_string(&line).unwrap_or_default(), "route scanned");
            report.routes.push(line);
        }
    }

    /// Refused credentials are read again by the next run.
    fn heed(&self, ended: &Result<(), SendError>) {
        if let Err(SendError::Listing(error)) = ended
            && error.kind() == ErrorKind::InvalidCredentials
        {
            self.stores.credentials_refused();
        }
    }

    async fn scan_one(
        &self,
        run: &Run,
        engine: &Engine<S3Bucket, S3Bucket, DynamoLedger, SystemClock>,
        route: &BucketRoute,
        ignore: &IgnoreList,
    ) -> (SendReport, Result<(), SendError>) {
        let selection = Selection { ignore: ignore.clone(), ..Selection::all() };
        let scan = Scan { route: route.route(), selection, compare: self.settings.compare };
        let versions = self.settings.compare_version_id;
        let settings = SendSettings {
            versions: if versions { Lines::Versions } else { Lines::Objects },
            packing: Packing::of_small(self.settings.multipart_threshold),
            mode: run.mode,
        };
        let queue = self.cloud.queue(&self.settings.jobs_queue, None);
        // Boxed, since the future of a whole scan is large.
        Box::pin(send_route(engine, &scan, &queue, settings)).await
    }

    async fn engine(
        &self,
        run: &Run,
        route: &BucketRoute,
    ) -> Result<Engine<S3Bucket, S3Bucket, DynamoLedger, SystemClock>, String> {
        let source = self.stores.source(&route.src_bucket).await?;
        let destination = self.stores.destination(&route.des_bucket).await?;
        let ledger = self.stores.ledger(&run.owner, run.until);
        let policy = RetryPolicy { max_retries: self.settings.max_retry, ..RetryPolicy::default() };
        let clock = Arc::clone(&self.clock);
        let mut patience = Patience::with_clock(clock, policy, ATTEMPT_TIMEOUT, fastrand::u64(..), Arc::new(Silent));
        patience.stop = run.stop.clone();
        patience.end = Some(run.end);
        Ok(Engine::new(source, destination, ledger, patience, Settings::default()))
    }
}

fn add(report: &mut RunReport, counts: &SendReport) {
    report.objects += counts.objects;
    report.bytes += counts.bytes;
    report.sent += counts.sent;
    report.sent_bytes += counts.sent_bytes;
    report.messages += counts.messages;
    for (why, count) in &counts.skipped {
        *report.skipped.entry(why).or_default() += count;
    }
    report.complete &= counts.complete;
}

fn log(report: &RunReport) {
    let line = serde_json::to_string(report).unwrap_or_default();
    let (gate, sent, complete) = (report.gate, report.sent, report.complete);
    if report.errors.is_empty() {
        tracing::info!(event = "result", gate, sent, complete, report = line, "the run is over");
    } else {
        tracing::error!(event = "result", gate, sent, complete, report = line, "the run is over, with errors");
    }
    if !complete && report.errors.is_empty() {
        tracing::warn!(event = "incomplete", "the time was up before the listings were; the next run begins anew");
    }
}

/// A text that no other save has.
fn token() -> Token {
    Token(format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)))
}
