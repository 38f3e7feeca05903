//! Defect 4: "AccessDenied (policy, KMS) is acknowledged as done; a source that vanishes leaves its upload behind."

use serverless::{Cloud, Function, OTHER_BUCKET, OWN_BUCKET, deliver};
use test_s3::{Access, FaultRule};

use crate::{
    original_defects::lab::{cloud, end_leg_after_one_part},
    scene::{
        EMPTY, LARGE, PLENTY, assert_acknowledged, assert_given_back, assert_no_uploads, impatient, in_parts, line_of,
        only_parked, put_and_tell, put_large_and_tell, refusal, state, worker,
    },
};

/// Delivers the only message, which asks for this object, and sees it parked at once: unchanged, recorded, with its
/// reason.
async fn assert_parked(cloud: &Cloud, function: &Function, key: &str) {
    let delivery = deliver(function, &cloud.events, 1, PLENTY).await.expect("a message waits");
    assert!(delivery.failed.is_empty(), "{key} was tried again: {:?}", delivery.answer);
    let parked = only_parked(cloud).await;
    assert_eq!(Some(parked.body.as_str()), delivery.messages[0].body(), "{key}");
    assert_eq!(parked.reason, "access-denied", "{key}: {}", parked.words);
    assert_eq!(state(cloud, key).await.as_deref(), Some("parked"), "{key}");
    let line = line_of(function, key);
    assert_eq!((&line["level"], &line["outcome"]), (&"ERROR".into(), &"parked".into()), "{line}");
    assert!(cloud.other.store().get(OTHER_BUCKET, key).is_none(), "{key} was copied");
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_04_what_a_policy_denies_is_parked_and_not_acknowledged_as_done() {
    let Some(cloud) = cloud().await else { return };
    let worker = worker(&in_parts(&cloud)).await;
    for operation in ["GetObject", "HeadObject"] {
        cloud.own.store().set_access(OWN_BUCKET, operation, Access::Denied);
    }
    put_and_tell(&cloud, "small", "content").await;
    assert_parked(&cloud, &worker, "small").await;
    put_large_and_tell(&cloud, "large", 1, LARGE).await;
    assert_parked(&cloud, &worker, "large").await;
    assert_no_uploads(&cloud);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_04_what_a_key_of_kms_denies_is_parked_and_not_acknowledged_as_done() {
    let Some(cloud) = cloud().await else { return };
    let worker = worker(&in_parts(&cloud)).await;
    let message = "The ciphertext refers to a customer master key that does not exist or that you may not use.";
    let refusal = |status, code: &str| FaultRule::new(refusal(status, code, message));
    cloud.own.faults().add(refusal(403, "AccessDenied").on("GetObject").of_key("small"));
    cloud.own.faults().add(refusal(400, "KMS.DisabledException").on("GetObject").of_key("large"));
    put_and_tell(&cloud, "small", "content").await;
    assert_parked(&cloud, &worker, "small").await;
    put_large_and_tell(&cloud, "large", 1, LARGE).await;
    assert_parked(&cloud, &worker, "large").await;
    assert_no_uploads(&cloud);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_04_a_source_that_vanishes_leaves_no_upload_behind() {
    let Some(cloud) = cloud().await else { return };
    let worker = worker(&impatient(&cloud)).await;
    put_large_and_tell(&cloud, "large", 1, LARGE).await;
    end_leg_after_one_part(&cloud, "large");
    assert_given_back(&worker, &cloud.events).await;
    assert_eq!(cloud.other.store().uploads(OTHER_BUCKET).len(), 1);
    cloud.own.store().remove(OWN_BUCKET, "large");
    assert_acknowledged(&worker, &cloud.events).await;
    assert_no_uploads(&cloud);
    assert_eq!(line_of(&worker, "large")["outcome"], "gone");
    assert_eq!(cloud.parked.depth().await, EMPTY);
}
