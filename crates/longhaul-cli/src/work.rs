//! `longhaul work`: the worker of a stack as a long-running process.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use longhaul::queue::QueueMessage;
use longhaul_aws::{JobsenderSettings, SqsQueue, StackJobsender, StackWorker, WorkerSettings, lambda::checkip};

use crate::{
    failure::{Exit, Failure},
    heartbeat::{Heartbeat, attend},
    poll::{Ends, Poller},
    stack::{self, for_process, layers, variable},
    stack_args::WorkArgs,
    stop,
};

/// What suits a process that no 15 minutes bind: the original's settings of its fleet.
const FLEET: [(&str, &str); 3] = [("JobTimeout", "3500"), ("MaxThread", "20"), ("MaxParallelFile", "5")];
/// How often the bytes that moved are written into the log.
const TRAFFIC_LINES: Duration = Duration::from_secs(30);

/// Works until it is told to stop.
pub async fn run(args: WorkArgs) -> Result<Exit, Failure> {
    let ends = Ends::default();
    stop::listen_as_service(ends.stop.clone());
    let (worker, jobsender) = open(&args).await?;
    let worker = Arc::new(worker);
    let limit = args.messages.map_or(worker.settings().max_parallel_files, usize::from);
    let mut queues = worker.queues().to_vec();
    queues.extend(jobsender.iter().filter_map(StackJobsender::scan_queue).cloned());
    checkip::log_identity(worker.settings().checkip_url.as_deref()).await;
    tracing::info!(
        event = "working",
        queues = queues.iter().map(SqsQueue::name).collect::<Vec<_>>().join(" "),
        messages = limit,
        parts = worker.settings().max_threads,
        leg_seconds = worker.settings().job_timeout.as_secs(),
        "messages are taken from now on"
    );
    let heartbeat = Heartbeat(args.visibility());
    let poller = Poller::new(queues, limit, ends.clone(), handler(Arc::clone(&worker), jobsender, heartbeat, ends));
    let ended = tokio::select! {
        ended = poller.run(args.grace()) => ended,
        never = log_traffic(&worker) => match never {},
    };
    worker.journal().log_traffic();
    ended?;
    tracing::info!(event = "stopped", "the worker has stopped");
    Ok(Exit::Done)
}

async fn open(args: &WorkArgs) -> Result<(StackWorker, Option<StackJobsender>), Failure> {
    let (cloud, stack) = stack::open_if_named(&args.stack).await?;
    let (of_worker, of_jobsender) =
        stack.map(|stack| (for_process(&stack.worker), for_process(&stack.jobsender))).unzip();
    let settings = WorkerSettings::from_vars(layers(variable, of_worker.as_ref(), &FLEET))?;
    let worker = StackWorker::new(settings, cloud.clone());
    if !args.scan {
        return Ok((worker, None));
    }
    let settings = JobsenderSettings::from_vars(layers(variable, of_jobsender.as_ref(), &FLEET))?;
    if settings.scan_queue.is_none() {
        return Err(Failure::usage("--scan: the setting sqs_queue_scan is missing").advise("name a stack with --stack"));
    }
    Ok((worker, Some(StackJobsender::new(settings, cloud))))
}

/// What is done with each message: a leg of its own.
fn handler(
    worker: Arc<StackWorker>,
    jobsender: Option<StackJobsender>,
    heartbeat: Heartbeat,
    ends: Ends,
) -> impl Fn(SqsQueue, QueueMessage) -> BoxFuture<'static, ()> {
    let jobsender = jobsender.map(Arc::new);
    move |queue: SqsQueue, message: QueueMessage| {
        let (worker, jobsender, ends) = (Arc::clone(&worker), jobsender.clone(), ends.clone());
        async move {
            let of_scans = |jobsender: &Arc<StackJobsender>| {
                jobsender.scan_queue().is_some_and(|scan| scan.name() == queue.name())
            };
            if let Some(jobsender) = jobsender.filter(of_scans) {
                let leg = jobsender.leg(jobsender.settings().job_timeout, ends.stop);
                let work = jobsender.handle(&queue, &message, &leg);
                return attend(&queue, &message, heartbeat, &ends.hurry, work).await;
            }
            let leg = worker.leg(worker.settings().job_timeout, ends.stop);
            let work = worker.handle(&queue, &message, &leg);
            attend(&queue, &message, heartbeat, &ends.hurry, work).await;
        }
        .boxed()
    }
}

async fn log_traffic(worker: &StackWorker) -> Infallible {
    loop {
        tokio::time::sleep(TRAFFIC_LINES).await;
        worker.journal().log_traffic();
    }
}
