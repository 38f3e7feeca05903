//! Defect 8: "Writes to the table fail (reserved word `Size`) and nobody hears of it. The index is read one page only."

use std::collections::BTreeSet;

use serde_json::json;
use serverless::{
    Cloud, FaultProxy, Function, Longhaul, OTHER_BUCKET, OWN_BUCKET, Program, S3Record, Treatment, notification,
    work_off,
};
use test_s3::Access;

use crate::{
    original_defects::{
        lab::{cloud, end_leg_after_one_part},
        wire::{expressions, unaliased},
    },
    scene::{
        LARGE, PLENTY, WAITING, assert_acknowledged, assert_given_back, assert_whole, come_again, copy, impatient,
        line_of, put, put_and_tell, run, tell, worker,
    },
};

/// What leads a process to DynamoDB by way of a proxy.
const ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";

#[tokio::test(flavor = "multi_thread")]
async fn defect_08_every_attribute_in_an_expression_goes_by_an_alias() {
    let Some(cloud) = cloud().await else { return };
    let proxy = FaultProxy::start(&cloud.emulator().endpoint()).await;
    // The emulator does not refuse reserved words, so that everything that is asked is looked at: by scans, by copies
    // small and large, broken off, doubled and refused, and by operators.
    put(&cloud, "small", "content");
    cloud.own.store().put_synthetic_with_crc(OWN_BUCKET, "large", 1, LARGE);
    let environment = cloud.jobsender_environment().with(ENDPOINT, proxy.endpoint());
    let jobsender = Function::start(Program::Jobsender, &environment.with("JobsenderCompareVersionId", "True")).await;
    assert_eq!(run(&jobsender).await["sent"], 2);
    end_leg_after_one_part(&cloud, "large");
    let worker = worker(&impatient(&cloud).with(ENDPOINT, proxy.endpoint())).await;
    work_off(&worker, &cloud.jobs, PLENTY).await;
    assert_whole(&cloud, "large");
    tell(&cloud, "small").await;
    cloud.other.store().set_access(OTHER_BUCKET, "PutObject", Access::Denied);
    put_and_tell(&cloud, "denied", "content").await;
    work_off(&worker, &cloud.events, PLENTY).await;
    assert_eq!(run(&jobsender).await["skipped"], json!({ "parked": 1 }));
    let longhaul = Longhaul::of(&cloud).await.with(ENDPOINT, &proxy.endpoint());
    longhaul.run_on_stack("status", &["--json"]).await.assert_exit(0);

    let asked = proxy.asked();
    let operations: BTreeSet<&str> = asked.iter().map(|asked| asked.operation.as_str()).collect();
    for operation in ["PutItem", "BatchGetItem", "Query"] {
        assert!(operations.contains(operation), "{operation} is not among {operations:?}");
    }
    assert!(asked.iter().any(|asked| !expressions(&asked.body).is_empty()), "nothing was looked at");
    assert_eq!(unaliased(&asked), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_08_a_write_that_the_table_refuses_is_heard_of_and_nothing_is_acknowledged() {
    let Some(cloud) = Cloud::required().await else { return };
    let proxy = FaultProxy::start(&cloud.emulator().endpoint()).await;
    let mut writes = 0;
    proxy.treat("PutItem", move |_| {
        writes += 1;
        let words = "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: Size";
        let body = json!({ "__type": "com.amazon.coral.validate#ValidationException", "message": words });
        if writes == 1 { Treatment::Answer { status: 400, body } } else { Treatment::PassOn }
    });
    let worker = worker(&cloud.worker_environment().with(ENDPOINT, proxy.endpoint())).await;
    put_and_tell(&cloud, "a", "content").await;
    let message = assert_given_back(&worker, &cloud.events).await;
    assert_eq!(cloud.events.depth().await, WAITING);
    let line = line_of(&worker, "a");
    assert_eq!((&line["level"], &line["outcome"]), (&"WARN".into(), &"failed".into()), "{line}");
    assert!(line["message"].as_str().is_some_and(|words| words.contains("reserved keyword")), "{line}");
    // The next delivery finds the copy and records it.
    come_again(&cloud, &cloud.events, &message).await;
    assert_acknowledged(&worker, &cloud.events).await;
    assert_whole(&cloud, "a");
    assert_eq!(copy(&cloud, "a").as_deref(), Some("content"));
    assert_eq!(cloud.table.rows().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_08_the_index_is_read_to_its_last_page() {
    let Some(cloud) = Cloud::required().await else { return };
    // More records than partitions of a state: at least one partition has two.
    let keys: Vec<String> = (0..12).map(|number| format!("key-{number}")).collect();
    for key in &keys {
        put(&cloud, key, "content");
    }
    let records: Vec<S3Record> = keys.iter().map(|key| S3Record::created(OWN_BUCKET, key, 7)).collect();
    cloud.other.store().set_access(OTHER_BUCKET, "PutObject", Access::Denied);
    cloud.events.send(notification(&records)).await;
    assert_acknowledged(&worker(&cloud.worker_environment()).await, &cloud.events).await;
    let proxy = FaultProxy::start(&cloud.emulator().endpoint()).await;
    proxy.treat("Query", |request| {
        request["Limit"] = 1.into();
        Treatment::PassOn
    });
    let longhaul = Longhaul::of(&cloud).await.with(ENDPOINT, &proxy.endpoint());
    let status = longhaul.run_on_stack("status", &["--json"]).await.assert_exit(0);
    let counted = status.line(|line| line["event"] == "state" && line["state"] == "parked");
    let listed = status.line(|line| line["event"] == "parked");
    assert_eq!((&counted["records"], &listed["records"]), (&12.into(), &12.into()));
    let pages = proxy.bodies("Query");
    assert!(pages.iter().any(|page| page["ExclusiveStartKey"].is_object()), "no page followed another");
}
