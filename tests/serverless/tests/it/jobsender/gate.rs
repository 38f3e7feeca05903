//! When a run may begin: not while the last one's jobs are waiting, but not never either.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use serverless::{Cloud, Function, OTHER_BUCKET, OWN_BUCKET, Program, until, within};
use test_s3::{FaultKind, FaultRule, SyntheticKeys, When};

use crate::scene::{PLENTY, jobsender, put, run};

/// The row that all scans of a table share.
const ROW: &str = "scan#jobsender";

/// Moves one of the last scan's times back.
async fn move_back(cloud: &Cloud, time: &str, hours: i64) {
    let mut row = cloud.table.row(ROW).await.expect("a scan leaves a row");
    let Some(AttributeValue::M(record)) = row.get_mut("Record") else { panic!("the row has no record") };
    let was: i64 = record[time].as_n().expect("a time").parse().expect("milliseconds");
    record.insert(time.to_owned(), AttributeValue::N((was - hours * 3_600_000).to_string()));
    let put = cloud.clients.dynamodb.put_item().table_name(cloud.table.name()).set_item(Some(row));
    put.send().await.expect("a row can be put");
}

fn is_gate_warning(line: &Value) -> bool {
    line["event"] == "gate" && line["level"] == "WARN"
}

#[tokio::test(flavor = "multi_thread")]
async fn while_jobs_wait_nothing_is_sent_a_second_time() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    let jobsender = jobsender(&cloud).await;
    let report = run(&jobsender).await;
    assert_eq!((&report["gate"], &report["sent"]), (&"open".into(), &1.into()), "{report}");
    let report = run(&jobsender).await;
    assert_eq!((&report["gate"], &report["sent"], &report["objects"]), (&"jobs-waiting".into(), &0.into(), &0.into()));
    // In flight is not done.
    let message = cloud.jobs.receive(1).await.pop().expect("the job is there");
    assert_eq!(run(&jobsender).await["gate"], "jobs-waiting");
    cloud.jobs.delete(&message).await;
    let report = run(&jobsender).await;
    assert_eq!((&report["gate"], &report["sent"]), (&"open".into(), &1.into()), "{report}");
    assert!(!jobsender.logs().iter().any(is_gate_warning));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_wait_for_too_long_hold_nothing_up_any_more() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    let environment = cloud.jobsender_environment().with("GateMaxAgeHours", "3");
    let jobsender = Function::start(Program::Jobsender, &environment).await;
    run(&jobsender).await;
    move_back(&cloud, "started", 3).await;
    move_back(&cloud, "moved", 2).await;
    assert_eq!(run(&jobsender).await["gate"], "jobs-waiting", "its last jobs were sent two hours ago");
    move_back(&cloud, "moved", 1).await;
    let report = run(&jobsender).await;
    assert_eq!((&report["gate"], &report["sent"]), (&"forced".into(), &1.into()), "{report}");
    jobsender.logged("a warning is given", is_gate_warning).await;
    // From now on the new scan counts.
    assert_eq!(run(&jobsender).await["gate"], "jobs-waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_the_same_time_are_one() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    let (one, other) = (jobsender(&cloud).await, jobsender(&cloud).await);
    let hold = cloud.own.hold("ListObjectsV2", When::BeforeEffect);
    let first = one.begin(&json!({}), PLENTY);
    within("the first run lists the source", hold.reached()).await;
    let report = run(&other).await;
    assert_eq!((&report["gate"], &report["sent"]), (&"another-run".into(), &0.into()), "{report}");
    hold.release();
    let report = first.answer().await.response();
    assert_eq!((&report["gate"], &report["sent"]), (&"open".into(), &1.into()), "{report}");
    assert_eq!(cloud.jobs.depth().await.visible, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_died_holds_the_next_one_up_no_longer_than_its_lease() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "content");
    let (one, other) = (jobsender(&cloud).await, jobsender(&cloud).await);
    let hold = cloud.own.hold("ListObjectsV2", When::BeforeEffect);
    // Its look at the queue takes two seconds; the lease ends a little behind the deadline.
    let first = one.begin(&json!({}), Duration::from_secs(12));
    within("the first run lists the source", hold.reached()).await;
    one.kill().await;
    drop((first, hold));
    assert_eq!(run(&other).await["gate"], "another-run");
    let report = until("the lease has ended", async || {
        let report = run(&other).await;
        (report["gate"] == "open").then_some(report)
    })
    .await;
    assert_eq!(report["sent"], 1, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_time_is_up_says_so_even_where_nothing_differs() {
    let Some(cloud) = Cloud::required().await else { return };
    // Twenty pages a side, which take twelve seconds, both sides at the same time.
    cloud.own.store().synthetic_keys(OWN_BUCKET, SyntheticKeys::new(20_000));
    cloud.other.store().synthetic_keys(OTHER_BUCKET, SyntheticKeys::new(20_000));
    let slow = || FaultRule::new(FaultKind::Latency(Duration::from_millis(600))).on("ListObjectsV2");
    cloud.own.faults().add(slow());
    cloud.other.faults().add(slow());
    let environment = cloud.jobsender_environment().with("JobTimeout", "8");
    let jobsender = Function::start(Program::Jobsender, &environment).await;
    let report = run(&jobsender).await;
    assert_eq!((&report["gate"], &report["complete"]), (&"open".into(), &false.into()), "{report}");
    jobsender.logged("it is said", |line| line["event"] == "incomplete" && line["level"] == "WARN").await;
    assert!(report["objects"].as_u64().is_some_and(|objects| objects < 20_000), "{report}");
    // It has given its turn back.
    cloud.own.faults().clear();
    cloud.other.faults().clear();
    let patient = self::jobsender(&cloud).await;
    let report = run(&patient).await;
    assert_eq!((&report["gate"], &report["complete"]), (&"open".into(), &true.into()), "{report}");
    assert_eq!(report["routes"][0]["same"], 20_000, "{report}");
}
