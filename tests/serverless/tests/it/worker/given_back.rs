//! What mends itself, or is mended for all objects at once, waits: it is not parked before its last delivery.

use serde_json::json;
use serverless::{Cloud, Environment, OTHER_BUCKET, OTHER_SECRET_ACCESS_KEY, OWN_BUCKET, deliver};
use test_s3::{FaultKind, FaultRule};

use crate::scene::{
    EMPTY, MIB, PLENTY, WAITING, assert_acknowledged, assert_copied, assert_given_back, come_again, known_row, line_of,
    only_parked, put_and_tell, route, set_credential, slow_down, text, worker,
};

const KEY: &str = "a";

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_read_again_by_the_same_process_and_nothing_is_parked() {
    let Some(cloud) = Cloud::required().await else { return };
    set_credential(&cloud, "aws_secret_access_key", "expired-secret").await;
    put_and_tell(&cloud, KEY, "content").await;
    let function = worker(&cloud.worker_environment()).await;
    let message = assert_given_back(&function, &cloud.events).await;
    let line = line_of(&function, KEY);
    assert_eq!((&line["outcome"], &line["reason"]), (&"failed".into(), &"invalid-credentials".into()));
    assert_eq!(line["level"], "WARN");
    assert_eq!((cloud.events.depth().await, cloud.parked.depth().await), (WAITING, EMPTY));

    cloud.parameters.set_other_account(&cloud.other).await;
    come_again(&cloud, &cloud.events, &message).await;
    assert_acknowledged(&function, &cloud.events).await;
    assert_copied(&cloud, KEY, "content").await;
    assert_eq!((cloud.events.depth().await, cloud.parked.depth().await), (EMPTY, EMPTY));
    for secret in ["expired-secret", OTHER_SECRET_ACCESS_KEY] {
        assert!(!function.output().contains(secret), "the log shows a secret");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_refused_without_a_word_are_told_from_a_missing_right() {
    // The way of a large object begins with HEAD, whose errors have no body.
    let Some(cloud) = Cloud::required().await else { return };
    set_credential(&cloud, "aws_secret_access_key", "expired-secret").await;
    cloud.other.store().put_synthetic(OTHER_BUCKET, KEY, 7, 24 * MIB);
    cloud.parameters.set_routes(&json!([route(OTHER_BUCKET, "", OWN_BUCKET, "")])).await;
    let job = json!({"Src_bucket": OTHER_BUCKET, "Src_key": KEY, "Des_bucket": OWN_BUCKET, "Des_key": KEY,
        "Size": 24 * MIB});
    cloud.jobs.send(job.to_string()).await;
    let function = worker(&cloud.worker_environment().with("JobType", "GET")).await;
    let message = assert_given_back(&function, &cloud.jobs).await;
    assert_eq!(line_of(&function, KEY)["reason"], "invalid-credentials");
    assert_eq!((cloud.jobs.depth().await, cloud.parked.depth().await), (WAITING, EMPTY));

    cloud.parameters.set_other_account(&cloud.other).await;
    come_again(&cloud, &cloud.jobs, &message).await;
    assert_acknowledged(&function, &cloud.jobs).await;
    assert_eq!(cloud.own.store().get(OWN_BUCKET, KEY).map(|copy| copy.size()), Some(24 * MIB));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_service_that_is_too_busy_is_no_reason_to_park() {
    let Some(cloud) = Cloud::required().await else { return };
    // As S3 passes it on, with the status of a wrong request.
    let busy = FaultKind::ErrorCode {
        status: 400,
        code: "KMS.ThrottlingException".to_owned(),
        message: "You have exceeded the rate at which you may call KMS.".to_owned(),
    };
    cloud.other.faults().add(FaultRule::new(busy).on("PutObject"));
    put_and_tell(&cloud, KEY, "content").await;
    let function = worker(&cloud.worker_environment().with("MaxRetry", "1")).await;
    assert_given_back(&function, &cloud.events).await;
    assert_eq!(line_of(&function, KEY)["reason"], "throttled");
    assert_eq!(cloud.other.count("PutObject"), 2);
    assert_eq!((cloud.events.depth().await, cloud.parked.depth().await), (WAITING, EMPTY));
}

/// A worker that repeats nothing by itself and gives up with the second delivery.
fn impatient(cloud: &Cloud) -> Environment {
    cloud.worker_environment().with("MaxRetry", "0").with("MaxReceives", "2")
}

/// Delivers an event twice to a store that goes on failing: given back first, then parked.
async fn assert_given_up(cloud: &Cloud, kind: FaultKind, reason: &str) {
    cloud.other.faults().add(FaultRule::new(kind).on("PutObject"));
    put_and_tell(cloud, KEY, "content").await;
    let function = worker(&impatient(cloud)).await;
    let message = assert_given_back(&function, &cloud.events).await;
    assert_eq!(cloud.parked.depth().await, EMPTY);
    come_again(cloud, &cloud.events, &message).await;
    let last = deliver(&function, &cloud.events, 1, PLENTY).await.expect("the message comes again");
    assert!(last.failed.is_empty(), "the last delivery is not acknowledged: {:?}", last.answer);
    let parked = only_parked(cloud).await;
    assert_eq!((parked.reason.as_str(), parked.queue.as_str()), (reason, "events"));
    assert_eq!(Some(parked.body.as_str()), message.body());
    let line = function.events("parked").pop().expect("the log tells of it");
    assert_eq!((&line["level"], &line["reason"]), (&"ERROR".into(), &reason.into()));
    assert_eq!(text(&known_row(cloud, KEY).await, "Reason"), Some(reason));
    assert_eq!(cloud.events.depth().await, EMPTY);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_throttled_to_its_last_delivery_is_parked_as_throttled() {
    let Some(cloud) = Cloud::required().await else { return };
    assert_given_up(&cloud, slow_down(), "throttled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_store_to_its_last_delivery_is_parked_as_unavailable() {
    let Some(cloud) = Cloud::required().await else { return };
    assert_given_up(&cloud, FaultKind::Status500, "unavailable").await;
}
