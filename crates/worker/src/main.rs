//! The worker Lambda: settings from the environment, records of SQS in, failures of single records out.

mod batch;

use std::{env, error::Error, sync::Arc};

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn};
use longhaul_aws::{Cloud, CloudOptions, StackWorker, WorkerSettings, lambda::log};

fn var(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Bytes of a thread's stack. What a program without optimisation keeps on it for one request of the SDK's is a large part of
/// the usual 2 MiB.
const STACK: usize = 8 << 20;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK).enable_all().build()?;
    runtime.block_on(serve())
}

async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
    log::init(var("AWS_LAMBDA_LOG_LEVEL").or_else(|| var("RUST_LOG")).as_deref());
    let worker = Arc::new(start().await?);
    longhaul_aws::lambda::checkip::log_identity(worker.settings().checkip_url.as_deref()).await;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| {
        let worker = Arc::clone(&worker);
        async move { Ok::<_, lambda_runtime::Error>(batch::handle(worker, event.payload, event.context.deadline()).await) }
    }))
    .await
}

async fn start() -> Result<StackWorker, Box<dyn Error + Send + Sync>> {
    let settings = WorkerSettings::from_vars(var).inspect_err(|error| tracing::error!("{error}"))?;
    let cloud = Cloud::connect(&CloudOptions::from_vars(var)).await?;
    Ok(StackWorker::new(settings, cloud))
}
