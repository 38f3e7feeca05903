//! Entries that the queue refuses: a batch can succeed as a whole and fail in parts.

use std::collections::BTreeSet;

use serde_json::json;
use serverless::{Blame, Cloud, FaultProxy, Function, Program, Treatment};

use crate::{
    jobsender::lab::{drained, failed_run, only_error, places},
    scene::{put, run},
};

/// More than one batch.
const OBJECTS: usize = 12;

/// A jobsender whose queue is behind a proxy, and objects that travel alone.
async fn behind_a_proxy(cloud: &Cloud) -> (Function, FaultProxy) {
    for number in 0..OBJECTS {
        put(cloud, &format!("key-{number:02}"), "more than a byte");
    }
    let proxy = FaultProxy::start(&cloud.emulator().endpoint()).await;
    let environment = cloud.jobsender_environment().with("AWS_ENDPOINT_URL_SQS", proxy.endpoint());
    let jobsender = Function::start(Program::Jobsender, &environment.with("MultipartThreshold", "1")).await;
    (jobsender, proxy)
}

/// Whether the queue has each object once.
async fn assert_each_once(cloud: &Cloud) {
    let places = places(&drained(cloud).await);
    let distinct: BTreeSet<_> = places.iter().collect();
    assert_eq!((places.len(), distinct.len()), (OBJECTS, OBJECTS), "{places:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_refused_in_passing_is_sent_again_alone() {
    let Some(cloud) = Cloud::required().await else { return };
    let (jobsender, proxy) = behind_a_proxy(&cloud).await;
    proxy.fail_entries("key-03", "InternalError", Blame::Service, 2);
    let report = run(&jobsender).await;
    assert_eq!((&report["sent"], &report["messages"]), (&OBJECTS.into(), &OBJECTS.into()), "{report}");
    let batches = proxy.bodies("SendMessageBatch");
    let sizes: Vec<_> = batches.iter().map(|batch| batch["Entries"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(sizes, [10, 1, 1, 2]);
    assert_each_once(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_refused_for_good_is_reported_and_found_by_the_next_run() {
    let Some(cloud) = Cloud::required().await else { return };
    let (jobsender, proxy) = behind_a_proxy(&cloud).await;
    proxy.fail_entries("key-03", "InvalidMessageContents", Blame::Sender, 1);
    let report = failed_run(&jobsender).await;
    let error = only_error(&report);
    assert!(error.starts_with("own-bucket/: ") && error.contains("InvalidMessageContents"), "{error}");
    assert_eq!((&report["sent"], &report["routes"][0]["refused"]), (&(OBJECTS - 1).into(), &1.into()), "{report}");
    let sent = places(&drained(&cloud).await);
    assert_eq!(sent.len(), OBJECTS - 1);
    assert!(!sent.iter().any(|place| place.contains("key-03")), "{sent:?}");
    assert_eq!(run(&jobsender).await["sent"], OBJECTS);
    assert_each_once(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_the_answer_does_not_mention_is_sent_again() {
    let Some(cloud) = Cloud::required().await else { return };
    let (jobsender, proxy) = behind_a_proxy(&cloud).await;
    let mut answers = 0;
    proxy.treat("SendMessageBatch", move |_| {
        answers += 1;
        match answers {
            1 => Treatment::Answer { status: 200, body: json!({ "Successful": [], "Failed": [] }) },
            _ => Treatment::PassOn,
        }
    });
    assert_eq!(run(&jobsender).await["sent"], OBJECTS);
    assert_each_once(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_goes_on_failing_fails_the_run() {
    let Some(cloud) = Cloud::required().await else { return };
    let (jobsender, proxy) = behind_a_proxy(&cloud).await;
    proxy.treat("SendMessageBatch", |_| Treatment::Answer {
        status: 403,
        body: json!({ "__type": "com.amazonaws.sqs#AccessDeniedException", "message": "not authorized" }),
    });
    let report = failed_run(&jobsender).await;
    assert!(only_error(&report).contains("AccessDenied"), "{report}");
    assert_eq!((&report["sent"], cloud.jobs.depth().await.visible), (&0.into(), 0), "{report}");
}
