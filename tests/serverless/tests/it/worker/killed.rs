//! A process that dies in the middle of a copy: others wait until its time is up, and then one of them carries on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serverless::{Answer, Cloud, Environment, OWN_BUCKET, until, within};
use test_s3::{Hold, When};

use crate::scene::{
    EMPTY, MIB, WAITING, assert_acknowledged, assert_arrived, assert_given_back, assert_no_accepted_part_is_sent_again,
    begin, come_again, job, known_row, line_of, receive, recorded, state, text, worker,
};

const KEY: &str = "long/haul.bin";
const PARTS: u64 = 6;
const SIZE: u64 = PARTS * 8 * MIB;
/// Short, since the lease lasts a little longer.
const DEADLINE: Duration = Duration::from_secs(6);

fn environment(cloud: &Cloud) -> Environment {
    cloud.worker_environment().with("MaxThread", "1")
}

/// Begins the copy, kills its process when a request is stopped, and ends the visibility of its message.
async fn killed_at(cloud: &Cloud, hold: &Hold) {
    cloud.own.store().put_synthetic(OWN_BUCKET, KEY, 7, SIZE);
    cloud.jobs.send(job(KEY, KEY, SIZE)).await;
    let message = receive(&cloud.jobs).await;
    let function = worker(&environment(cloud)).await;
    let call = begin(&function, &cloud.jobs, &message, DEADLINE);
    within("the request is stopped", hold.reached()).await;
    function.kill().await;
    assert_eq!(call.answer().await, Answer::Exited);
    come_again(cloud, &cloud.jobs, &message).await;
}

/// Waits until the message that was given back is visible again.
async fn assert_lease_ends(cloud: &Cloud) {
    assert_eq!(cloud.jobs.depth().await, WAITING);
    until("the message comes again", async || (cloud.jobs.depth().await.visible == 1).then_some(())).await;
}

/// The copy was finished without any part being sent twice.
async fn assert_carried_on(cloud: &Cloud) {
    assert_no_accepted_part_is_sent_again(cloud, PARTS);
    assert_arrived(cloud, KEY);
    assert_eq!(cloud.other.count("CreateMultipartUpload"), 1);
    assert_eq!(state(cloud, KEY).await.as_deref(), Some("done"));
    assert_eq!(cloud.jobs.depth().await, EMPTY);
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    i64::try_from(now.as_millis()).expect("it is not that late")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_copy_is_carried_on_by_another_process_behind_its_lease() {
    let Some(cloud) = Cloud::required().await else { return };
    let arrived = 3;
    // Kept to the end: the part that was on its way never comes through.
    let lost = cloud.other.hold_after("UploadPart", When::BeforeEffect, arrived);
    killed_at(&cloud, &lost).await;
    let row = known_row(&cloud, KEY).await;
    let lease_end: i64 = text(&row, "LeaseUntil").expect("a lease").parse().expect("a time");
    let attempts = recorded(&row, "attempts");
    assert!(attempts.is_some(), "attempts are not counted: {row:?}");

    let next = worker(&environment(&cloud)).await;
    assert_given_back(&next, &cloud.jobs).await;
    assert_eq!(line_of(&next, KEY)["outcome"], "busy");
    assert_eq!(cloud.other.count("UploadPart"), arrived + 1, "a part was sent in spite of the lease");
    assert_eq!(recorded(&known_row(&cloud, KEY).await, "attempts"), attempts, "to wait is no attempt");

    assert_lease_ends(&cloud).await;
    let early = lease_end - now();
    assert!(early <= 0, "the message comes again {early} ms before the lease ends");
    assert_acknowledged(&next, &cloud.jobs).await;
    let line = line_of(&next, KEY);
    assert_eq!((&line["outcome"], &line["parts_resumed"]), (&"copied".into(), &arrived.into()));
    assert_carried_on(&cloud).await;
    drop(lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_killed_behind_its_completion_is_recorded_without_sending_anything() {
    let Some(cloud) = Cloud::required().await else { return };
    let hold = cloud.other.hold("CompleteMultipartUpload", When::AfterEffect);
    killed_at(&cloud, &hold).await;
    hold.release();

    let next = worker(&environment(&cloud)).await;
    assert_given_back(&next, &cloud.jobs).await;
    assert_lease_ends(&cloud).await;
    assert_acknowledged(&next, &cloud.jobs).await;
    let line = line_of(&next, KEY);
    assert_eq!((&line["outcome"], &line["bytes_sent"]), (&"copied".into(), &0.into()));
    assert_carried_on(&cloud).await;
}
