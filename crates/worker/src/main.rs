//! The worker Lambda: settings from the environment, records of SQS in, failures of single records out.

mod batch;

use std::{env, error::Error, sync::Arc};

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn};
use longhaul_aws::{Cloud, CloudOptions, StackWorker, WorkerSettings, lambda::log, runtime};

fn var(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    runtime()?.block_on(serve())
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
