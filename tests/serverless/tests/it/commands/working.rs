//! `longhaul work`: the worker as a process that goes on until it is stopped, or killed.

use std::time::Duration;

use serverless::{Cloud, Longhaul, OTHER_BUCKET, Running, Setup, until, within};
use test_s3::{Hold, When};
use tokio::time::sleep;

use crate::scene::{MIB, assert_arrived, put, put_and_tell, put_large_and_tell};

const LARGE: &str = "large.bin";
/// Five parts of the usual size.
const SIZE: u64 = 40 * MIB;

async fn assert_arrives(cloud: &Cloud, key: &str) {
    until("the object arrives", async || cloud.other.store().get(OTHER_BUCKET, key)).await;
}

async fn assert_queues_empty(cloud: &Cloud) {
    until("the queues are empty", async || {
        let (events, jobs) = (cloud.events.depth().await, cloud.jobs.depth().await);
        (events.visible + events.in_flight + jobs.visible + jobs.in_flight == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_and_notifications_arrive_and_a_stop_ends_well() {
    let Some(cloud) = Cloud::required().await else { return };
    let longhaul = Longhaul::of(&cloud).await;
    for key in ["a", "b//c", "d e+ü"] {
        put(&cloud, key, key);
    }
    longhaul.run_on_stack("send", &[]).await.assert_exit(0);
    let worker = longhaul.work(&[]).await;
    put_and_tell(&cloud, "new", "new").await;
    for key in ["a", "b//c", "d e+ü", "new"] {
        assert_arrives(&cloud, key).await;
    }
    assert_queues_empty(&cloud).await;
    worker.logged("the object is in the log", |line| line["event"] == "object" && line["src_key"] == "new").await;
    worker.terminate();
    let ended = worker.ended().await.assert_exit(0);
    assert_eq!(ended.line(|line| line["event"] == "stopped")["level"], "INFO");
    assert_eq!(ended.lines().len(), ended.stdout.lines().count(), "a line of the log is no JSON");
}

/// A worker that has brought over a part of a large object, and cannot go on with the next one.
async fn held(cloud: &Cloud, longhaul: &Longhaul, flags: &[&str]) -> (Running, Hold) {
    let hold = cloud.other.hold_after("UploadPart", When::BeforeEffect, 1);
    put_large_and_tell(cloud, LARGE, 7, SIZE).await;
    let worker = longhaul.work(&[&["--messages", "1"], flags].concat()).await;
    within("a part is stopped", hold.reached()).await;
    (worker, hold)
}

async fn assert_comes_back(cloud: &Cloud) {
    until("the message is given back", async || (cloud.events.depth().await.visible == 1).then_some(())).await;
}

async fn cloud() -> Option<(Cloud, Longhaul)> {
    let cloud = Cloud::required_as(Setup::cheap()).await?;
    let longhaul = Longhaul::of(&cloud).await.with("MaxThread", "1");
    Some((cloud, longhaul))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_finishes_the_part_in_flight_and_another_one_carries_on() {
    let Some((cloud, longhaul)) = cloud().await else { return };
    let (worker, hold) = held(&cloud, &longhaul, &[]).await;
    worker.terminate();
    worker.logged("it stops", |line| line["event"] == "stopping").await;
    hold.release();
    worker.ended().await.assert_exit(0);
    assert_comes_back(&cloud).await;
    assert_eq!(cloud.other.store().uploads(OTHER_BUCKET)[0].2, 2, "not just the part in flight was finished");

    let next = longhaul.work(&[]).await;
    assert_arrives(&cloud, LARGE).await;
    let line = next.logged("the object is in the log", |line| line["event"] == "object").await;
    assert_eq!((&line["outcome"], &line["parts_resumed"]), (&"copied".into(), &2.into()));
    assert_arrived(&cloud, LARGE);
    next.terminate();
    next.ended().await.assert_exit(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_gives_back_what_does_not_end_in_time() {
    let Some((cloud, longhaul)) = cloud().await else { return };
    let (worker, _lost) = held(&cloud, &longhaul, &["--grace", "1"]).await;
    worker.terminate();
    worker.ended().await.assert_exit(0);
    assert_comes_back(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_stopped_twice_ends_at_once() {
    let Some((cloud, longhaul)) = cloud().await else { return };
    let (worker, _lost) = held(&cloud, &longhaul, &[]).await;
    worker.terminate();
    worker.logged("it stops", |line| line["event"] == "stopping").await;
    worker.terminate();
    worker.ended().await.assert_exit(130);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_stays_hidden_while_its_worker_lives_and_comes_back_soon_after_its_death() {
    let Some((cloud, longhaul)) = cloud().await else { return };
    // The queue itself would hide it for 17 minutes.
    let (worker, _lost) = held(&cloud, &longhaul, &["--visibility", "12"]).await;
    sleep(Duration::from_secs(18)).await;
    assert_eq!(cloud.events.depth().await.in_flight, 1, "the message was visible while it was handled");
    worker.kill().await;
    assert_comes_back(&cloud).await;
}
