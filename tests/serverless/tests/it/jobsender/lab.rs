//! What all tests of the jobsender do: have it fail, and read what it sent.

use serde_json::{Value, json};
use serverless::{Answer, Cloud, Function, work_off};

use crate::scene::{PLENTY, worker};

/// The report of a run with errors, which is what the failed invocation says.
pub async fn failed_run(jobsender: &Function) -> Value {
    let words = refused_words(jobsender, &json!({})).await;
    serde_json::from_str(&words).unwrap_or_else(|error| panic!("{words:?} is no report: {error}"))
}

/// The words of an invocation that fails.
pub async fn refused_words(jobsender: &Function, payload: &Value) -> String {
    match jobsender.invoke(payload, PLENTY).await {
        Answer::Error(error) => error["errorMessage"].as_str().expect("an error has words").to_owned(),
        answer => panic!("the invocation did not fail: {answer:?}"),
    }
}

/// The only error of a report.
pub fn only_error(report: &Value) -> &str {
    match report["errors"].as_array().map(Vec::as_slice) {
        Some([error]) => error.as_str().expect("an error is a text"),
        _ => panic!("not one error: {report}"),
    }
}

/// Copies what the queue of jobs asks for.
pub async fn copy_all(cloud: &Cloud) {
    work_off(&worker(&cloud.worker_environment()).await, &cloud.jobs, PLENTY).await;
}

/// The messages that were sent. They are gone then.
pub async fn drained(cloud: &Cloud) -> Vec<Value> {
    let bodies = cloud.jobs.drain().await.into_iter().filter_map(|message| message.body);
    bodies.map(|body| serde_json::from_str(&body).unwrap_or_else(|error| panic!("{body:?}: {error}"))).collect()
}

/// Every object of these messages with its place, in order.
pub fn places(messages: &[Value]) -> Vec<String> {
    let mut places: Vec<String> = messages.iter().flat_map(places_of).collect();
    places.sort_unstable();
    places
}

fn places_of(message: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (source, destination) = (text(&message["src_bucket"]), text(&message["des_bucket"]));
    let place = |job: &Value| format!("{source}/{} -> {destination}/{}", text(&job["src_key"]), text(&job["des_key"]));
    message["jobs"].as_array().expect("jobs").iter().map(place).collect()
}
