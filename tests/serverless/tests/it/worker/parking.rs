//! What cannot succeed: parked at the first sight with its reason, unchanged, recorded, and acknowledged.

use serde_json::json;
use serverless::{Cloud, Function, OTHER_BUCKET, OWN_BUCKET, Queue, deliver, until};
use test_s3::{Access, FaultRule, PutOptions};

use crate::scene::{
    EMPTY, MIB, PLENTY, Parked, assert_acknowledged, assert_no_uploads, copy, job, known_row, line_of, only_parked,
    put, put_and_tell, refusal, route, tell, text, worker,
};

/// Delivers the only message, and sees it parked at once.
async fn assert_parked(cloud: &Cloud, function: &Function, queue: &Queue, reason: &str) -> Parked {
    let delivery = deliver(function, queue, 1, PLENTY).await.expect("a message waits");
    assert!(delivery.failed.is_empty(), "not acknowledged: {:?}", delivery.answer);
    assert_eq!(queue.depth().await, EMPTY);
    let parked = only_parked(cloud).await;
    let name = queue.url().rsplit('/').next();
    assert_eq!((parked.reason.as_str(), Some(parked.queue.as_str())), (reason, name), "{}", parked.words);
    assert_eq!(Some(parked.body.as_str()), delivery.messages[0].body());
    let line = function.events("parked").pop().expect("the log tells of it");
    assert_eq!((&line["level"], &line["reason"]), (&"ERROR".into(), &reason.into()));
    parked
}

/// The table and the log have the copy as parked.
async fn assert_recorded(cloud: &Cloud, function: &Function, key: &str, reason: &str) {
    let row = known_row(cloud, key).await;
    assert_eq!((text(&row, "State"), text(&row, "Reason")), (Some("parked"), Some(reason)));
    let line = line_of(function, key);
    assert_eq!((&line["outcome"], &line["reason"]), (&"parked".into(), &reason.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_not_understood_is_parked() {
    let Some(cloud) = Cloud::required().await else { return };
    let function = worker(&cloud.worker_environment()).await;
    let no_text =
        json!({ "eventName": "ObjectCreated:Put", "s3": { "bucket": { "name": "b" }, "object": { "key": "%FF" } } });
    let no_text = json!({ "Records": [no_text] }).to_string();
    for body in ["{\"Records\"", "[]", "{\"Src_bucket\":\"a\"}", "{\"longhaul\":2}", no_text.as_str()] {
        cloud.jobs.send(body).await;
        let parked = assert_parked(&cloud, &function, &cloud.jobs, "malformed").await;
        assert!(!parked.words.is_empty());
    }
    assert_eq!(cloud.table.rows().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_may_not_be_read_is_parked() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.own.store().set_access(OWN_BUCKET, "GetObject", Access::Denied);
    let function = worker(&cloud.worker_environment()).await;
    put_and_tell(&cloud, "secret", "content").await;
    let parked = assert_parked(&cloud, &function, &cloud.events, "access-denied").await;
    assert!(parked.words.contains("GetObject") && parked.words.contains(OWN_BUCKET), "{}", parked.words);
    assert_recorded(&cloud, &function, "secret", "access-denied").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_may_not_be_written_is_parked() {
    let Some(cloud) = Cloud::required().await else { return };
    for operation in ["PutObject", "CreateMultipartUpload"] {
        cloud.other.store().set_access(OTHER_BUCKET, operation, Access::Denied);
    }
    let function = worker(&cloud.worker_environment()).await;
    put_and_tell(&cloud, "small", "content").await;
    let parked = assert_parked(&cloud, &function, &cloud.events, "access-denied").await;
    assert!(parked.words.contains("PutObject") && parked.words.contains(OTHER_BUCKET), "{}", parked.words);
    assert_recorded(&cloud, &function, "small", "access-denied").await;

    cloud.own.store().put_synthetic(OWN_BUCKET, "large", 7, 20 * MIB);
    tell(&cloud, "large").await;
    assert_parked(&cloud, &function, &cloud.events, "access-denied").await;
    assert_recorded(&cloud, &function, "large", "access-denied").await;
    assert_eq!(cloud.other.store().keys(OTHER_BUCKET).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_key_service_refuses_is_parked() {
    let Some(cloud) = Cloud::required().await else { return };
    let function = worker(&cloud.worker_environment()).await;
    for code in ["KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException"] {
        let rule = FaultRule::new(refusal(400, code, "The key cannot be used."));
        cloud.other.faults().add(rule.on("PutObject").of_key(code));
        put_and_tell(&cloud, code, "content").await;
        let parked = assert_parked(&cloud, &function, &cloud.events, "access-denied").await;
        assert!(parked.words.contains(code), "{}", parked.words);
        assert_recorded(&cloud, &function, code, "access-denied").await;
    }
    let words = "User: worker is not authorized to perform: kms:Decrypt on this resource";
    cloud.own.faults().add(FaultRule::new(refusal(403, "AccessDenied", words)).on("GetObject").of_key("encrypted"));
    put_and_tell(&cloud, "encrypted", "content").await;
    let parked = assert_parked(&cloud, &function, &cloud.events, "access-denied").await;
    assert!(parked.words.contains("kms:Decrypt"), "{}", parked.words);
    assert_recorded(&cloud, &function, "encrypted", "access-denied").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_object_is_parked_and_leaves_no_upload_behind() {
    let Some(cloud) = Cloud::required().await else { return };
    let function = worker(&cloud.worker_environment()).await;
    for (key, size) in [("small", 7), ("large", 20 * MIB)] {
        let archived = PutOptions { storage_class: Some("GLACIER".to_owned()), ..PutOptions::default() };
        let content = vec![b'x'; usize::try_from(size).expect("a size that fits into memory")];
        cloud.own.store().put(OWN_BUCKET, key, content, archived);
        tell(&cloud, key).await;
        assert_parked(&cloud, &function, &cloud.events, "archived").await;
        assert_recorded(&cloud, &function, key, "archived").await;
    }
    assert_no_uploads(&cloud);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_too_long_with_its_prefix_is_parked() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.parameters.set_routes(&json!([route(OWN_BUCKET, "", OTHER_BUCKET, "p")])).await;
    let function = worker(&cloud.worker_environment()).await;
    put_and_tell(&cloud, &"k".repeat(1022), "content").await;
    assert_acknowledged(&function, &cloud.events).await;
    put_and_tell(&cloud, &"k".repeat(1023), "content").await;
    let parked = assert_parked(&cloud, &function, &cloud.events, "invalid-key").await;
    assert!(parked.words.contains("1024") && parked.words.contains("1025"), "{}", parked.words);
    assert_eq!(cloud.table.rows().await.len(), 1, "the table has no place for such a key either");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_destination_calls_too_long_is_parked() {
    let Some(cloud) = Cloud::required().await else { return };
    let too_long = refusal(400, "KeyTooLongError", "Your key is too long");
    cloud.other.faults().add(FaultRule::new(too_long).on("PutObject"));
    let function = worker(&cloud.worker_environment()).await;
    put_and_tell(&cloud, "long", "content").await;
    assert_parked(&cloud, &function, &cloud.events, "invalid-key").await;
    assert_recorded(&cloud, &function, "long", "invalid-key").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_no_route_has_is_parked() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.parameters.set_routes(&json!([route("another", "", OTHER_BUCKET, "")])).await;
    let function = worker(&cloud.worker_environment().without("Des_bucket_default")).await;
    put_and_tell(&cloud, "a", "content").await;
    let parked = assert_parked(&cloud, &function, &cloud.events, "no-route").await;
    assert!(parked.words.contains("Des_bucket_default"), "{}", parked.words);
    assert_eq!(cloud.table.rows().await.len(), 0);
}

/// Two folders whose objects have the same places.
async fn two_folders_become_one(cloud: &Cloud) {
    let folder = |name: &str| {
        let mut route = route(OWN_BUCKET, name, OTHER_BUCKET, "");
        route["strip_src_prefix"] = true.into();
        route
    };
    cloud.parameters.set_routes(&json!([folder("one"), folder("two")])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_no_route_has_is_parked_and_neither_store_is_asked() {
    let Some(cloud) = Cloud::required().await else { return };
    put(&cloud, "a", "secret");
    let function = worker(&cloud.worker_environment()).await;
    cloud.jobs.send(job("a", "stolen", 6)).await;
    let parked = assert_parked(&cloud, &function, &cloud.jobs, "no-route").await;
    assert!(parked.words.contains("own-bucket/a") && parked.words.contains("other-bucket/stolen"), "{}", parked.words);
    assert_eq!(parked.body, job("a", "stolen", 6));
    assert_eq!((cloud.own.requests().len(), cloud.other.requests().len()), (0, 0));
    assert_eq!(cloud.table.rows().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_was_just_added_holds_for_the_jobs_that_come_of_it() {
    let Some(cloud) = Cloud::required().await else { return };
    let elsewhere = route("elsewhere", "", OTHER_BUCKET, "");
    cloud.parameters.set_routes(&json!([elsewhere])).await;
    let function = worker(&cloud.worker_environment().without("Des_bucket_default")).await;
    put(&cloud, "a", "content");
    cloud.jobs.send(job("a", "a", 7)).await;
    assert_parked(&cloud, &function, &cloud.jobs, "no-route").await;
    // The worker believes its routes for minutes; what has no place by them makes it ask sooner.
    cloud.parameters.set_routes(&json!([elsewhere, route(OWN_BUCKET, "", OTHER_BUCKET, "")])).await;
    let arrived = async || {
        cloud.jobs.send(job("a", "a", 7)).await;
        assert_acknowledged(&function, &cloud.jobs).await;
        copy(&cloud, "a")
    };
    assert_eq!(until("the new route holds", arrived).await, "content");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sources_that_one_scan_sends_to_one_place_the_second_is_parked() {
    let Some(cloud) = Cloud::required().await else { return };
    let function = worker(&cloud.worker_environment()).await;
    two_folders_become_one(&cloud).await;
    // The scan found nothing at the place, and no record, for either of them.
    let sent = |key: &str, size: usize| {
        json!({"longhaul": 1, "src_bucket": OWN_BUCKET, "des_bucket": OTHER_BUCKET, "jobs": [
            {"src_key": key, "des_key": "place", "size": size, "des_etag": null, "why": "absent"}]})
    };
    for (key, content) in [("one/place", "the first to come"), ("two/place", "the second to come")] {
        put(&cloud, key, content);
    }
    cloud.jobs.send(sent("one/place", 17).to_string()).await;
    assert_acknowledged(&function, &cloud.jobs).await;
    cloud.jobs.send(sent("two/place", 18).to_string()).await;
    assert_parked(&cloud, &function, &cloud.jobs, "collision").await;
    assert_eq!(copy(&cloud, "place").as_deref(), Some("the first to come"));
    let row = known_row(&cloud, "place").await;
    assert_eq!((text(&row, "State"), text(&row, "srcKey")), (Some("done"), Some("one/place")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_whose_place_belongs_to_another_source_is_parked() {
    let Some(cloud) = Cloud::required().await else { return };
    let function = worker(&cloud.worker_environment()).await;
    two_folders_become_one(&cloud).await;
    put(&cloud, "one/place", "the first to come");
    put(&cloud, "two/place", "another one");
    cloud.jobs.send(job("one/place", "place", 17)).await;
    assert_acknowledged(&function, &cloud.jobs).await;
    cloud.jobs.send(job("two/place", "place", 11)).await;
    let parked = assert_parked(&cloud, &function, &cloud.jobs, "collision").await;
    assert!(parked.words.contains("\"one/place\""), "{}", parked.words);
    assert_eq!(copy(&cloud, "place").as_deref(), Some("the first to come"));
    let row = known_row(&cloud, "place").await;
    assert_eq!((text(&row, "State"), text(&row, "srcKey")), (Some("done"), Some("one/place")));
}
