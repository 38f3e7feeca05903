//! The worker of a deployed stack: the same in a Lambda and in a long-running process.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use longhaul::{
    copy::{Collisions, Settings},
    limits::{LegTime, RetryPolicy},
    queue::{JobQueue, QueueMessage, Verdict, settle},
    route::{IgnoreList, Route},
    store::error::chain,
    worker::{BucketRoute, Journal, Queues, Rules, WorkSettings, Worker},
};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    sdk::SystemClock,
    settings::{ParameterError, WorkerQueues, WorkerSettings},
    sqs::{SqsQueue, arn_name},
    stack::{clients::Cloud, stores::StackStores},
};

/// How long routes and the ignore list are believed before they are read again.
const RULES_AGE: Duration = Duration::from_secs(5 * 60);

/// As long as this they are believed even where a message has no place by them: a stranger's messages may not become as many
/// requests for parameters.
const FRESH: Duration = Duration::from_secs(10);

/// How much longer than a leg its leases hold, since clocks differ.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// No answer or no byte for so long is a failed attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// So many legs in a row without a part: then a part does not fit into a leg.
const MAX_IDLE_LEGS: u32 = 6;

/// A worker with its queues, clients and rules.
pub struct StackWorker {
    worker: Worker<StackStores, SystemClock>,
    cloud: Cloud,
    settings: WorkerSettings,
    queues: Vec<SqsQueue>,
    journal: Arc<Journal>,
    rules: Mutex<Option<(Instant, Arc<Rules>)>>,
}

impl StackWorker {
    /// Puts the parts together; nothing is asked for yet.
    pub fn new(settings: WorkerSettings, cloud: Cloud) -> Self {
        let parked = settings.queues.parked.as_str();
        let WorkerQueues { events, segments, jobs, .. } = &settings.queues;
        // Segments come before jobs: what was begun is finished first.
        let urls = events.iter().chain(segments).chain([jobs]);
        let queues = urls.map(|url| cloud.queue(url, Some(parked))).collect();
        let journal = Arc::new(Journal::default());
        let stores =
            StackStores::new(cloud.clone(), &settings.table, settings.job_type, &settings.credentials_parameter);
        let worker = Worker::new(
            stores,
            SystemClock::new(),
            work_settings(&settings),
            Arc::<Journal>::clone(&journal),
            fastrand::u64(..),
        );
        Self { worker, cloud, settings, queues, journal, rules: Mutex::new(None) }
    }

    /// How it works.
    pub fn settings(&self) -> &WorkerSettings {
        &self.settings
    }

    /// The queues that it serves.
    pub fn queues(&self) -> &[SqsQueue] {
        &self.queues
    }

    /// The queue that a Lambda's record names.
    pub fn queue_of_arn(&self, arn: &str) -> Option<&SqsQueue> {
        self.queues.iter().find(|queue| queue.name() == arn_name(arn))
    }

    /// The clients of its own account.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// What it writes into its log.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// A leg that ends in `rest`.
    pub fn leg(&self, rest: Duration, stop: CancellationToken) -> LegTime {
        self.worker.leg(rest, LEASE_MARGIN, stop)
    }

    /// Handles one delivery to its end. Without rules nothing is done: the message comes again.
    pub async fn handle(&self, queue: &SqsQueue, message: &QueueMessage, leg: &LegTime) -> Verdict {
        match self.rules_for(message).await {
            // Boxed, since the future of a whole copy is large.
            Ok(rules) => {
                let named = |url: &str| self.queues.iter().find(|queue| queue.url() == url);
                let queues = Queues {
                    own: queue,
                    jobs: named(&self.settings.queues.jobs).unwrap_or(queue),
                    segments: self.settings.queues.segments.as_deref().and_then(named),
                };
                Box::pin(self.worker.handle(&queues, message, &rules, leg)).await
            }
            Err(error) => {
                tracing::error!(reason = "no-rules", "{}; the message comes again", chain(&error));
                let wait = settle::wait(message.receives, fastrand::f64());
                if let Err(error) = queue.set_visibility(&message.receipt, wait).await {
                    tracing::warn!(%error, "the message could not be given back; it comes again all the same");
                }
                Verdict::Return
            }
        }
    }

    /// The jobsender knows a new route at once: before a message is parked for want of one, the routes are read again.
    async fn rules_for(&self, message: &QueueMessage) -> Result<Arc<Rules>, ParameterError> {
        let rules = self.rules(RULES_AGE).await?;
        if rules.refuse_any_of(&message.body) { self.rules(FRESH).await } else { Ok(rules) }
    }

    async fn rules(&self, age: Duration) -> Result<Arc<Rules>, ParameterError> {
        let mut known = self.rules.lock().await;
        if let Some((read, rules)) = known.as_ref()
            && read.elapsed() < age
        {
            return Ok(Arc::clone(rules));
        }
        let rules = Arc::new(self.read_rules().await?);
        *known = Some((Instant::now(), Arc::clone(&rules)));
        Ok(rules)
    }

    async fn read_rules(&self) -> Result<Rules, ParameterError> {
        let parameters = self.cloud.parameters();
        let routes = match &self.settings.routes_parameter {
            Some(name) => {
                parameters.forget(name);
                parameters.routes(name).await?
            }
            None => Vec::new(),
        };
        let ignore = match &self.settings.ignore_list_parameter {
            Some(name) => {
                parameters.forget(name);
                match parameters.ignore_list(name, self.cloud.own_store()).await {
                    Err(error) if error.is_missing() => {
                        tracing::warn!(reason = "no-ignore-list", "{}; nothing is ignored", chain(&error));
                        IgnoreList::none()
                    }
                    read => read?,
                }
            }
            None => IgnoreList::none(),
        };
        let named = |route: longhaul::route::NamedRoute| BucketRoute {
            route: route.route(),
            source_bucket: route.src_bucket,
            destination_bucket: route.des_bucket,
        };
        let default = self.settings.default_destination.as_ref();
        Ok(Rules {
            routes: routes.into_iter().map(named).collect(),
            default: default.map(|place| (place.bucket.clone(), Route::keeping_names("", &place.prefix))),
            ignore,
            deletes: self.settings.delete_policy,
        })
    }
}

fn work_settings(settings: &WorkerSettings) -> WorkSettings {
    let copy = Settings {
        // Small objects of one message; large ones are bound by the parts in flight.
        objects: settings.max_threads,
        concurrency: settings.max_threads,
        part_size: settings.chunk_size,
        multipart_threshold: settings.multipart_threshold,
        segment_size: Some(settings.segment_size),
        bandwidth: settings.bandwidth,
        storage_class: Some(settings.storage_class.clone()).filter(|class| class != "STANDARD"),
        verify: settings.verify,
        server_side: false,
        read_versions: settings.get_object_with_version_id,
        collisions: Collisions::Park,
        mark_copies: settings.mark_copies,
        max_idle_legs: Some(MAX_IDLE_LEGS),
        ..Settings::default()
    };
    WorkSettings {
        copy,
        policy: RetryPolicy { max_retries: settings.max_retry, ..RetryPolicy::default() },
        timeout: ATTEMPT_TIMEOUT,
        max_receives: settings.max_receives,
    }
}
