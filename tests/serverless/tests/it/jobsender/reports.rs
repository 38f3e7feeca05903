//! What a run returns and logs, and runs that only look.

use serde_json::{Value, json};
use serverless::{Cloud, OTHER_BUCKET, OWN_BUCKET};
use test_s3::PutOptions;

use crate::{
    jobsender::lab::refused_words,
    scene::{PLENTY, jobsender, put, run},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_result_of_a_run_is_returned_and_logged() {
    let Some(cloud) = Cloud::required().await else { return };
    for (key, content) in [("a", "1"), ("b", "4444"), ("same", "55555"), ("skip.tmp", "666666")] {
        put(&cloud, key, content);
    }
    cloud.other.store().put(OTHER_BUCKET, "same", "there", PutOptions::default());
    cloud.parameters.set_ignore_list("*.tmp").await;
    let jobsender = jobsender(&cloud).await;
    let report = run(&jobsender).await;
    let expected = json!({
        "gate": "open", "dry_run": false, "complete": true, "errors": [],
        "objects": 3, "bytes": 10, "sent": 2, "sent_bytes": 5, "messages": 1, "skipped": { "ignored": 1 },
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&report[name], value, "{name} of {report}");
    }
    assert!(report["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{report}");
    let route = &report["routes"][0];
    assert_eq!((&route["same"], &route["why"]), (&1.into(), &json!({ "absent": 2 })), "{route}");
    assert_eq!((&route["src_bucket"], &route["error"]), (&OWN_BUCKET.into(), &Value::Null), "{route}");

    let logged = |event: &str, field: &str| -> Vec<Value> {
        let texts = jobsender.events(event).into_iter().map(|line| line[field].as_str().expect("a text").to_owned());
        texts.map(|text| serde_json::from_str(&text).expect("JSON")).collect()
    };
    assert_eq!(logged("result", "report"), std::slice::from_ref(&report));
    assert_eq!(logged("scan", "route"), std::slice::from_ref(route));
    assert!(jobsender.logs().iter().all(|line| line["level"] == "INFO"), "{}", jobsender.output());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_counts_and_sends_nothing() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "1");
    put(&cloud, "b", "22");
    let jobsender = jobsender(&cloud).await;
    let report = jobsender.invoke(&json!({ "dry_run": true }), PLENTY).await.response();
    assert_eq!((&report["dry_run"], &report["gate"]), (&true.into(), &"not-asked".into()), "{report}");
    assert_eq!((&report["sent"], &report["sent_bytes"], &report["messages"]), (&2.into(), &3.into(), &1.into()));
    assert_eq!(cloud.jobs.depth().await.visible, 0, "something was sent");
    assert_eq!(cloud.table.rows().await.len(), 0, "something was written");
    assert_eq!(jobsender.events("result").len(), 1);
    // It is no scan that another one would have to wait for, and waits for none itself.
    assert_eq!(run(&jobsender).await["gate"], "open");
    let report = jobsender.invoke(&json!({ "dry_run": true }), PLENTY).await.response();
    assert_eq!((&report["gate"], &report["sent"]), (&"not-asked".into(), &2.into()), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_asked_for_in_other_words_is_refused() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "1");
    let jobsender = jobsender(&cloud).await;
    let words = refused_words(&jobsender, &json!({ "dry_run": "yes" })).await;
    assert!(words.contains("dry_run") && words.contains("yes"), "{words}");
    assert_eq!(cloud.jobs.depth().await.visible, 0, "something was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_of_a_schedule_is_an_ordinary_run() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "1");
    let event = json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
        "source": "aws.events", "account": "000000000000", "time": "2026-01-01T00:00:00Z", "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:000000000000:rule/hourly"], "detail": {},
    });
    let report = jobsender(&cloud).await.invoke(&event, PLENTY).await.response();
    assert_eq!((&report["gate"], &report["sent"]), (&"open".into(), &1.into()), "{report}");
}
