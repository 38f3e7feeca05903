//! The template itself, deployed in an emulator with the real Lambdas: one run from the first object to the metrics.
//!
//! Everything goes through the stack's own triggers: notifications, mappings, and the schedule.

mod counted;
mod place;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_sqs::types::Message;
use bytes::Bytes;
use emulator::required;
use serde_json::{Value, json};
use serverless::{Row, S3Record, found_within, notification, until};
use test_s3::{FaultKind, FaultRule};

use crate::deployed::place::{
    DENIED, DENIED_BYTES, IGNORED, MIRROR, NEW, Place, STACK, Sample, all_objects, new_objects, old_objects,
};

/// A rate of one minute begins a minute after the deployment; a run that finds jobs waiting leaves it to the next one.
const SCHEDULE: Duration = Duration::from_secs(150);
/// No message that any version of anything ever sent.
const MALFORMED: &str = "this is no job";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_deployed_triggers_tell_of_is_copied_recorded_parked_and_counted() {
    let Some(emulator) = required().await else { return };
    let place = Place::deploy(emulator).await;
    assert_new_objects_arrive_by_notification(&place).await;
    assert_what_cannot_succeed_is_parked(&place).await;
    assert_duplicates_change_nothing(&place).await;
    assert_old_objects_arrive_by_the_schedule(&place).await;
    assert_nothing_else_is_copied(&place).await;
    assert_table_holds_versions(&place).await;
    counted::assert_metrics_of_this_run(&place).await;
}

async fn assert_new_objects_arrive_by_notification(place: &Place) {
    for (bucket, key) in IGNORED {
        if bucket == NEW {
            place.put(bucket, key, Bytes::from_static(b"to be ignored")).await;
        }
    }
    let objects = new_objects();
    for Sample { bucket, key, bytes, .. } in &objects {
        place.put(bucket, key, bytes.clone()).await;
    }
    for object in &objects {
        let copy = until(&format!("{:?} arrives", object.copy), async || place.copy_of(object)).await;
        assert!(copy == object.bytes, "{:?} arrives with other bytes", object.copy);
    }
    place.assert_idle().await;
    println!("{} new objects arrived {:.1?} after the deployment", objects.len(), place.deployed.elapsed());
}

async fn assert_what_cannot_succeed_is_parked(place: &Place) {
    let copy = format!("new/{DENIED}");
    let refusal = FaultKind::ErrorCode {
        status: 403,
        code: "AccessDenied".to_owned(),
        message: "a policy of the other account says no".to_owned(),
    };
    place.other.faults().add(FaultRule::new(refusal).on("PutObject").in_bucket(MIRROR).of_key(&copy));
    place.put(NEW, DENIED, Bytes::from_static(DENIED_BYTES)).await;
    place.jobs.send(MALFORMED).await;
    let parked = parked(place, 2).await;
    assert_eq!(parked.keys().collect::<Vec<_>>(), ["access-denied", "malformed"]);
    let malformed = &parked["malformed"];
    assert_eq!((malformed.body(), attribute(malformed, "queue")), (Some(MALFORMED), format!("{STACK}-jobs")));
    assert!(attribute(malformed, "message").contains("JSON"), "{malformed:?}");
    let denied = &parked["access-denied"];
    assert_eq!(attribute(denied, "queue"), format!("{STACK}-events"));
    let body: Value = serde_json::from_str(denied.body().unwrap_or_default()).expect("the event as S3 sent it");
    assert_eq!(body["Records"][0]["s3"]["object"]["key"], DENIED);
    let row = place.table.row(&place.row_key(&copy)).await.expect("what is parked is recorded");
    let text = |name| text(&row, name);
    assert_eq!((text("State").as_deref(), text("Reason").as_deref()), (Some("parked"), Some("access-denied")));
    place.assert_idle().await;
}

/// Waits for so many parked messages, and gives them by their reasons. They stay in the queue, hidden for a while.
async fn parked(place: &Place, count: usize) -> BTreeMap<String, Message> {
    let mut parked = BTreeMap::new();
    until("the messages are parked", async || {
        let messages = place.parked.receive(10).await;
        parked.extend(messages.into_iter().map(|message| (attribute(&message, "reason"), message)));
        (parked.len() >= count).then_some(())
    })
    .await;
    parked
}

fn attribute(message: &Message, name: &str) -> String {
    let value = message.message_attributes().and_then(|attributes| attributes.get(name)?.string_value());
    value.unwrap_or_else(|| panic!("a parked message tells no {name}: {message:?}")).to_owned()
}

fn text(row: &Row, name: &str) -> Option<String> {
    row.get(name).map(|value| value.as_s().expect("an attribute for people is a text").clone())
}

/// The writes of copies of new objects. The schedule may be bringing old ones meanwhile.
fn writes_of_new_objects(place: &Place) -> usize {
    let is_new = |key: &str| key.starts_with("new/");
    counted::writes(&place.other).iter().filter(|write| write.key.as_deref().is_some_and(is_new)).count()
}

/// A small object and one in parts, each told of twice more, all at once.
async fn assert_duplicates_change_nothing(place: &Place) {
    let writes = writes_of_new_objects(place);
    for object in new_objects() {
        if !["small.txt", "multipart.bin"].contains(&object.key) {
            continue;
        }
        let version = place.clients.s3.head_object().bucket(NEW).key(object.key).send().await.expect("it is there");
        let record = S3Record::created(NEW, object.key, object.bytes.len() as u64)
            .etag(version.e_tag().expect("an object has an ETag").trim_matches('"'))
            .version(version.version_id().expect("the bucket keeps versions"));
        let again = notification(&[record]);
        place.events.send(again.as_str()).await;
        place.events.send(again.as_str()).await;
    }
    place.assert_idle().await;
    assert_eq!(writes_of_new_objects(place), writes, "a duplicate was sent across once more");
    for object in new_objects() {
        let versions = place.other.store().versions(MIRROR, &object.copy);
        assert_eq!(versions.len(), 1, "{:?} was written more than once", object.copy);
    }
}

async fn assert_old_objects_arrive_by_the_schedule(place: &Place) {
    for object in old_objects() {
        let copy = found_within(SCHEDULE, async || place.copy_of(&object)).await;
        let copy = copy.unwrap_or_else(|| panic!("{:?} did not arrive within {SCHEDULE:?}", object.copy));
        assert!(copy == object.bytes, "{:?} arrives with other bytes", object.copy);
    }
    place.assert_idle().await;
    println!("the schedule brought the old objects {:.1?} after the deployment", place.deployed.elapsed());
}

/// The ignore list holds for events and for the jobsender, nothing unfinished is left behind, and what has arrived is
/// not sent again.
async fn assert_nothing_else_is_copied(place: &Place) {
    let expected: BTreeSet<String> = all_objects().into_iter().map(|object| object.copy).collect();
    let there: BTreeSet<String> = place.other.store().keys(MIRROR).into_iter().collect();
    assert_eq!(there, expected);
    let unfinished = place.other.store().uploads(MIRROR);
    assert!(unfinished.is_empty(), "uploads are left behind: {unfinished:?}");
    let depth = place.parked.depth().await;
    assert_eq!(depth.visible + depth.in_flight, 2, "something else was parked");
    let jobsender = place.stack.output("JobsenderFunctionName");
    let report = place.stack.invoke(jobsender, &json!({ "dry_run": true })).await.response();
    let counts = ["sent", "same"].map(|name| report["routes"][0][name].clone());
    assert_eq!(counts, [json!(0), json!(old_objects().len())], "{report}");
    assert_eq!(report["skipped"], json!({ "ignored": 1 }), "{report}");
}

async fn assert_table_holds_versions(place: &Place) {
    for object in all_objects() {
        let row = place.table.row(&place.row_key(&object.copy)).await;
        let row = row.unwrap_or_else(|| panic!("{:?} has no row", object.copy));
        let head = place.clients.s3.head_object().bucket(object.bucket).key(object.key).send().await;
        let version = head.expect("it is there").version_id;
        assert_eq!(version.is_some(), object.bucket == NEW, "only the new bucket keeps versions");
        assert_eq!(text(&row, "versionId"), version, "{row:?}");
        let names = ["State", "srcBucket", "srcKey", "desBucket", "desKey"].map(|name| text(&row, name));
        let expected = ["done", object.bucket, object.key, MIRROR, object.copy.as_str()];
        assert_eq!(names, expected.map(|value| Some(value.to_owned())));
    }
    let rows = place.table.rows().await.into_iter().filter_map(|row| text(&row, "Key"));
    let rows: BTreeSet<String> = rows.filter(|key| !key.starts_with("scan#")).collect();
    let copies = all_objects().into_iter().map(|object| object.copy).chain([format!("new/{DENIED}")]);
    let expected: BTreeSet<String> = copies.map(|copy| place.row_key(&copy)).collect();
    assert_eq!(rows, expected);
}
