//! Defect 5: "Of an event with several records only the last is copied. A delete event crashes 60 times."

use serverless::{Cloud, OWN_BUCKET, S3Record, notification};

use crate::scene::{EMPTY, assert_acknowledged, copy, put, put_and_tell, worker};

#[tokio::test(flavor = "multi_thread")]
async fn defect_05_all_records_of_an_event_are_copied() {
    let Some(cloud) = Cloud::required().await else { return };
    let keys = ["first", "in the middle+", "last"];
    for key in keys {
        put(&cloud, key, key);
    }
    let records = keys.map(|key| S3Record::created(OWN_BUCKET, key, key.len() as u64));
    cloud.events.send(notification(&records)).await;
    assert_acknowledged(&worker(&cloud.worker_environment()).await, &cloud.events).await;
    assert_eq!(keys.map(|key| copy(&cloud, key)), keys.map(|key| Some(key.to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_05_a_delete_event_is_read_once_and_deletes_nothing_by_default() {
    let Some(cloud) = Cloud::required().await else { return };
    let worker = worker(&cloud.worker_environment()).await;
    put_and_tell(&cloud, "a", "content").await;
    assert_acknowledged(&worker, &cloud.events).await;
    cloud.own.store().remove(OWN_BUCKET, "a");
    let marker = S3Record::removed(OWN_BUCKET, "a").named("ObjectRemoved:DeleteMarkerCreated");
    for record in [S3Record::removed(OWN_BUCKET, "a"), marker, S3Record::removed(OWN_BUCKET, "never seen")] {
        cloud.events.send(notification(&[record])).await;
        assert_acknowledged(&worker, &cloud.events).await;
    }
    assert_eq!(copy(&cloud, "a").as_deref(), Some("content"));
    assert_eq!(cloud.parked.depth().await, EMPTY);
    let troubled = |line: &serde_json::Value| line["level"] == "ERROR" || line["level"] == "WARN";
    assert!(!worker.logs().iter().any(troubled), "{}", worker.output());
    assert_eq!(worker.plain_lines(), [""; 0]);
}
