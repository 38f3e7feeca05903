//! `longhaul bucket connect`: one more hears of a bucket's events, and all who heard of them before still do.

use aws_sdk_s3::{
    operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput,
    types::{
        Event, EventBridgeConfiguration, FilterRule, FilterRuleName, NotificationConfiguration,
        NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
    },
};
use serde_json::{Value, json};
use serverless::{Cloud, Longhaul, until};

use crate::scene::route;

const BUCKET: &str = "photos";

/// A bucket of the emulator, whose scan queue hears of new objects below `logs/`, and EventBridge of all.
async fn told_bucket(cloud: &Cloud) {
    let s3 = &cloud.clients.s3;
    s3.create_bucket().bucket(BUCKET).send().await.expect("a bucket can be made");
    let rule = FilterRule::builder().name(FilterRuleName::Prefix).value("logs/").build();
    let key = S3KeyFilter::builder().filter_rules(rule).build();
    let queue = QueueConfiguration::builder()
        .id("logs")
        .queue_arn(cloud.scan.arn())
        .events(Event::S3ObjectCreated)
        .filter(NotificationConfigurationFilter::builder().key(key).build())
        .build()
        .expect("a complete configuration");
    let configuration = NotificationConfiguration::builder()
        .queue_configurations(queue)
        .event_bridge_configuration(EventBridgeConfiguration::builder().build())
        .build();
    let put = s3.put_bucket_notification_configuration().bucket(BUCKET).notification_configuration(configuration);
    put.send().await.expect("a bucket can be told whom to notify");
}

async fn configuration(cloud: &Cloud) -> GetBucketNotificationConfigurationOutput {
    let request = cloud.clients.s3.get_bucket_notification_configuration().bucket(BUCKET);
    request.send().await.expect("a bucket says whom it notifies")
}

/// The command with the emulator's own S3, which sends notifications.
async fn longhaul(cloud: &Cloud) -> Longhaul {
    Longhaul::of(cloud).await.without("AWS_ENDPOINT_URL_S3")
}

#[tokio::test]
async fn a_connected_bucket_tells_the_stack_and_all_others_as_before() {
    let Some(cloud) = Cloud::required().await else { return };
    told_bucket(&cloud).await;
    let longhaul = longhaul(&cloud).await;
    let connect = ["bucket", "connect", BUCKET, "--stack", "test", "--prefix", "new photos/"];
    let connected = longhaul.run(&connect).await.assert_exit(0);
    connected.assert_says(&[
        "kept:  s3:ObjectCreated:* to scan, prefix \"logs/\"",
        "EventBridge",
        "added: s3:ObjectCreated:*",
    ]);
    let after = configuration(&cloud).await;
    let told: Vec<_> = after.queue_configurations().iter().map(|queue| (queue.queue_arn(), queue.events())).collect();
    let created = [Event::S3ObjectCreated];
    assert_eq!(told, [(cloud.scan.arn(), &created[..]), (cloud.events.arn(), &created[..])]);
    assert!(after.event_bridge_configuration().is_some());

    longhaul.run(&connect).await.assert_exit(0).assert_says(&["nothing was changed"]);
    assert_eq!(configuration(&cloud).await.queue_configurations().len(), 2);
}

#[tokio::test]
async fn new_objects_of_a_connected_bucket_reach_the_queue() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.clients.s3.create_bucket().bucket(BUCKET).send().await.expect("a bucket can be made");
    let longhaul = longhaul(&cloud).await;
    longhaul.run(&["bucket", "connect", BUCKET, "--stack", "test"]).await.assert_exit(0);
    let put = cloud.clients.s3.put_object().bucket(BUCKET).key("a").body(b"content".to_vec().into());
    put.send().await.expect("an object can be put");
    until("the notification comes", async || {
        let bodies = cloud.events.drain().await.into_iter().filter_map(|message| message.body);
        bodies.into_iter().find(|body| body.contains("ObjectCreated:Put"))
    })
    .await;
}

#[tokio::test]
async fn what_others_hear_of_is_not_taken_from_them() {
    let Some(cloud) = Cloud::required().await else { return };
    told_bucket(&cloud).await;
    let longhaul = longhaul(&cloud).await;
    let refused = longhaul.run(&["bucket", "connect", BUCKET, "--stack", "test"]).await.assert_exit(1);
    refused.assert_says(&["nothing was changed", "to scan, prefix \"logs/\"", "--prefix"]);
    assert_eq!(configuration(&cloud).await.queue_configurations().len(), 1);
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let Some(cloud) = Cloud::required().await else { return };
    let longhaul = longhaul(&cloud).await;
    longhaul.run(&["bucket", "connect", "nowhere", "--stack", "test"]).await.assert_exit(1).assert_says(&["nowhere"]);
}

/// Credentials of the other account that lead to the same store.
fn of_the_same_store(cloud: &Cloud) -> Value {
    let endpoint = cloud.emulator().endpoint();
    json!({ "aws_access_key_id": "other", "aws_secret_access_key": "secret", "region": "us-east-1", "endpoint_url": endpoint })
}

#[tokio::test]
async fn a_bucket_whose_copies_would_come_back_into_it_is_not_connected() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.clients.s3.create_bucket().bucket(BUCKET).send().await.expect("a bucket can be made");
    cloud.parameters.set_routes(&json!([route(BUCKET, "", BUCKET, "copies")])).await;
    let longhaul = longhaul(&cloud).await;
    let connect = ["bucket", "connect", BUCKET, "--stack", "test"];
    // In another store, the same name is another bucket.
    longhaul.run(&connect).await.assert_exit(0);
    let configuration_before = configuration(&cloud).await;
    cloud.parameters.set_credentials(&of_the_same_store(&cloud)).await;
    let refused = longhaul.run(&connect).await.assert_exit(1);
    refused.assert_says(&["s3://photos/copies/", "inside its own source s3://photos/"]);
    assert_eq!(configuration(&cloud).await.queue_configurations(), configuration_before.queue_configurations());
}
