//! Messages with many jobs, as the jobsender sends them: the outcome is each job's own.

use serde_json::{Value, json};
use serverless::{Cloud, OTHER_BUCKET, OWN_BUCKET};
use test_s3::FaultRule;

use crate::scene::{
    EMPTY, assert_acknowledged, assert_copied, copy, denied, known_row, only_parked, put, slow_down, state, text,
    worker,
};

const KEYS: [&str; 3] = ["good", "bad", "good too"];

/// A job for an object that is not at the destination yet.
fn job(cloud: &Cloud, key: &str) -> Value {
    let object = cloud.own.store().get(OWN_BUCKET, key).expect("an object that was put");
    json!({
        "src_key": key,
        "des_key": key,
        "size": object.size(),
        "etag": object.etag,
        "des_etag": null,
        "why": "absent",
    })
}

fn packed(jobs: &[Value]) -> Value {
    json!({ "longhaul": 1, "src_bucket": OWN_BUCKET, "des_bucket": OTHER_BUCKET, "jobs": jobs })
}

/// Sends one message for all objects, which are put before.
async fn ask_for_all(cloud: &Cloud) {
    KEYS.iter().for_each(|key| put(cloud, key, key));
    let jobs: Vec<Value> = KEYS.iter().map(|key| job(cloud, key)).collect();
    cloud.jobs.send(packed(&jobs).to_string()).await;
}

fn parse(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{body}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_packed_message_only_the_job_that_needs_help_is_parked() {
    let Some(cloud) = Cloud::required().await else { return };
    ask_for_all(&cloud).await;
    cloud.own.faults().add(FaultRule::new(denied()).of_key("bad"));
    let function = worker(&cloud.worker_environment()).await;
    assert_acknowledged(&function, &cloud.jobs).await;
    for key in ["good", "good too"] {
        assert_copied(&cloud, key, key).await;
    }
    let parked = only_parked(&cloud).await;
    assert_eq!((parked.reason.as_str(), parked.queue.as_str()), ("access-denied", "jobs"));
    assert_eq!(parse(&parked.body), packed(&[job(&cloud, "bad")]));
    let row = known_row(&cloud, "bad").await;
    assert_eq!((text(&row, "State"), text(&row, "Reason")), (Some("parked"), Some("access-denied")));
    assert_eq!(cloud.jobs.depth().await, EMPTY);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_packed_message_only_the_job_that_is_not_done_is_sent_on() {
    let Some(cloud) = Cloud::required().await else { return };
    ask_for_all(&cloud).await;
    cloud.other.faults().add(FaultRule::new(slow_down()).on("PutObject").of_key("bad"));
    let function = worker(&cloud.worker_environment().with("MaxRetry", "0")).await;
    assert_acknowledged(&function, &cloud.jobs).await;
    assert_eq!(cloud.other.store().keys(OTHER_BUCKET), ["good", "good too"]);
    assert_eq!(cloud.parked.depth().await, EMPTY);

    cloud.other.faults().clear();
    let written = cloud.other.count("PutObject");
    assert_acknowledged(&function, &cloud.jobs).await;
    assert_eq!(copy(&cloud, "bad").as_deref(), Some("bad"));
    assert_eq!(cloud.other.count("PutObject"), written + 1, "what was done is done again");
    assert_eq!(state(&cloud, "bad").await.as_deref(), Some("done"));
    assert_eq!(cloud.jobs.depth().await, EMPTY);
}
