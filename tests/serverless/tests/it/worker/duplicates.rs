//! Duplicate, late and simultaneous messages change nothing but cost.

use aws_sdk_sqs::types::Message;
use serverless::{Cloud, Function, OTHER_BUCKET, OWN_BUCKET, Queue, notification, within};
use test_s3::{FaultRule, When};

use crate::scene::{
    EMPTY, MIB, PLENTY, assert_acknowledged, assert_arrived, assert_ends_well, assert_given_back,
    assert_no_accepted_part_is_sent_again, begin, bodies, come_again, copy, created, failures, known_row, line_of, put,
    put_and_tell, receive, slow_down, state, tell, text, worker,
};

const KEY: &str = "a";
const PARTS: u64 = 3;
const LARGE: u64 = PARTS * 8 * MIB;

/// Two deliveries of the only message of a queue: its visibility ended while it was handled.
async fn two_deliveries(cloud: &Cloud, queue: &Queue) -> [Message; 2] {
    let first = receive(queue).await;
    come_again(cloud, queue, &first).await;
    let second = receive(queue).await;
    assert_eq!(first.message_id(), second.message_id());
    [first, second]
}

/// Has two processes handle the two deliveries at once: both have sent this first request to the source before either
/// goes on. At least one of them finishes. Then the message comes a third time, since nobody deleted it.
async fn handled_twice_at_once(cloud: &Cloud, first_request: &str) -> [Function; 2] {
    let deliveries = two_deliveries(cloud, &cloud.events).await;
    let holds = [(); 2].map(|()| cloud.own.hold(first_request, When::BeforeEffect));
    let environment = cloud.worker_environment();
    let functions = [worker(&environment).await, worker(&environment).await];
    let calls = [0, 1].map(|one| begin(&functions[one], &cloud.events, &deliveries[one], PLENTY));
    for hold in &holds {
        within("both processes read the source", hold.reached()).await;
    }
    drop(holds);
    let mut acknowledged = 0;
    for call in calls {
        let response = call.answer().await.response();
        acknowledged += usize::from(failures(&response) == 0);
    }
    assert!(acknowledged > 0, "two deliveries kept each other from work");
    come_again(cloud, &cloud.events, &deliveries[1]).await;
    functions
}

/// There is one copy with one record, and nothing is left over.
async fn assert_no_harm(cloud: &Cloud) {
    assert_arrived(cloud, KEY);
    assert_eq!(state(cloud, KEY).await.as_deref(), Some("done"));
    assert_eq!(cloud.table.rows().await.len(), 1);
    assert_eq!((cloud.events.depth().await, cloud.parked.depth().await), (EMPTY, EMPTY));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deliveries_of_a_small_object_at_once_do_no_harm() {
    let Some(cloud) = Cloud::required().await else { return };
    put_and_tell(&cloud, KEY, "content").await;
    let functions = handled_twice_at_once(&cloud, "GetObject").await;
    let sent = bodies(&cloud);
    assert_acknowledged(&functions[0], &cloud.events).await;
    assert_eq!(bodies(&cloud), sent, "what is copied was sent again");
    assert_no_harm(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deliveries_of_a_large_object_at_once_do_no_harm() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.own.store().put_synthetic(OWN_BUCKET, KEY, 7, LARGE);
    tell(&cloud, KEY).await;
    let functions = handled_twice_at_once(&cloud, "HeadObject").await;
    let sent = bodies(&cloud);
    assert_acknowledged(&functions[0], &cloud.events).await;
    assert_eq!(bodies(&cloud), sent, "what is copied was sent again");
    assert_no_accepted_part_is_sent_again(&cloud, PARTS);
    assert_no_harm(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_of_an_event_sends_no_bytes_again() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "small", "content");
    cloud.own.store().put_synthetic(OWN_BUCKET, "large", 7, LARGE);
    let function = worker(&cloud.worker_environment()).await;
    for key in ["small", "large"] {
        tell(&cloud, key).await;
        assert_acknowledged(&function, &cloud.events).await;
        assert_eq!(line_of(&function, key)["outcome"], "copied");
        let sent = bodies(&cloud);
        tell(&cloud, key).await;
        assert_acknowledged(&function, &cloud.events).await;
        let line = line_of(&function, key);
        assert_eq!((&line["outcome"], &line["bytes_sent"]), (&"skipped".into(), &0.into()));
        assert_eq!(bodies(&cloud), sent, "{key} was sent again");
        assert_arrived(&cloud, key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_event_leaves_the_newest_version_at_the_destination() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, KEY, "version 1");
    let late = notification(&[created(&cloud, KEY).sequencer("0055AED6DCD90281E5")]);
    put(&cloud, KEY, "version 2");
    cloud.events.send(notification(&[created(&cloud, KEY).sequencer("0055AED6DCD90281F0")])).await;
    let function = worker(&cloud.worker_environment()).await;
    assert_acknowledged(&function, &cloud.events).await;
    cloud.events.send(late).await;
    assert_acknowledged(&function, &cloud.events).await;
    assert_eq!(copy(&cloud, KEY).as_deref(), Some("version 2"));
    let etag = cloud.own.store().get(OWN_BUCKET, KEY).expect("the source").etag.clone();
    assert_eq!(text(&known_row(&cloud, KEY).await, "ETag"), Some(etag.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_overwritten_object_copies_what_is_there_now() {
    let Some(cloud) = Cloud::required().await else { return };
    put_and_tell(&cloud, KEY, "version 1").await;
    put(&cloud, KEY, "version 2");
    let function = worker(&cloud.worker_environment()).await;
    assert_acknowledged(&function, &cloud.events).await;
    assert_eq!(copy(&cloud, KEY).as_deref(), Some("version 2"));
    let sent = bodies(&cloud);
    tell(&cloud, KEY).await;
    assert_acknowledged(&function, &cloud.events).await;
    assert_eq!(bodies(&cloud), sent, "the event of the second version sent it again");
    assert_arrived(&cloud, KEY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_writer_of_an_old_version_does_not_overwrite_the_new_one() {
    let Some(cloud) = Cloud::required().await else { return };
    put_and_tell(&cloud, KEY, "version 1").await;
    let message = receive(&cloud.events).await;
    let hold = cloud.other.hold("PutObject", When::BeforeEffect);
    let slow = worker(&cloud.worker_environment()).await;
    let call = begin(&slow, &cloud.events, &message, PLENTY);
    within("the old version is on its way", hold.reached()).await;

    put_and_tell(&cloud, KEY, "version 2").await;
    let fast = worker(&cloud.worker_environment()).await;
    assert_acknowledged(&fast, &cloud.events).await;
    assert_eq!(copy(&cloud, KEY).as_deref(), Some("version 2"));
    hold.release();

    assert_ends_well(call).await;
    cloud.events.delete(&message).await;
    assert_eq!(copy(&cloud, KEY).as_deref(), Some("version 2"));
    let etag = cloud.own.store().get(OWN_BUCKET, KEY).expect("the source").etag.clone();
    let row = known_row(&cloud, KEY).await;
    assert_eq!((text(&row, "State"), text(&row, "ETag")), (Some("done"), Some(etag.as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_that_became_small_leaves_no_upload_behind() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.own.store().put_synthetic(OWN_BUCKET, KEY, 7, LARGE);
    tell(&cloud, KEY).await;
    cloud.other.faults().add(FaultRule::new(slow_down()).on("UploadPart"));
    let function = worker(&cloud.worker_environment().with("MaxRetry", "0")).await;
    let message = assert_given_back(&function, &cloud.events).await;
    assert_eq!(cloud.other.store().uploads(OTHER_BUCKET).len(), 1);
    cloud.other.faults().clear();

    put_and_tell(&cloud, KEY, "small now").await;
    assert_acknowledged(&function, &cloud.events).await;
    come_again(&cloud, &cloud.events, &message).await;
    assert_acknowledged(&function, &cloud.events).await;
    assert_eq!(copy(&cloud, KEY).as_deref(), Some("small now"));
    assert_no_harm(&cloud).await;
}
