//! Defect 6: "Keys are normalised as paths: `a//b` becomes `a/b`, `/lead` leaves the prefix; both are sent again every hour."
//!
//! Defect 10: "A trailing `/` in des_prefix sends everything again every hour."

use serde_json::{Value, json};
use serverless::{Cloud, OTHER_BUCKET, OWN_BUCKET, work_off};

use crate::scene::{PLENTY, jobsender, put, route, run, worker};

/// Two hourly runs with this prefix, with all jobs done between them: what is there then, and the second run's report.
async fn an_hour_later(cloud: &Cloud, keys: &[&str], des_prefix: &str) -> (Vec<String>, Value) {
    for key in keys {
        put(cloud, key, key);
    }
    cloud.parameters.set_routes(&json!([route(OWN_BUCKET, "", OTHER_BUCKET, des_prefix)])).await;
    let jobsender = jobsender(cloud).await;
    let report = run(&jobsender).await;
    assert_eq!(report["sent"], keys.len(), "{report}");
    work_off(&worker(&cloud.worker_environment()).await, &cloud.jobs, PLENTY).await;
    let copied = cloud.other.store().keys(OTHER_BUCKET);
    (copied, run(&jobsender).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_06_keys_are_kept_byte_for_byte_and_not_sent_again_every_hour() {
    let Some(cloud) = Cloud::required().await else { return };
    let (copied, report) = an_hour_later(&cloud, &["a//b", "/lead", "dir/", "../up", "./a"], "p").await;
    assert_eq!(copied, ["p/../up", "p/./a", "p//lead", "p/a//b", "p/dir/"]);
    assert_eq!((&report["gate"], &report["sent"]), (&"open".into(), &0.into()), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_10_a_trailing_slash_in_des_prefix_sends_nothing_again() {
    let Some(cloud) = Cloud::required().await else { return };
    let (copied, report) = an_hour_later(&cloud, &["a", "b/c"], "p/").await;
    assert_eq!(copied, ["p/a", "p/b/c"]);
    assert_eq!((&report["gate"], &report["sent"]), (&"open".into(), &0.into()), "{report}");
}
