//! The ignore list of the parameter store.

use serverless::Cloud;
use test_s3::Versioning;

use crate::{
    jobsender::lab::{drained, failed_run, only_error, places},
    scene::{jobsender, put, put_into, run},
};

fn sent_as_they_are(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| format!("own-bucket/{key} -> other-bucket/{key}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_list_names_is_not_sent() {
    let Some(cloud) = Cloud::required().await else { return };
    let ignored = ["exact.mp4", "a/b.jpg", "tmp_1/x", "readme.md", "docs/readme.md"];
    let sent = ["a.JPG", "exact.mp4.bak", "my-tmp_1", "readme.md/x"];
    for key in ignored.into_iter().chain(sent) {
        put(&cloud, key, key);
    }
    let lines = "# What is not copied.\n\nown-bucket/exact.mp4\n*.jpg\nown-bucket/tmp_*\n*/readme.md\n";
    cloud.parameters.set_ignore_list(lines).await;
    let report = run(&jobsender(&cloud).await).await;
    assert_eq!(report["skipped"], serde_json::json!({ "ignored": ignored.len() }), "{report}");
    assert_eq!(places(&drained(&cloud).await), sent_as_they_are(&sent));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_may_be_an_object_and_is_read_by_every_run() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.own.store().create_bucket("settings", Versioning::Never);
    put(&cloud, "a.txt", "a");
    put(&cloud, "b.tmp", "b");
    cloud.parameters.set_ignore_list("s3://settings/lists/ignore list.txt").await;
    let jobsender = jobsender(&cloud).await;
    for (list, sent) in [("# Temporary files.\n*.tmp\n", "a.txt"), ("own-bucket/a.*", "b.tmp")] {
        put_into(&cloud, "settings", "lists/ignore list.txt", list);
        run(&jobsender).await;
        assert_eq!(places(&drained(&cloud).await), sent_as_they_are(&[sent]), "{list:?}");
    }
    cloud.parameters.set_ignore_list("*").await;
    assert_eq!(run(&jobsender).await["skipped"]["ignored"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_read_stops_the_run() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "a");
    cloud.parameters.set_ignore_list("s3://own-bucket/missing.txt").await;
    let report = failed_run(&jobsender(&cloud).await).await;
    let error = only_error(&report);
    assert!(error.contains("s3_migrate_ignore_list") && error.contains("missing.txt"), "{error}");
    assert_eq!(cloud.jobs.depth().await.visible, 0, "what may be on the list was sent");
}
