//! Duplicate, late and simultaneous messages change nothing but cost.

use aws_sdk_sqs::types::Message;
use serverless::{Cloud, Function, OTHER_BUCKET, OWN_BUCKET, Queue, notification, sqs_event, within};
use test_s3::{FaultKind, FaultRule, When};

use crate::{
    rows::{known_row, state, text},
    scene::{
        EMPTY, MIB, PLENTY, come_again, copy, created, is_acknowledged, is_given_back, line_of, put, put_and_tell,
        tell, worker,
    },
    sent::{bodies, is_whole, no_accepted_part_is_sent_again},
};

const KEY: &str = "a";
const PARTS: u64 = 3;
const LARGE: u64 = PARTS * 8 * MIB;

/// Two deliveries of the only message of a queue: its visibility ended while it was handled.
async fn two_deliveries(cloud: &Cloud, queue: &Queue) -> [Message; 2] {
    let first = queue.receive(1).await.pop().expect("a message waits");
    come_again(cloud, queue, &first).await;
    let second = queue.receive(1).await.pop().expect("the message comes again");
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
    let calls = [0, 1].map(|one| {
        let event = sqs_event(cloud.events.arn(), &deliveries[one..=one]);
        functions[one].begin(&event, PLENTY)
    });
    for hold in &holds {
        within("both processes read the source", hold.reached()).await;
    }
    drop(holds);
    let mut acknowledged = 0;
    for call in calls {
        let response = call.answer().await.response();
        let failures = response["batchItemFailures"].as_array().map_or(0, Vec::len);
        acknowledged += usize::from(failures == 0);
    }
    assert!(acknowledged > 0, "two deliveries kept each other from work");
    come_again(cloud, &cloud.events, &deliveries[1]).await;
    functions
}

/// There is one copy with one record, and nothing is left over.
async fn did_no_harm(cloud: &Cloud) {
    is_whole(cloud, KEY);
    assert_eq!(state(cloud, KEY).await.as_deref(), Some("done"));
    assert_eq!(cloud.table.rows().await.len(), 1);
    assert_eq!((cloud.events.depth().await, cloud.parked.depth().await), (EMPTY, EMPTY));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deliveries_of_a_small_object_at_once_do_no_harm() {
    let Some(cloud) = Cloud::required("two_deliveries_of_a_small_object_at_once_do_no_harm").await else { return };
    put_and_tell(&cloud, KEY, "content").await;
    let functions = handled_twice_at_once(&cloud, "GetObject").await;
    let sent = bodies(&cloud);
    is_acknowledged(&functions[0], &cloud.events).await;
    assert_eq!(bodies(&cloud), sent, "what is copied was sent again");
    did_no_harm(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deliveries_of_a_large_object_at_once_do_no_harm() {
    let Some(cloud) = Cloud::required("two_deliveries_of_a_large_object_at_once_do_no_harm").await else { return };
    cloud.own.store().put_synthetic(OWN_BUCKET, KEY, 7, LARGE);
    tell(&cloud, KEY).await;
    let functions = handled_twice_at_once(&cloud, "HeadObject").await;
    let sent = bodies(&cloud);
    is_acknowledged(&functions[0], &cloud.events).await;
    assert_eq!(bodies(&cloud), sent, "what is copied was sent again");
    no_accepted_part_is_sent_again(&cloud, PARTS);
    did_no_harm(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_of_an_event_sends_no_bytes_again() {
    let Some(cloud) = Cloud::required("a_duplicate_of_an_event_sends_no_bytes_again").await else { return };
    put(&cloud, "small", "content");
    cloud.own.store().put_synthetic(OWN_BUCKET, "large", 7, LARGE);
    let function = worker(&cloud.worker_environment()).await;
    for key in ["small", "large"] {
        tell(&cloud, key).await;
        is_acknowledged(&function, &cloud.events).await;
        assert_eq!(line_of(&function, key)["outcome"], "copied");
        let sent = bodies(&cloud);
        tell(&cloud, key).await;
        is_acknowledged(&function, &cloud.events).await;
        let line = line_of(&function, key);
        assert_eq!((&line["outcome"], &line["bytes_sent"]), (&"skipped".into(), &0.into()));
        assert_eq!(bodies(&cloud), sent, "{key} was sent again");
        is_whole(&cloud, key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_event_leaves_the_newest_version_at_the_destination() {
    let Some(cloud) = Cloud::required("a_late_event_leaves_the_newest_version_at_the_destination").await else {
        return;
    };
    put(&cloud, KEY, "version 1");
    let late = notification(&[created(&cloud, KEY).sequencer("0055AED6DCD90281E5")]);
    put(&cloud, KEY, "version 2");
    cloud.events.send(notification(&[created(&cloud, KEY).sequencer("0055AED6DCD90281F0")])).await;
    let function = worker(&cloud.worker_environment()).await;
    is_acknowledged(&function, &cloud.events).await;
    cloud.events.send(late).await;
    is_acknowledged(&function, &cloud.events).await;
    assert_eq!(copy(&cloud, KEY).as_deref(), Some("version 2"));
    let etag = cloud.own.store().get(OWN_BUCKET, KEY).expect("the source").etag.clone();
    assert_eq!(text(&known_row(&cloud, KEY).await, "ETag"), Some(etag.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_overwritten_object_copies_what_is_there_now() {
    let Some(cloud) = Cloud::required("an_event_of_an_overwritten_object_copies_what_is_there_now").await else {
        return;
    };
    put_and_tell(&cloud, KEY, "version 1").await;
    put(&cloud, KEY, "version 2");
    let function = worker(&cloud.worker_environment()).await;
    is_acknowledged(&function, &cloud.events).await;
    assert_eq!(copy(&cloud, KEY).as_deref(), Some("version 2"));
    let sent = bodies(&cloud);
    tell(&cloud, KEY).await;
    is_acknowledged(&function, &cloud.events).await;
    assert_eq!(bodies(&cloud), sent, "the event of the second version sent it again");
    is_whole(&cloud, KEY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_writer_of_an_old_version_does_not_overwrite_the_new_one() {
    let Some(cloud) = Cloud::required("a_slow_writer_of_an_old_version_does_not_overwrite_the_new_one").await else {
        return;
    };
    put_and_tell(&cloud, KEY, "version 1").await;
    let message = cloud.events.receive(1).await.pop().expect("a message waits");
    let hold = cloud.other.hold("PutObject", When::BeforeEffect);
    let slow = worker(&cloud.worker_environment()).await;
    let call = slow.begin(&sqs_event(cloud.events.arn(), std::slice::from_ref(&message)), PLENTY);
    within("the old version is on its way", hold.reached()).await;

    put_and_tell(&cloud, KEY, "version 2").await;
    let fast = worker(&cloud.worker_environment()).await;
    is_acknowledged(&fast, &cloud.events).await;
    assert_eq!(copy(&cloud, KEY).as_deref(), Some("version 2"));
    hold.release();

    let response = call.answer().await.response();
    assert_eq!(response["batchItemFailures"].as_array().map_or(0, Vec::len), 0, "{response}");
    cloud.events.delete(&message).await;
    assert_eq!(copy(&cloud, KEY).as_deref(), Some("version 2"));
    let etag = cloud.own.store().get(OWN_BUCKET, KEY).expect("the source").etag.clone();
    let row = known_row(&cloud, KEY).await;
    assert_eq!((text(&row, "State"), text(&row, "ETag")), (Some("done"), Some(etag.as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_that_became_small_leaves_no_upload_behind() {
    let Some(cloud) = Cloud::required("a_large_object_that_became_small_leaves_no_upload_behind").await else { return };
    cloud.own.store().put_synthetic(OWN_BUCKET, KEY, 7, LARGE);
    tell(&cloud, KEY).await;
    let slow_down = FaultKind::SlowDown503 { retry_after_seconds: None };
    cloud.other.faults().add(FaultRule::new(slow_down).on("UploadPart"));
    let function = worker(&cloud.worker_environment().with("MaxRetry", "0")).await;
    let message = is_given_back(&function, &cloud.events).await;
    assert_eq!(cloud.other.store().uploads(OTHER_BUCKET).len(), 1);
    cloud.other.faults().clear();

    put_and_tell(&cloud, KEY, "small now").await;
    is_acknowledged(&function, &cloud.events).await;
    come_again(&cloud, &cloud.events, &message).await;
    is_acknowledged(&function, &cloud.events).await;
    assert_eq!(copy(&cloud, KEY).as_deref(), Some("small now"));
    did_no_harm(&cloud).await;
}
