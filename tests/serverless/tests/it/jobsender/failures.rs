//! Listings that fail: they end their route with its name, and never count as empty.

use serde_json::{Value, json};
use serverless::{Cloud, OTHER_BUCKET, OWN_BUCKET};
use test_s3::{Access, FaultRule, SyntheticKeys, Versioning};

use crate::{
    jobsender::lab::{copy_all, drained, failed_run, only_error, places},
    scene::{denied, jobsender, put, put_into, route, run, set_credential, slow_down},
};

/// A second source beside the first, each with an object.
async fn two_routes(cloud: &Cloud) {
    cloud.own.store().create_bucket("second", Versioning::Never);
    put(cloud, "a", "first");
    put_into(cloud, "second", "a", "second");
    let routes = [route(OWN_BUCKET, "", OTHER_BUCKET, "one"), route("second", "", OTHER_BUCKET, "two")];
    cloud.parameters.set_routes(&routes.to_vec().into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_listed_fails_the_run_and_the_other_routes_go_on() {
    let Some(cloud) = Cloud::required().await else { return };
    two_routes(&cloud).await;
    cloud.own.store().set_access(OWN_BUCKET, "ListObjectsV2", Access::Denied);
    let jobsender = jobsender(&cloud).await;
    let report = failed_run(&jobsender).await;
    let error = only_error(&report);
    assert!(error.starts_with("own-bucket/: ") && error.contains("AccessDenied"), "{error}");
    assert_eq!((&report["complete"], &report["sent"]), (&false.into(), &1.into()), "{report}");
    assert!(report["routes"][0]["error"].is_string() && report["routes"][1]["error"].is_null(), "{report}");
    assert_eq!(places(&drained(&cloud).await), ["second/a -> other-bucket/two/a"]);
    assert_eq!(jobsender.events("result")[0]["level"], "ERROR", "an alarm counts these lines");
    // The gate stays open for the next run.
    cloud.own.store().set_access(OWN_BUCKET, "ListObjectsV2", Access::Allowed);
    assert_eq!(run(&jobsender).await["sent"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_cannot_be_listed_is_not_taken_for_an_empty_one() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    let jobsender = jobsender(&cloud).await;
    run(&jobsender).await;
    copy_all(&cloud).await;
    cloud.other.store().set_access(OTHER_BUCKET, "ListObjectsV2", Access::Denied);
    let report = failed_run(&jobsender).await;
    let error = only_error(&report);
    assert!(error.starts_with("own-bucket/: ") && error.contains(OTHER_BUCKET), "{error}");
    assert_eq!((&report["sent"], cloud.jobs.depth().await.visible), (&0.into(), 0), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_breaks_off_has_no_end() {
    let Some(cloud) = Cloud::required().await else { return };
    // Both sides have the same keys, on two pages.
    cloud.own.store().synthetic_keys(OWN_BUCKET, SyntheticKeys::new(1500));
    cloud.other.store().synthetic_keys(OTHER_BUCKET, SyntheticKeys::new(1500));
    let jobsender = jobsender(&cloud).await;
    assert_eq!(run(&jobsender).await["routes"][0]["same"], 1500);
    let rule = FaultRule::new(denied()).on("ListObjectsV2").after(1);
    cloud.other.faults().add(rule);
    let report = failed_run(&jobsender).await;
    assert!(only_error(&report).contains(OTHER_BUCKET), "{report}");
    assert_eq!((&report["sent"], &report["complete"]), (&0.into(), &false.into()), "{report}");
    assert_eq!(cloud.jobs.depth().await.visible, 0, "what the second page would have shown was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_that_are_not_there_are_named() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    let routes = [
        route("no-source", "", OTHER_BUCKET, ""),
        route(OWN_BUCKET, "", "no-destination", ""),
        route(OWN_BUCKET, "", OTHER_BUCKET, ""),
    ];
    cloud.parameters.set_routes(&routes.to_vec().into()).await;
    let report = failed_run(&jobsender(&cloud).await).await;
    let errors: Vec<&str> = report["errors"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(errors.len(), 2, "{report}");
    assert!(errors[0].contains("no-source") && errors[1].contains("no-destination"), "{errors:?}");
    assert_eq!(places(&drained(&cloud).await), ["own-bucket/a -> other-bucket/a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_is_refused_in_passing_is_asked_again() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    let slow_down = || FaultRule::new(slow_down()).on("ListObjectsV2").times(2);
    let struck = [cloud.own.faults().add(slow_down()), cloud.other.faults().add(slow_down())];
    let report = run(&jobsender(&cloud).await).await;
    assert_eq!((&report["sent"], &report["errors"]), (&1.into(), &json!([])), "{report}");
    assert_eq!(struck.map(|counter| counter.count()), [2, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_credentials_are_read_by_the_run_after_the_refusal_of_the_old_ones() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    set_credential(&cloud, "aws_secret_access_key", "outdated").await;
    let jobsender = jobsender(&cloud).await;
    let report = failed_run(&jobsender).await;
    assert!(only_error(&report).contains("SignatureDoesNotMatch"), "{report}");
    assert!(!jobsender.output().contains("outdated"), "a secret is in the log");
    cloud.parameters.set_other_account(&cloud.other).await;
    assert_eq!(run(&jobsender).await["sent"], 1);
}
