//! The jobsender Lambda: settings from the environment; one scheduled run an invocation, or the messages of a scan.

mod batch;

use std::{
    env,
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime},
};

use lambda_runtime::{LambdaEvent, service_fn};
use longhaul::route::Mode;
use longhaul_aws::{Cloud, CloudOptions, JobsenderSettings, StackJobsender, lambda::log, runtime, time_left};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

fn var(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    runtime()?.block_on(serve())
}

async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
    log::init(var("AWS_LAMBDA_LOG_LEVEL").or_else(|| var("RUST_LOG")).as_deref());
    let jobsender = Arc::new(start().await?);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let jobsender = Arc::clone(&jobsender);
        async move { answer(&jobsender, event.payload, event.context.deadline()).await }
    }))
    .await
}

async fn start() -> Result<StackJobsender, Box<dyn Error + Send + Sync>> {
    let settings = JobsenderSettings::from_vars(var).inspect_err(|error| tracing::error!("{error}"))?;
    let cloud = Cloud::connect(&CloudOptions::from_vars(var)).await?;
    Ok(StackJobsender::new(settings, cloud))
}

/// An event with records comes from the queue of scans; everything else asks for a run.
async fn answer(jobsender: &StackJobsender, payload: Value, deadline: SystemTime) -> Result<Value, String> {
    match payload.get("Records") {
        Some(_) => batch::handle(jobsender, payload, deadline).await,
        None => run(jobsender, &payload, deadline).await,
    }
}

/// A run with errors is a failed invocation, so that the function's own metrics and alarms see it.
async fn run(jobsender: &StackJobsender, payload: &Value, deadline: SystemTime) -> Result<Value, String> {
    let mode = match payload.get("dry_run") {
        None | Some(Value::Bool(false) | Value::Null) => Mode::Copy,
        Some(Value::Bool(true)) => Mode::DryRun,
        // Whoever asks for a dry run in other words does not want jobs to be sent.
        Some(other) => return Err(format!("dry_run is {other}; write {{\"dry_run\": true}} or leave it out")),
    };
    let rest: Duration = time_left(deadline, SystemTime::now(), jobsender.settings().job_timeout);
    let report = jobsender.run(mode, rest, CancellationToken::new()).await;
    let text = serde_json::to_value(&report).map_err(|error| format!("the report: {error}"))?;
    if report.errors.is_empty() { Ok(text) } else { Err(text.to_string()) }
}
