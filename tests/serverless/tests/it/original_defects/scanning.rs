//! Defect 9: "The diff is quadratic and holds both listings in memory; a listing error counts as an empty bucket."
//!
//! Defect 11: "Failed entries of a queue batch are dropped. One bad message keeps the jobsender shut for up to 15 hours."

use serde_json::json;
use serverless::{Answer, Blame, Cloud, FaultProxy, Function, OTHER_BUCKET, OWN_BUCKET, Program, work_off};
use test_s3::{Access, SyntheticKeys};

use crate::scene::{MIB, PLENTY, assert_acknowledged, jobsender, put, run, worker};

/// The largest resident set of a process so far, in bytes, where the kernel tells (proc(5), `VmHWM`).
fn peak_memory(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_09_listings_are_compared_as_they_come_and_not_held_in_memory() {
    let Some(cloud) = Cloud::required().await else { return };
    let jobsender = jobsender(&cloud).await;
    let mut peaks = Vec::new();
    for count in [5_000, 100_000] {
        let keys = SyntheticKeys::new(count);
        cloud.other.store().synthetic_keys(OTHER_BUCKET, keys.clone());
        cloud.own.store().synthetic_keys(OWN_BUCKET, SyntheticKeys { differing_every: Some(1000), ..keys });
        let report = jobsender.invoke(&json!({ "dry_run": true }), PLENTY).await.response();
        assert_eq!((&report["objects"], &report["sent"]), (&count.into(), &(count / 1000).into()), "{report}");
        peaks.push(peak_memory(jobsender.id()));
    }
    // Held, 200,000 keys with their tags would need tens of MiB.
    if let [Some(short), Some(long)] = peaks[..] {
        assert!(long < short + 12 * MIB, "{short} and {long} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_09_a_listing_error_is_an_error_and_no_empty_bucket() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    let jobsender = jobsender(&cloud).await;
    for (store, bucket) in [(cloud.own.store(), OWN_BUCKET), (cloud.other.store(), OTHER_BUCKET)] {
        store.set_access(bucket, "ListObjectsV2", Access::Denied);
        let answer = jobsender.invoke(&json!({}), PLENTY).await;
        let Answer::Error(error) = answer else { panic!("{bucket}: the run did not fail: {answer:?}") };
        assert!(error["errorMessage"].as_str().is_some_and(|words| words.contains(bucket)), "{error}");
        assert_eq!(cloud.jobs.depth().await.visible, 0, "{bucket} was taken for empty");
        store.set_access(bucket, "ListObjectsV2", Access::Allowed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_11_failed_entries_of_a_batch_are_sent_again() {
    let Some(cloud) = Cloud::required().await else { return };
    let keys = ["a", "b", "c", "d"];
    keys.iter().for_each(|key| put(&cloud, key, "content"));
    let proxy = FaultProxy::start(&cloud.emulator().endpoint()).await;
    // Each travels alone, and one of the four is refused.
    proxy.fail_entries(r#""src_key":"c""#, "InternalError", Blame::Service, 1);
    let environment = cloud.jobsender_environment().with("AWS_ENDPOINT_URL_SQS", proxy.endpoint());
    let jobsender = Function::start(Program::Jobsender, &environment.with("MultipartThreshold", "1")).await;
    let report = run(&jobsender).await;
    assert_eq!((&report["sent"], proxy.bodies("SendMessageBatch").len()), (&4.into(), 2), "{report}");
    work_off(&worker(&cloud.worker_environment()).await, &cloud.jobs, PLENTY).await;
    assert_eq!(cloud.other.store().keys(OTHER_BUCKET), keys);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_11_one_bad_message_does_not_keep_the_jobsender_shut() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    let jobsender = jobsender(&cloud).await;
    assert_eq!(run(&jobsender).await["gate"], "open");
    cloud.jobs.send("no job at all").await;
    assert_eq!(run(&jobsender).await["gate"], "jobs-waiting");
    assert_acknowledged(&worker(&cloud.worker_environment()).await, &cloud.jobs).await;
    assert_eq!(cloud.parked.depth().await.visible, 1, "the bad message is kept");
    assert_eq!(run(&jobsender).await["gate"], "open");
}
