//! One invocation: its records are handled at once, each for itself, whatever kind of message it is.

use std::collections::BTreeSet;

use aws_sdk_sqs::types::Message;
use serde_json::json;
use serverless::{Cloud, Depth, OTHER_BUCKET, OWN_BUCKET, deliver, notification, test_event, within};
use test_s3::{FaultRule, Hold, When};

use crate::scene::{
    EMPTY, PLENTY, assert_acknowledged, assert_copied, copy, created, ids, job, put, put_and_tell, route, slow_down,
    state, worker,
};

/// Ends when all of these requests are stopped at the same time, and lets them go then.
async fn all_at_once(holds: Vec<Hold>) {
    for hold in &holds {
        within("all objects are read at once", hold.reached()).await;
    }
    drop(holds);
}

fn is_about(message: &Message, key: &str) -> bool {
    message.body().is_some_and(|body| body.contains(key))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_records_are_handled_at_once_and_exactly_the_two_that_fail_are_named() {
    let Some(cloud) = Cloud::required().await else { return };
    let keys: Vec<String> = (0..10).map(|number| format!("batch/{number}")).collect();
    let failing = [keys[3].as_str(), keys[7].as_str()];
    for key in &keys {
        put_and_tell(&cloud, key, key).await;
    }
    for key in failing {
        cloud.other.faults().add(FaultRule::new(slow_down()).on("PutObject").of_key(key));
    }
    let function = worker(&cloud.worker_environment().with("MaxRetry", "1")).await;
    let holds = keys.iter().map(|_| cloud.own.hold("GetObject", When::BeforeEffect)).collect();
    let (delivery, ()) = tokio::join!(deliver(&function, &cloud.events, 10, PLENTY), all_at_once(holds));

    let delivery = delivery.expect("messages wait");
    assert_eq!(delivery.messages.len(), 10);
    let fails = delivery.messages.iter().filter(|message| failing.iter().any(|key| is_about(message, key)));
    let unfinished: Vec<Message> = fails.cloned().collect();
    assert_eq!(unfinished.len(), 2);
    assert_eq!(delivery.failed, ids(&unfinished), "{:?}", delivery.answer);
    for key in &keys {
        let fails = failing.contains(&key.as_str());
        assert_eq!(copy(&cloud, key).is_none(), fails, "{key}");
        assert_eq!(state(&cloud, key).await.as_deref() == Some("done"), !fails, "{key}");
    }
    assert_eq!(cloud.events.depth().await, Depth { visible: 0, in_flight: 2 });
    let invocation = function.events("invocation").pop().expect("an invocation tells what it was");
    assert_eq!((&invocation["records"], &invocation["failed"]), (&10.into(), &2.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_records_of_an_event_are_copied_and_their_keys_survive_byte_for_byte() {
    let Some(cloud) = Cloud::required().await else { return };
    let keys = ["a/with space+ü.txt", "a//b", "/lead", "100%25.txt", "日本語/&=?.txt", "folder/"];
    for key in keys {
        put(&cloud, key, key);
    }
    cloud.events.send(notification(&keys.map(|key| created(&cloud, key)))).await;
    let function = worker(&cloud.worker_environment()).await;
    assert_acknowledged(&function, &cloud.events).await;
    for key in keys {
        assert_copied(&cloud, key, key).await;
    }
    let copied: BTreeSet<String> = cloud.other.store().keys(OTHER_BUCKET).into_iter().collect();
    assert_eq!(copied, BTreeSet::from(keys.map(str::to_owned)));
    assert_eq!(cloud.events.depth().await, EMPTY);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_of_a_new_notification_is_acknowledged_and_nothing_is_asked_for() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.events.send(test_event(OWN_BUCKET)).await;
    let function = worker(&cloud.worker_environment()).await;
    assert_acknowledged(&function, &cloud.events).await;
    assert_eq!((cloud.own.requests().len(), cloud.other.requests().len()), (0, 0));
    assert_eq!((cloud.events.depth().await, cloud.parked.depth().await), (EMPTY, EMPTY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_the_original_is_done_as_it_stands() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.parameters.set_routes(&json!([route(OWN_BUCKET, "", OTHER_BUCKET, "there")])).await;
    put(&cloud, "photos/a b.jpg", "content");
    cloud.jobs.send(job("photos/a b.jpg", "there/photos/a b.jpg", 7)).await;
    let function = worker(&cloud.worker_environment()).await;
    assert_acknowledged(&function, &cloud.jobs).await;
    assert_copied(&cloud, "there/photos/a b.jpg", "content").await;
    assert_eq!(cloud.jobs.depth().await, EMPTY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_none_does_not_hold_up_the_others() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.events.send("no event").await;
    put_and_tell(&cloud, "a", "content").await;
    let function = worker(&cloud.worker_environment()).await;
    assert_acknowledged(&function, &cloud.events).await;
    assert_eq!(copy(&cloud, "a").as_deref(), Some("content"));
    assert_eq!(cloud.parked.depth().await.visible, 1);
}
