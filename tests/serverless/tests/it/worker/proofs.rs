//! What a stack says of copies to a store that computes no checksum.

use serverless::{Cloud, OTHER_BUCKET, OWN_BUCKET, Setup, work_off};
use test_s3::{Dialect, FaultKind, FaultRule, Options, Tags};

use crate::scene::{
    PART, PLENTY, assert_acknowledged, assert_arrived, copy, job, line_of, put_and_tell, set_credential, worker,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_on_the_way_to_a_store_without_checksums_is_sent_again_by_a_stack_too() {
    let other = Options { dialect: Dialect::Plain, tags: Tags::UpperCase, ..Options::default() };
    let Some(cloud) = Cloud::required_as(Setup { other, ..Setup::default() }).await else { return };
    set_credential(&cloud, "provider", "other").await;
    let damage = |operation: &str| {
        let rule = FaultRule::new(FaultKind::CorruptUpload).on(operation).in_bucket(OTHER_BUCKET).times(1);
        cloud.other.faults().add(rule)
    };
    let struck = [damage("PutObject"), damage("UploadPart")];
    let environment = cloud.worker_environment().with("ChunkSize", PART.to_string());
    let function = worker(&environment.with("SegmentSize", (2 * PART).to_string())).await;

    put_and_tell(&cloud, "small", "some bytes").await;
    assert_acknowledged(&function, &cloud.events).await;
    assert_eq!(copy(&cloud, "small").as_deref(), Some("some bytes"));
    assert_eq!(line_of(&function, "small")["proof"], "part-md5");

    cloud.own.store().put_synthetic(OWN_BUCKET, "giant", 7, 6 * PART);
    cloud.jobs.send(job("giant", "giant", 6 * PART)).await;
    assert_acknowledged(&function, &cloud.jobs).await;
    work_off(&function, &cloud.segments, PLENTY).await;
    assert_arrived(&cloud, "giant");
    assert_eq!(line_of(&function, "giant")["proof"], "part-md5");
    assert_eq!(struck.map(|counter| counter.count()), [1, 1]);
}
