//! Which objects a route means, and where they go.

use aws_sdk_ssm::types::ParameterType;
use serde_json::json;
use serverless::{BUCKET_PARA, Cloud, Function, OTHER_BUCKET, OWN_BUCKET, Program, work_off};
use test_s3::{PutOptions, Versioning};

use crate::{
    jobsender::lab::{copy_all, drained, failed_run, only_error, places},
    scene::{PLENTY, jobsender, put, put_into, route, run},
};

#[tokio::test(flavor = "multi_thread")]
async fn one_run_scans_all_routes() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.own.store().create_bucket("films", Versioning::Never);
    cloud.other.store().create_bucket("archive", Versioning::Never);
    for key in ["photos/a", "photos/b", "else"] {
        put(&cloud, key, key);
    }
    put_into(&cloud, "films", "one", "film");
    let routes = [route(OWN_BUCKET, "photos/", OTHER_BUCKET, "p"), route("films", "", "archive", "")];
    cloud.parameters.set_routes(&routes.to_vec().into()).await;
    let report = run(&jobsender(&cloud).await).await;
    assert_eq!((&report["sent"], &report["objects"]), (&3.into(), &3.into()), "{report}");
    assert_eq!((&report["routes"][0]["sent"], &report["routes"][1]["sent"]), (&2.into(), &1.into()), "{report}");
    let messages = drained(&cloud).await;
    assert_eq!(messages.len(), 2, "each pair of buckets has messages of its own");
    let expected = [
        "films/one -> archive/one",
        "own-bucket/photos/a -> other-bucket/p/photos/a",
        "own-bucket/photos/b -> other-bucket/p/photos/b",
    ];
    assert_eq!(places(&messages), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_may_strip_its_source_prefix() {
    let Some(cloud) = Cloud::required().await else { return };
    for key in ["photos/2026/a", "photos/b", "photos-old/c"] {
        put(&cloud, key, key);
    }
    for prefix in ["photos", "photos/"] {
        let mut route = route(OWN_BUCKET, prefix, OTHER_BUCKET, "p");
        route["strip_src_prefix"] = true.into();
        cloud.parameters.set_routes(&json!([route])).await;
        run(&jobsender(&cloud).await).await;
        let expected = ["own-bucket/photos/2026/a -> other-bucket/p/2026/a", "own-bucket/photos/b -> other-bucket/p/b"];
        assert_eq!(places(&drained(&cloud).await), expected, "src_prefix {prefix:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_at_the_end_of_the_destination_prefix_makes_no_difference() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a/b", "content");
    let jobsender = jobsender(&cloud).await;
    cloud.parameters.set_routes(&json!([route(OWN_BUCKET, "", OTHER_BUCKET, "p")])).await;
    assert_eq!(run(&jobsender).await["sent"], 1);
    copy_all(&cloud).await;
    assert_eq!(cloud.other.store().keys(OTHER_BUCKET), ["p/a/b"]);
    // The warm process reads the routes again.
    cloud.parameters.set_routes(&json!([route(OWN_BUCKET, "", OTHER_BUCKET, "p/")])).await;
    let report = run(&jobsender).await;
    assert_eq!((&report["sent"], &report["routes"][0]["same"]), (&0.into(), &1.into()), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_get_mode_objects_come_from_the_other_account() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.other.store().put(OTHER_BUCKET, "a//b", "from the other account", PutOptions::default());
    cloud.parameters.set_routes(&json!([route(OTHER_BUCKET, "", OWN_BUCKET, "in")])).await;
    let environment = cloud.jobsender_environment().with("JobType", "GET");
    let jobsender = Function::start(Program::Jobsender, &environment).await;
    assert_eq!(run(&jobsender).await["sent"], 1);
    let environment = cloud.worker_environment().with("JobType", "GET").with("Des_bucket_default", OWN_BUCKET);
    let worker = Function::start(Program::Worker, &environment).await;
    work_off(&worker, &cloud.jobs, PLENTY).await;
    let copy = cloud.own.store().read(OWN_BUCKET, "in/a//b");
    assert_eq!(copy.as_deref(), Some(&b"from the other account"[..]));
    let report = run(&jobsender).await;
    assert_eq!((&report["sent"], &report["routes"][0]["same"]), (&0.into(), &1.into()), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_routes_stop_the_run_and_the_entry_is_named() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    let jobsender = jobsender(&cloud).await;
    let good = route(OWN_BUCKET, "", OTHER_BUCKET, "");
    let bad = json!({ "src_bucket": OWN_BUCKET, "src_prefix": "", "des_prefix": "" });
    cloud.parameters.set_routes(&json!([good, bad])).await;
    let report = failed_run(&jobsender).await;
    let error = only_error(&report);
    for word in [BUCKET_PARA, "entry 2", "des_bucket"] {
        assert!(error.contains(word), "nothing is said of {word:?}: {error}");
    }
    cloud.parameters.put(BUCKET_PARA, ParameterType::String, "no list at all").await;
    let report = failed_run(&jobsender).await;
    assert!(only_error(&report).contains(BUCKET_PARA), "{report}");
    assert_eq!(cloud.jobs.depth().await.visible, 0, "the good entry was scanned");
    // What was wrong is not remembered.
    cloud.parameters.set_routes(&json!([good])).await;
    assert_eq!(run(&jobsender).await["sent"], 1);
}
