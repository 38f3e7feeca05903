//! Defect 4: "AccessDenied (policy, KMS) is acknowledged as done; a source that vanishes leaves its upload behind."

use serverless::{Cloud, Depth, Function, OTHER_BUCKET, OWN_BUCKET, deliver};
use test_s3::{Access, FaultKind, FaultRule};

use crate::lab::{
    LARGE, MINUTE, acknowledged, broken_off, cloud, end_leg_after_one_part, impatient, in_parts, line_of, no_uploads,
    put_and_tell, put_large_and_tell, row_key, worker,
};

/// Delivers the only message, which asks for this object, and sees it parked at once: unchanged, recorded, with its
/// reason.
async fn is_parked(cloud: &Cloud, function: &Function, key: &str) {
    let delivery = deliver(function, &cloud.events, 1, MINUTE).await.expect("a message waits");
    assert!(delivery.failed.is_empty(), "{key} was tried again: {:?}", delivery.answer);
    let parked = cloud.parked.drain().await;
    let [parked] = parked.as_slice() else { panic!("{key}: not one message is parked: {parked:?}") };
    assert_eq!(parked.body(), delivery.messages[0].body(), "{key}");
    let attributes = parked.message_attributes().expect("attributes");
    assert_eq!(attributes["reason"].string_value(), Some("access-denied"), "{key}: {attributes:?}");
    let row = cloud.table.row(&row_key(cloud, key)).await.expect("a row");
    assert_eq!(row["State"].as_s().map(String::as_str), Ok("parked"), "{key}");
    let line = line_of(function, key);
    assert_eq!((&line["level"], &line["outcome"]), (&"ERROR".into(), &"parked".into()), "{line}");
    assert!(cloud.other.store().get(OTHER_BUCKET, key).is_none(), "{key} was copied");
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_04_what_a_policy_denies_is_parked_and_not_acknowledged_as_done() {
    let test = "defect_04_what_a_policy_denies_is_parked_and_not_acknowledged_as_done";
    let Some(cloud) = cloud(test).await else { return };
    let worker = worker(&in_parts(&cloud)).await;
    for operation in ["GetObject", "HeadObject"] {
        cloud.own.store().set_access(OWN_BUCKET, operation, Access::Denied);
    }
    put_and_tell(&cloud, "small", "content").await;
    is_parked(&cloud, &worker, "small").await;
    put_large_and_tell(&cloud, "large", 1, LARGE).await;
    is_parked(&cloud, &worker, "large").await;
    no_uploads(&cloud);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_04_what_a_key_of_kms_denies_is_parked_and_not_acknowledged_as_done() {
    let test = "defect_04_what_a_key_of_kms_denies_is_parked_and_not_acknowledged_as_done";
    let Some(cloud) = cloud(test).await else { return };
    let worker = worker(&in_parts(&cloud)).await;
    let message = "The ciphertext refers to a customer master key that does not exist or that you may not use.";
    let refusal = |status, code: &str| {
        FaultRule::new(FaultKind::ErrorCode { status, code: code.to_owned(), message: message.to_owned() })
    };
    cloud.own.faults().add(refusal(403, "AccessDenied").on("GetObject").of_key("small"));
    cloud.own.faults().add(refusal(400, "KMS.DisabledException").on("GetObject").of_key("large"));
    put_and_tell(&cloud, "small", "content").await;
    is_parked(&cloud, &worker, "small").await;
    put_large_and_tell(&cloud, "large", 1, LARGE).await;
    is_parked(&cloud, &worker, "large").await;
    no_uploads(&cloud);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_04_a_source_that_vanishes_leaves_no_upload_behind() {
    let Some(cloud) = cloud("defect_04_a_source_that_vanishes_leaves_no_upload_behind").await else { return };
    let worker = worker(&impatient(&cloud)).await;
    put_large_and_tell(&cloud, "large", 1, LARGE).await;
    end_leg_after_one_part(&cloud, "large");
    broken_off(&worker, &cloud.events, MINUTE).await;
    assert_eq!(cloud.other.store().uploads(OTHER_BUCKET).len(), 1);
    cloud.own.store().remove(OWN_BUCKET, "large");
    acknowledged(&worker, &cloud.events).await;
    no_uploads(&cloud);
    assert_eq!(line_of(&worker, "large")["outcome"], "gone");
    assert_eq!(cloud.parked.depth().await, Depth { visible: 0, in_flight: 0 });
}
