//! Defect 13: "Resuming looks uploads up by name only; in its successors even by prefix, so `a` can resume `a.bak`."
//!
//! Defect 14: "Waits for the visibility time-out (15 minutes) before the next leg."

use serverless::{Cloud, Depth, OTHER_BUCKET, OWN_BUCKET, within};
use test_s3::When;

use crate::{
    original_defects::lab::{cloud, end_leg_after_one_part},
    scene::{
        LARGE, assert_acknowledged, assert_given_back, assert_no_uploads, assert_whole, impatient, in_parts, job,
        line_of, put_large_and_tell, row_key, worker,
    },
};

/// How many parts each unfinished upload has, by key.
fn unfinished(cloud: &Cloud) -> Vec<(String, usize)> {
    let uploads = cloud.other.store().uploads(OTHER_BUCKET);
    uploads.into_iter().map(|(key, _, parts)| (key, parts)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_13_the_upload_of_a_longer_key_is_not_resumed() {
    let Some(cloud) = cloud().await else { return };
    let worker = worker(&impatient(&cloud)).await;
    put_large_and_tell(&cloud, "a.bak", 1, LARGE).await;
    end_leg_after_one_part(&cloud, "a.bak");
    assert_given_back(&worker, &cloud.events).await;
    // A job of the original, for an object of the same size and other bytes.
    cloud.own.store().put_synthetic_with_crc(OWN_BUCKET, "a", 2, LARGE);
    cloud.jobs.send(job("a", "a", LARGE)).await;
    assert_acknowledged(&worker, &cloud.jobs).await;
    assert_whole(&cloud, "a");
    assert_eq!(line_of(&worker, "a")["parts_resumed"], 0);
    assert_eq!(unfinished(&cloud), [("a.bak".to_owned(), 1)], "the other upload was touched");
    assert_acknowledged(&worker, &cloud.events).await;
    assert_whole(&cloud, "a.bak");
    assert_eq!(line_of(&worker, "a.bak")["parts_resumed"], 1);
    assert_no_uploads(&cloud);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_13_an_upload_that_nobody_remembers_is_resumed_by_content_and_not_by_name() {
    let Some(cloud) = cloud().await else { return };
    let worker = worker(&impatient(&cloud)).await;
    for (key, resumed) in [("unchanged", 1), ("changed", 0)] {
        put_large_and_tell(&cloud, key, 1, LARGE).await;
        end_leg_after_one_part(&cloud, key);
        assert_given_back(&worker, &cloud.events).await;
        cloud.table.remove(&row_key(&cloud, key)).await;
        if key == "changed" {
            assert!(cloud.own.store().overwrite(OWN_BUCKET, key));
        }
        assert_acknowledged(&worker, &cloud.events).await;
        assert_whole(&cloud, key);
        assert_eq!(line_of(&worker, key)["parts_resumed"], resumed, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_14_the_next_leg_does_not_wait_for_the_visibility_time_out() {
    let Some(cloud) = cloud().await else { return };
    // Its legs end long before an invocation would be killed, however slow the machine is.
    let worker = worker(&in_parts(&cloud).with("JobTimeout", "4")).await;
    put_large_and_tell(&cloud, "large", 1, LARGE).await;
    let hold = cloud.other.hold_after("UploadPart", When::BeforeEffect, 1);
    let leg = assert_given_back(&worker, &cloud.events);
    let (_, ()) = tokio::join!(leg, within("the second part is on its way", hold.reached()));
    // The queue itself would hide the message for seventeen minutes.
    assert_eq!(cloud.events.depth().await, Depth { visible: 1, in_flight: 0 });
    assert_eq!(line_of(&worker, "large")["outcome"], "interrupted");
    assert_acknowledged(&worker, &cloud.events).await;
    // Not before: what the broken-off request had sent could have become a part.
    hold.release();
    assert_whole(&cloud, "large");
    let line = line_of(&worker, "large");
    assert_eq!((&line["parts_resumed"], &line["parts_copied"]), (&1.into(), &1.into()), "{line}");
}
