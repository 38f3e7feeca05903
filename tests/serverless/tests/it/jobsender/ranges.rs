//! A listing too long for one run: many jobsenders compare its ranges, and every difference is sent once.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use serverless::{Cloud, Environment, Function, OTHER_BUCKET, OWN_BUCKET, Program, work_off};
use test_s3::{FaultKind, FaultRule, KeyShape, SyntheticKeys};

use crate::{
    jobsender::lab::{drained, places},
    scene::{PLENTY, run},
};

const KEYS: u64 = 60_000;

fn environment(cloud: &Cloud) -> Environment {
    cloud.jobsender_environment().with("sqs_queue_scan", cloud.scan.url())
}

/// Both sides, and one in a thousand that is of another size; the keys that differ.
fn fill(cloud: &Cloud) -> Vec<String> {
    let keys = SyntheticKeys { shape: KeyShape::Awkward, ..SyntheticKeys::new(KEYS) };
    cloud.own.store().synthetic_keys(OWN_BUCKET, SyntheticKeys { differing_every: Some(1000), ..keys.clone() });
    cloud.other.store().synthetic_keys(OTHER_BUCKET, keys.clone());
    let places = (999..KEYS).step_by(1000).map(|index| keys.key(index));
    let mut places: Vec<String> = places.map(|key| format!("{OWN_BUCKET}/{key} -> {OTHER_BUCKET}/{key}")).collect();
    places.sort_unstable();
    places
}

/// The open ranges of the scan, and whether it came to its end.
async fn scan(cloud: &Cloud) -> (usize, bool) {
    let row = cloud.table.row("scan#jobsender").await.expect("a scan leaves a row");
    let AttributeValue::M(record) = &row["Record"] else { panic!("the row has no record") };
    (record["ranges"].as_m().expect("ranges").len(), record["finished"].as_n().is_ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_listing_is_compared_in_ranges_and_every_difference_is_sent_once() {
    let Some(cloud) = Cloud::required().await else { return };
    let differing = fill(&cloud);
    let jobsender = Function::start(Program::Jobsender, &environment(&cloud)).await;
    let report = run(&jobsender).await;
    assert_eq!((&report["gate"], &report["complete"]), (&"open".into(), &false.into()), "{report}");
    let handed_over = report["handed_over"].as_u64().expect("a number") as usize;
    assert!(handed_over > 1 && cloud.scan.depth().await.visible == handed_over, "{report}");
    assert_eq!(run(&jobsender).await["gate"], "scan-open");
    assert!(!scan(&cloud).await.1, "it has an end before its ranges have");
    work_off(&jobsender, &cloud.scan, PLENTY).await;
    assert_eq!(scan(&cloud).await, (0, true));
    jobsender.logged("the end is said", |line| line["event"] == "scan-finished" && line["objects"] == KEYS).await;
    assert_eq!(places(&drained(&cloud).await), differing);
    assert_eq!(cloud.parked.depth().await.visible, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_one_run_goes_on_in_the_next() {
    let Some(cloud) = Cloud::required().await else { return };
    let differing = fill(&cloud);
    // Sixty pages a side, which take 24 seconds, both sides at the same time; and legs of ten.
    let slow = || FaultRule::new(FaultKind::Latency(Duration::from_millis(400))).on("ListObjectsV2");
    cloud.own.faults().add(slow());
    cloud.other.faults().add(slow());
    let environment = environment(&cloud).with("JobTimeout", "10").with("ScanRanges", "1");
    let jobsender = Function::start(Program::Jobsender, &environment).await;
    let report = run(&jobsender).await;
    assert_eq!((&report["complete"], &report["handed_over"]), (&false.into(), &1.into()), "{report}");
    let deliveries = work_off(&jobsender, &cloud.scan, PLENTY).await;
    assert!(deliveries.len() > 1, "one more run was enough");
    assert_eq!(scan(&cloud).await, (0, true));
    assert_eq!(places(&drained(&cloud).await), differing);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_of_a_scan_is_parked() {
    let Some(cloud) = Cloud::required().await else { return };
    let jobsender = Function::start(Program::Jobsender, &environment(&cloud)).await;
    let late = json!({ "longhaul": 1, "scan": { "id": "gone", "range": 7 } });
    cloud.scan.send(late.to_string()).await;
    cloud.scan.send("{\"hello\": 1}").await;
    work_off(&jobsender, &cloud.scan, PLENTY).await;
    let parked = cloud.parked.drain().await;
    let bodies: Vec<Value> =
        parked.iter().map(|message| serde_json::from_str(message.body().unwrap_or_default()).expect("JSON")).collect();
    assert_eq!(bodies, [json!({ "hello": 1 })]);
}
