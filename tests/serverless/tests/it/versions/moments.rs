//! Objects that are replaced at an awkward moment.

use serverless::{Cloud, Function, OTHER_BUCKET, OWN_BUCKET, Program, S3Record, Setup, notification, within, work_off};
use test_s3::{PutOptions, Versioning, When};

use crate::{
    scene::{LARGE, PLENTY, assert_acknowledged, copy, in_parts, put_large_and_tell, run, worker},
    versions::lab::version_in_table,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_older_version_brings_the_newest() {
    let Some(cloud) = Cloud::required().await else { return };
    let store = cloud.own.store();
    store.create_bucket(OWN_BUCKET, Versioning::Enabled);
    let old = store.put(OWN_BUCKET, "a", "old", PutOptions::default());
    let new = store.put(OWN_BUCKET, "a", "newer", PutOptions::default());
    let environment = cloud.worker_environment().with("GetObjectWithVersionId", "True");
    let worker = worker(&environment).await;
    // The older event comes twice, and the newer one between.
    for object in [&old, &new, &old] {
        let record = S3Record::created(OWN_BUCKET, "a", object.size()).etag(&object.etag).version(&object.version_id);
        cloud.events.send(notification(&[record])).await;
        assert_acknowledged(&worker, &cloud.events).await;
        assert_eq!(copy(&cloud, "a").as_deref(), Some("newer"));
    }
    assert_eq!(version_in_table(&cloud, "a").await.as_deref(), Some(new.version_id.as_str()));
}

/// A large object is replaced after its first part has arrived, in the middle of a leg; then both sides are compared.
async fn assert_newest_follows(by_version: &str) {
    let Some(cloud) = Cloud::required_as(Setup::cheap()).await else { return };
    let (own, other) = (cloud.own.store(), cloud.other.store());
    own.create_bucket(OWN_BUCKET, Versioning::Enabled);
    let worker = worker(&in_parts(&cloud).with("GetObjectWithVersionId", by_version)).await;
    put_large_and_tell(&cloud, "large", 1, LARGE).await;
    let old = own.sha256(OWN_BUCKET, "large");
    let hold = cloud.other.hold("UploadPart", When::AfterEffect);
    let replace = async {
        within("a part has arrived", hold.reached()).await;
        own.overwrite(OWN_BUCKET, "large");
        hold.release();
    };
    tokio::join!(assert_acknowledged(&worker, &cloud.events), replace);
    // By version the old one can still be read to its end; otherwise the copy begins anew.
    let expected = if by_version == "True" { old } else { own.sha256(OWN_BUCKET, "large") };
    assert_eq!(other.sha256(OTHER_BUCKET, "large"), expected, "neither the one nor the other version");

    let environment = cloud.jobsender_environment().with("JobsenderCompareVersionId", "True");
    let jobsender = Function::start(Program::Jobsender, &environment).await;
    let report = run(&jobsender).await;
    assert_eq!(report["sent"], if by_version == "True" { 1 } else { 0 }, "{report}");
    work_off(&worker, &cloud.jobs, PLENTY).await;
    assert_eq!(other.sha256(OTHER_BUCKET, "large"), own.sha256(OWN_BUCKET, "large"), "not the newest");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_replaced_while_it_is_read_by_its_id_arrives_whole_and_the_newest_follows() {
    assert_newest_follows("True").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_replaced_while_it_is_read_begins_anew() {
    assert_newest_follows("False").await;
}
