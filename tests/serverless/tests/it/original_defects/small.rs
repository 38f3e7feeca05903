//! Defect 7: "A retried small upload stores an empty object. A failed download part is renamed into place."

use serverless::Cloud;
use test_s3::{FaultKind, FaultRule};

use crate::{
    original_defects::lab::cloud,
    scene::{
        LARGE, assert_acknowledged, assert_arrived, assert_whole, copy, in_parts, put_and_tell, put_large_and_tell,
        slow_down, worker,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn defect_07_a_retried_small_upload_stores_all_of_its_bytes() {
    let Some(cloud) = Cloud::required().await else { return };
    let worker = worker(&cloud.worker_environment()).await;
    let slow_down = slow_down();
    for kind in [FaultKind::Status500, slow_down, FaultKind::DropBefore, FaultKind::LostReply, FaultKind::CorruptUpload]
    {
        let key = kind.name();
        let struck = cloud.other.faults().add(FaultRule::new(kind).on("PutObject").of_key(key).times(1));
        put_and_tell(&cloud, key, "not nothing").await;
        assert_acknowledged(&worker, &cloud.events).await;
        assert_eq!((copy(&cloud, key).as_deref(), struck.count()), (Some("not nothing"), 1), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_07_a_part_that_was_not_read_to_its_end_is_no_part() {
    let Some(cloud) = cloud().await else { return };
    let worker = worker(&in_parts(&cloud)).await;
    for kind in [FaultKind::TruncateBody { missing: 1000 }, FaultKind::DropBody { after: 1000 }] {
        let (small, large) = (format!("small-{}", kind.name()), format!("large-{}", kind.name()));
        let strike =
            |key: &str| cloud.own.faults().add(FaultRule::new(kind.clone()).on("GetObject").of_key(key).times(1));
        let struck = [strike(&small), strike(&large)];
        put_and_tell(&cloud, &small, &"content ".repeat(1000)).await;
        assert_acknowledged(&worker, &cloud.events).await;
        put_large_and_tell(&cloud, &large, 1, LARGE).await;
        assert_acknowledged(&worker, &cloud.events).await;
        assert_whole(&cloud, &small);
        assert_arrived(&cloud, &large);
        assert_eq!(struck.map(|struck| struck.count()), [1, 1], "{kind:?}");
    }
}
