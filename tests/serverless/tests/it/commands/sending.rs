//! `longhaul send` and `longhaul status`: what is compared, sent and shown.

use serverless::{Cloud, Longhaul, OTHER_BUCKET};
use test_s3::Access;

use crate::scene::put;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_sent_once_and_the_gate_is_shut_while_it_waits() {
    let Some(cloud) = Cloud::required().await else { return };
    let longhaul = Longhaul::of(&cloud).await;
    ["a", "b/c", "d e"].iter().for_each(|key| put(&cloud, key, key));
    cloud.parameters.set_ignore_list("own-bucket/b/*").await;

    let dry = longhaul.run_on_stack("send", &["--dry-run", "--json"]).await.assert_exit(0);
    let report = dry.line(|line| line["dry_run"] == true);
    assert_eq!((&report["sent"], &report["skipped"]["ignored"]), (&2.into(), &1.into()));
    assert_eq!(cloud.jobs.depth().await.visible, 0, "a dry run sent something");

    let sent = longhaul.run_on_stack("send", &[]).await.assert_exit(0);
    sent.assert_says(&[
        "s3://own-bucket/ -> s3://other-bucket/",
        "sent: absent at the destination",
        "2 of 2 objects sent",
    ]);
    let waiting = cloud.jobs.depth().await.visible;
    assert!(waiting > 0);

    let again = longhaul.run_on_stack("send", &["--json"]).await.assert_exit(0);
    assert_eq!(again.line(|line| line["gate"].is_string())["gate"], "jobs-waiting");
    longhaul.run_on_stack("send", &[]).await.assert_exit(0).assert_says(&["still waiting", "nothing was compared"]);
    assert_eq!(cloud.jobs.depth().await.visible, waiting);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_listed_is_a_failure() {
    let Some(cloud) = Cloud::required().await else { return };
    let longhaul = Longhaul::of(&cloud).await;
    put(&cloud, "a", "a");
    cloud.other.store().set_access(OTHER_BUCKET, "ListObjectsV2", Access::Denied);
    longhaul.run_on_stack("send", &[]).await.assert_exit(2).assert_says(&["AccessDenied", OTHER_BUCKET]);
    assert_eq!(cloud.jobs.depth().await.visible, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_a_stack_tells_what_waits_and_where_to_look() {
    let Some(cloud) = Cloud::required().await else { return };
    let longhaul = Longhaul::of(&cloud).await;
    cloud.events.send("{}").await;
    cloud.jobs.send("{}").await;
    cloud.jobs.send("{}").await;
    cloud.jobs.receive(1).await;
    let status = longhaul.run_on_stack("status", &["--json"]).await.assert_exit(0);
    let depth = |name: &str| {
        let line = status.line(|line| line["event"] == "queue" && line["queue"] == name);
        (line["waiting"].as_u64(), line["in_flight"].as_u64())
    };
    assert_eq!(depth("events"), (Some(1), Some(0)));
    assert_eq!(depth("jobs"), (Some(1), Some(1)));
    assert_eq!(depth("parked"), (Some(0), Some(0)));
    assert_eq!(status.line(|line| line["event"] == "stuck")["records"], 0);
    let plain = longhaul.run_on_stack("status", &[]).await.assert_exit(0);
    plain.assert_says(&["1 waiting, 1 in flight", "https://console.example/dashboard", "copying", "parked"]);
}
