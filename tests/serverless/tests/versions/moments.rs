//! Objects that are replaced at an awkward moment.

use serverless::{
    Cloud, Function, OTHER_BUCKET, OWN_BUCKET, Program, S3Record, Setup, deliver, notification, within, work_off,
};
use test_s3::{Options, PutOptions, Versioning, When};

use crate::lab::{DEADLINE, LARGE, MIB, version_in_table};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_older_version_brings_the_newest() {
    let Some(cloud) = Cloud::required("an_event_of_an_older_version_brings_the_newest").await else { return };
    let store = cloud.own.store();
    store.create_bucket(OWN_BUCKET, Versioning::Enabled);
    let old = store.put(OWN_BUCKET, "a", "old", PutOptions::default());
    let new = store.put(OWN_BUCKET, "a", "newer", PutOptions::default());
    let environment = cloud.worker_environment().with("GetObjectWithVersionId", "True");
    let worker = Function::start(Program::Worker, &environment).await;
    // The older event comes twice, and the newer one between.
    for object in [&old, &new, &old] {
        let record = S3Record::created(OWN_BUCKET, "a", object.size()).etag(&object.etag).version(&object.version_id);
        cloud.events.send(notification(&[record])).await;
        let delivery = deliver(&worker, &cloud.events, 1, DEADLINE).await.expect("the event is there");
        assert!(delivery.failed.is_empty(), "{delivery:?}");
        assert_eq!(cloud.other.store().read(OTHER_BUCKET, "a").as_deref(), Some(&b"newer"[..]));
    }
    assert_eq!(version_in_table(&cloud, "a").await.as_deref(), Some(new.version_id.as_str()));
}

/// A large object is replaced after its first part has arrived, in the middle of a leg; then both sides are compared.
async fn is_replaced_within_a_leg(test: &str, by_version: &str) {
    let options = Options { cheap_etags: true, ..Options::default() };
    let setup = Setup { own: options.clone(), other: options, ..Setup::default() };
    let Some(cloud) = Cloud::required_as(test, setup).await else { return };
    let (own, other) = (cloud.own.store(), cloud.other.store());
    own.create_bucket(OWN_BUCKET, Versioning::Enabled);
    own.put_synthetic_with_crc(OWN_BUCKET, "large", 1, LARGE);
    let environment = cloud.worker_environment().with("MaxThread", "1").with("MultipartThreshold", MIB.to_string());
    let environment = environment.with("ChunkSize", (5 * MIB).to_string()).with("GetObjectWithVersionId", by_version);
    let worker = Function::start(Program::Worker, &environment).await;
    cloud.events.send(notification(&[S3Record::created(OWN_BUCKET, "large", LARGE)])).await;
    let old = own.sha256(OWN_BUCKET, "large");
    let hold = cloud.other.hold("UploadPart", When::AfterEffect);
    let replace = async {
        within("a part has arrived", hold.reached()).await;
        own.overwrite(OWN_BUCKET, "large");
        hold.release();
    };
    let (delivery, ()) = tokio::join!(deliver(&worker, &cloud.events, 1, DEADLINE), replace);
    assert!(delivery.is_some_and(|delivery| delivery.failed.is_empty()));
    // By version the old one can still be read to its end; otherwise the copy begins anew.
    let expected = if by_version == "True" { old } else { own.sha256(OWN_BUCKET, "large") };
    assert_eq!(other.sha256(OTHER_BUCKET, "large"), expected, "neither the one nor the other version");

    let environment = cloud.jobsender_environment().with("JobsenderCompareVersionId", "True");
    let jobsender = Function::start(Program::Jobsender, &environment).await;
    let report = jobsender.invoke(&serde_json::json!({}), DEADLINE).await.response();
    assert_eq!(report["sent"], if by_version == "True" { 1 } else { 0 }, "{report}");
    work_off(&worker, &cloud.jobs, DEADLINE).await;
    assert_eq!(other.sha256(OTHER_BUCKET, "large"), own.sha256(OWN_BUCKET, "large"), "not the newest");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_replaced_while_it_is_read_by_its_id_arrives_whole_and_the_newest_follows() {
    let test = "a_version_that_is_replaced_while_it_is_read_by_its_id_arrives_whole_and_the_newest_follows";
    is_replaced_within_a_leg(test, "True").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_replaced_while_it_is_read_begins_anew() {
    is_replaced_within_a_leg("an_object_that_is_replaced_while_it_is_read_begins_anew", "False").await;
}
