//! `longhaul parked list` and `longhaul parked redrive`: looking changes nothing, and nothing is lost on the way back.

use aws_sdk_sqs::types::MessageSystemAttributeName;
use serverless::{Cloud, FaultProxy, Longhaul, OTHER_BUCKET, OWN_BUCKET, until};
use test_s3::Access;

use crate::scene::{copy, put_and_tell};

async fn assert_parked(cloud: &Cloud, messages: usize) {
    until("all is parked", async || (cloud.parked.depth().await.visible == messages).then_some(())).await;
}

/// A worker that parks what it finds, and is stopped then.
async fn work_until_parked(cloud: &Cloud, longhaul: &Longhaul, messages: usize) {
    let worker = longhaul.work(&[]).await;
    assert_parked(cloud, messages).await;
    worker.terminate();
    worker.ended().await.assert_exit(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_messages_are_shown_by_reason_and_stay() {
    let Some(cloud) = Cloud::required().await else { return };
    let longhaul = Longhaul::of(&cloud).await;
    cloud.jobs.send("no job").await;
    cloud.events.send("no event").await;
    work_until_parked(&cloud, &longhaul, 2).await;
    for _ in 0..2 {
        let list = longhaul.run_on_stack("parked list", &["--json"]).await.assert_exit(0);
        let line = list.line(|line| line["reason"] == "malformed");
        assert_eq!(line["messages"], 2);
        let bodies: Vec<_> = line["examples"].as_array().expect("examples").iter().map(|one| &one["body"]).collect();
        assert!(bodies.contains(&&"no job".into()) && bodies.contains(&&"no event".into()), "{line}");
        assert_parked(&cloud, 2).await;
    }
    let plain = longhaul.run_on_stack("parked list", &[]).await.assert_exit(0);
    plain.assert_says(&["2 malformed", "from jobs", "from events", "no job"]);
    let other = longhaul.run_on_stack("parked list", &["--reason", "archived", "--json"]).await.assert_exit(0);
    assert_eq!(other.lines(), [] as [serde_json::Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_message_goes_back_unchanged_to_its_queue_and_starts_anew() {
    let Some(cloud) = Cloud::required().await else { return };
    let longhaul = Longhaul::of(&cloud).await;
    cloud.jobs.send("no job").await;
    cloud.events.send("no event").await;
    work_until_parked(&cloud, &longhaul, 2).await;
    let none = longhaul.run_on_stack("parked redrive", &["--reason", "archived"]).await.assert_exit(0);
    none.assert_says(&["0 messages sent back"]);
    assert_parked(&cloud, 2).await;
    let one = longhaul.run_on_stack("parked redrive", &["--all", "--limit", "1", "--json"]).await.assert_exit(0);
    assert_eq!(one.line(|line| line["event"] == "redriven")["messages"], 1);
    assert_parked(&cloud, 1).await;
    longhaul.run_on_stack("parked redrive", &["--reason", "malformed"]).await.assert_exit(0);
    assert_parked(&cloud, 0).await;
    for (queue, body) in [(&cloud.jobs, "no job"), (&cloud.events, "no event")] {
        let messages = queue.receive(10).await;
        assert_eq!(messages.iter().map(|message| message.body()).collect::<Vec<_>>(), [Some(body)]);
        let attributes = messages[0].attributes().expect("attributes");
        assert_eq!(attributes[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_parked_for_want_of_a_permission_is_copied_after_it_was_granted() {
    let Some(cloud) = Cloud::required().await else { return };
    let longhaul = Longhaul::of(&cloud).await;
    cloud.other.store().set_access(OTHER_BUCKET, "PutObject", Access::Denied);
    put_and_tell(&cloud, "a", "content").await;
    work_until_parked(&cloud, &longhaul, 1).await;
    let status = longhaul.run_on_stack("status", &["--json"]).await.assert_exit(0);
    let parked = status.line(|line| line["event"] == "parked");
    assert_eq!((&parked["reason"], &parked["records"]), (&"access-denied".into(), &1.into()));
    assert_eq!(parked["examples"][0]["source"], format!("s3://{OWN_BUCKET}/a"));

    cloud.other.store().set_access(OTHER_BUCKET, "PutObject", Access::Allowed);
    let list = longhaul.run_on_stack("parked list", &["--json"]).await.assert_exit(0);
    let line = list.line(|line| line["reason"] == "access-denied");
    let id = line["examples"][0]["id"].as_str().expect("an id");
    longhaul.run_on_stack("parked redrive", &["--id", id]).await.assert_exit(0);
    longhaul.run_on_stack("parked redrive", &["--id", id]).await.assert_exit(1).assert_says(&[id]);
    let worker = longhaul.work(&[]).await;
    until("the object arrives", async || copy(&cloud, "a")).await;
    worker.terminate();
    worker.ended().await.assert_exit(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_again_at_once_is_sent_back_once_and_the_command_ends() {
    let Some(cloud) = Cloud::required().await else { return };
    let wire = FaultProxy::start(&cloud.emulator().endpoint()).await;
    let longhaul = Longhaul::of(&cloud).await;
    for number in 0..30 {
        cloud.jobs.send(format!("no job {}", number / 2)).await;
    }
    let worker = longhaul.work(&[]).await;
    assert_parked(&cloud, 30).await;
    let longhaul = longhaul.with("AWS_ENDPOINT_URL_SQS", &wire.endpoint());
    let dry = longhaul.run_on_stack("parked redrive", &["--all", "--dry-run", "--json"]).await.assert_exit(0);
    let line = dry.line(|line| line["event"] == "redriven");
    assert_eq!((&line["messages"], &line["queues"]["jobs"], &line["dry_run"]), (&30.into(), &30.into(), &true.into()));
    assert_eq!(wire.bodies("SendMessageBatch").len(), 0, "a dry run sent something");
    assert_parked(&cloud, 30).await;

    let redriven = longhaul.run_on_stack("parked redrive", &["--all", "--json"]).await.assert_exit(0);
    assert_eq!(redriven.line(|line| line["event"] == "redriven")["messages"], 30);
    assert_eq!(wire.bodies("SendMessageBatch").len(), 30, "each is sent back once");
    assert_parked(&cloud, 30).await;
    worker.terminate();
    worker.ended().await.assert_exit(0);
}
