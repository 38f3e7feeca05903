//! Objects that are deleted at the source: their copies stay, unless the policy says otherwise.

use serverless::{Cloud, Environment, Function, OTHER_BUCKET, OWN_BUCKET, S3Record, notification, within};
use test_s3::{PutOptions, When};

use crate::scene::{
    EMPTY, MIB, PLENTY, assert_acknowledged, assert_copied, assert_ends_well, assert_no_uploads, begin, copy,
    put_and_tell, receive, state, tell, worker,
};

const KEY: &str = "a";
const LARGE: u64 = 24 * MIB;

fn propagating(cloud: &Cloud) -> Environment {
    cloud.worker_environment().with("DeletePolicy", "propagate")
}

/// Has the worker copy an object.
async fn assert_copies(cloud: &Cloud, function: &Function) {
    put_and_tell(cloud, KEY, "content").await;
    assert_acknowledged(function, &cloud.events).await;
    assert_eq!(copy(cloud, KEY).as_deref(), Some("content"));
}

/// Has the worker hear that the object was deleted.
async fn assert_deletion_acknowledged(cloud: &Cloud, function: &Function) {
    cloud.events.send(notification(&[S3Record::removed(OWN_BUCKET, KEY)])).await;
    assert_acknowledged(function, &cloud.events).await;
    assert_eq!((cloud.events.depth().await, cloud.parked.depth().await), (EMPTY, EMPTY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_event_is_acknowledged_and_the_copy_stays() {
    let Some(cloud) = Cloud::required().await else { return };
    let function = worker(&cloud.worker_environment()).await;
    assert_copies(&cloud, &function).await;
    cloud.own.store().remove(OWN_BUCKET, KEY);
    assert_deletion_acknowledged(&cloud, &function).await;
    assert_copied(&cloud, KEY, "content").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_is_propagated_deletes_the_copy() {
    let Some(cloud) = Cloud::required().await else { return };
    let function = worker(&propagating(&cloud)).await;
    assert_copies(&cloud, &function).await;
    cloud.own.store().remove(OWN_BUCKET, KEY);
    assert_deletion_acknowledged(&cloud, &function).await;
    assert_eq!(copy(&cloud, KEY), None);
    assert_eq!(state(&cloud, KEY).await.as_deref(), Some("gone"));

    assert_deletion_acknowledged(&cloud, &function).await;
    assert_copies(&cloud, &function).await;
    assert_eq!(state(&cloud, KEY).await.as_deref(), Some("done"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_not_deleted_while_its_source_is_there() {
    let Some(cloud) = Cloud::required().await else { return };
    let function = worker(&propagating(&cloud)).await;
    assert_copies(&cloud, &function).await;
    assert_deletion_acknowledged(&cloud, &function).await;
    assert_eq!(cloud.other.count("DeleteObject"), 0);
    assert_copied(&cloud, KEY, "content").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_longhaul_did_not_copy_is_not_deleted() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.other.store().put(OTHER_BUCKET, KEY, "put here by others", PutOptions::default());
    let function = worker(&propagating(&cloud)).await;
    assert_deletion_acknowledged(&cloud, &function).await;
    assert_eq!(cloud.other.count("DeleteObject"), 0);
    assert_eq!(copy(&cloud, KEY).as_deref(), Some("put here by others"));
    assert_eq!(state(&cloud, KEY).await.as_deref(), Some("gone"), "a slower copy will meet the tombstone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_overtakes_a_small_copy_is_not_lost() {
    let Some(cloud) = Cloud::required().await else { return };
    put_and_tell(&cloud, KEY, "content").await;
    let message = receive(&cloud.events).await;
    let hold = cloud.other.hold("PutObject", When::BeforeEffect);
    let slow = worker(&propagating(&cloud)).await;
    let call = begin(&slow, &cloud.events, &message, PLENTY);
    within("the copy is on its way", hold.reached()).await;

    cloud.own.store().remove(OWN_BUCKET, KEY);
    cloud.events.send(notification(&[S3Record::removed(OWN_BUCKET, KEY)])).await;
    let fast = worker(&propagating(&cloud)).await;
    assert_acknowledged(&fast, &cloud.events).await;
    hold.release();

    assert_ends_well(call).await;
    assert_eq!(copy(&cloud, KEY), None);
    assert_eq!(state(&cloud, KEY).await.as_deref(), Some("gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_gone_before_its_event_comes_is_acknowledged() {
    let Some(cloud) = Cloud::required().await else { return };
    let function = worker(&cloud.worker_environment()).await;
    for size in [7, LARGE] {
        cloud.events.send(notification(&[S3Record::created(OWN_BUCKET, KEY, size)])).await;
        assert_acknowledged(&function, &cloud.events).await;
    }
    assert_eq!((cloud.events.depth().await, cloud.parked.depth().await), (EMPTY, EMPTY));
    assert_no_uploads(&cloud);
    assert_eq!(copy(&cloud, KEY), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_vanishes_while_it_is_copied_leaves_no_upload_behind() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.own.store().put_synthetic(OWN_BUCKET, KEY, 7, LARGE);
    tell(&cloud, KEY).await;
    let hold = cloud.own.hold_after("GetObject", When::BeforeEffect, 1);
    let message = receive(&cloud.events).await;
    let function = worker(&cloud.worker_environment().with("MaxThread", "1")).await;
    let call = begin(&function, &cloud.events, &message, PLENTY);
    within("the second part is read", hold.reached()).await;
    cloud.own.store().remove(OWN_BUCKET, KEY);
    hold.release();
    assert_ends_well(call).await;
    assert_no_uploads(&cloud);
    assert_eq!((copy(&cloud, KEY), state(&cloud, KEY).await.as_deref()), (None, Some("gone")));
    assert_eq!(cloud.parked.depth().await, EMPTY);
}
