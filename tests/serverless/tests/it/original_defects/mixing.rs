//! Defect 1: "A source replaced by one of the same size between two legs gives a half-old, half-new object and success. A
//! changed part size does the same."

use serverless::{OTHER_BUCKET, OWN_BUCKET, within};
use test_s3::When;

use crate::{
    original_defects::lab::{cloud, end_leg_after_one_part},
    scene::{
        LARGE, MIB, assert_acknowledged, assert_arrived, assert_given_back, impatient, in_parts, line_of,
        put_large_and_tell, worker,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn defect_01_a_source_replaced_by_one_of_the_same_size_between_two_legs_is_never_mixed() {
    let Some(cloud) = cloud().await else { return };
    put_large_and_tell(&cloud, "large", 1, LARGE).await;
    // Its legs end long before an invocation would be killed, however slow the machine is.
    let worker = worker(&in_parts(&cloud).with("JobTimeout", "4")).await;
    // The second part does not arrive before the leg's end.
    let hold = cloud.other.hold_after("UploadPart", When::BeforeEffect, 1);
    let leg = assert_given_back(&worker, &cloud.events);
    let (_, ()) = tokio::join!(leg, within("the second part is on its way", hold.reached()));
    assert!(cloud.other.store().get(OTHER_BUCKET, "large").is_none(), "half an object is visible");
    assert!(cloud.own.store().overwrite(OWN_BUCKET, "large"));
    assert_acknowledged(&worker, &cloud.events).await;
    hold.release();
    assert_arrived(&cloud, "large");
    let line = line_of(&worker, "large");
    assert_eq!((&line["outcome"], &line["parts_resumed"]), (&"copied".into(), &0.into()), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_01_a_part_size_changed_between_two_legs_mixes_nothing_and_wastes_nothing() {
    let Some(cloud) = cloud().await else { return };
    // Four parts of 5 MiB; of 8 MiB there would be three.
    put_large_and_tell(&cloud, "large", 1, 18 * MIB).await;
    end_leg_after_one_part(&cloud, "large");
    let first = worker(&impatient(&cloud)).await;
    assert_given_back(&first, &cloud.events).await;
    let second = worker(&in_parts(&cloud).with("ChunkSize", (8 * MIB).to_string())).await;
    assert_acknowledged(&second, &cloud.events).await;
    assert_arrived(&cloud, "large");
    let line = line_of(&second, "large");
    assert_eq!((&line["parts"], &line["parts_resumed"]), (&4.into(), &1.into()), "{line}");
}
