//! What the ledger says of objects that differ: parked, in progress, somebody else's.

use serde_json::{Value, json};
use serverless::{Cloud, OTHER_BUCKET, OWN_BUCKET, S3Record, made_up, notification, sqs_event, within, work_off};
use test_s3::{Access, FaultKind, FaultRule, Versioning, When};

use crate::{
    jobsender::lab::copy_all,
    scene::{
        LARGE, PLENTY, assert_ends_well, assert_given_back, copy, impatient, jobsender, put, put_into, route, run,
        worker,
    },
};

fn may_write(cloud: &Cloud, access: Access) {
    cloud.other.store().set_access(OTHER_BUCKET, "PutObject", access);
}

fn assert_nothing_but(reason: &str, report: &Value) {
    assert_eq!((&report["gate"], &report["sent"]), (&"open".into(), &0.into()), "{report}");
    assert_eq!(report["skipped"], json!({ reason: 1 }), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_object_is_left_alone_until_it_changes() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    may_write(&cloud, Access::Denied);
    let jobsender = jobsender(&cloud).await;
    run(&jobsender).await;
    copy_all(&cloud).await;
    for _ in 0..2 {
        assert_nothing_but("parked", &run(&jobsender).await);
    }
    assert_eq!(cloud.parked.depth().await.visible, 1, "it is not parked again every hour");
    put(&cloud, "a", "changed");
    may_write(&cloud, Access::Allowed);
    assert_eq!(run(&jobsender).await["sent"], 1);
    copy_all(&cloud).await;
    assert_eq!(copy(&cloud, "a").as_deref(), Some("changed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_object_whose_new_version_was_parked_is_left_alone_too() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    let jobsender = jobsender(&cloud).await;
    run(&jobsender).await;
    copy_all(&cloud).await;
    put(&cloud, "a", "content of another size");
    may_write(&cloud, Access::Denied);
    assert_eq!(run(&jobsender).await["sent"], 1);
    copy_all(&cloud).await;
    assert_eq!(cloud.parked.depth().await.visible, 1);
    assert_nothing_but("parked", &run(&jobsender).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_in_progress_is_left_alone() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.own.store().put_synthetic_with_crc(OWN_BUCKET, "large", 1, LARGE);
    let worker = worker(&impatient(&cloud)).await;
    let hold = cloud.other.hold("UploadPart", When::BeforeEffect);
    // The message is in no queue, so that the gate is open all the same.
    let body = notification(&[S3Record::created(OWN_BUCKET, "large", LARGE)]);
    let call = worker.begin(&sqs_event(cloud.events.arn(), &[made_up(1, &body, 1)]), PLENTY);
    within("a part is on its way", hold.reached()).await;
    let jobsender = jobsender(&cloud).await;
    assert_nothing_but("in-progress", &run(&jobsender).await);
    hold.release();
    assert_ends_well(call).await;
    assert_eq!(run(&jobsender).await["routes"][0]["same"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_copy_broke_off_is_sent_again_and_carried_on() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.own.store().put_synthetic_with_crc(OWN_BUCKET, "large", 1, LARGE);
    let worker = worker(&impatient(&cloud)).await;
    cloud.other.faults().add(FaultRule::new(FaultKind::Status500).on("UploadPart").after(1).times(1));
    cloud.events.send(notification(&[S3Record::created(OWN_BUCKET, "large", LARGE)])).await;
    assert_given_back(&worker, &cloud.events).await;
    // The message is lost.
    cloud.events.drain().await;
    let report = run(&jobsender(&cloud).await).await;
    assert_eq!(report["sent"], 1, "{report}");
    work_off(&worker, &cloud.jobs, PLENTY).await;
    let line = worker.logged("it is copied", |line| line["outcome"] == "copied").await;
    assert_eq!((&line["parts_resumed"], &line["parts_copied"]), (&1.into(), &1.into()), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_place_another_source_has_is_left_alone_and_named() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.own.store().create_bucket("second", Versioning::Never);
    let routes = [route(OWN_BUCKET, "", OTHER_BUCKET, "p"), route("second", "", OTHER_BUCKET, "p")];
    cloud.parameters.set_routes(&routes.to_vec().into()).await;
    put(&cloud, "a", "first");
    let jobsender = jobsender(&cloud).await;
    run(&jobsender).await;
    copy_all(&cloud).await;
    put_into(&cloud, "second", "a", "not the first");
    assert_nothing_but("collision", &run(&jobsender).await);
    let named = |line: &Value| line["level"] == "WARN" && line["reason"] == "collision" && line["src_key"] == "a";
    jobsender.logged("the object is named", named).await;
    assert_eq!(copy(&cloud, "p/a").as_deref(), Some("first"));
}
