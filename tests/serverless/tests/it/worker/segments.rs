//! A giant over several Lambdas: one process cuts it up, others fill its segments, and any of them may die.

use std::time::Duration;

use serverless::{Answer, Cloud, Depth, Environment, OTHER_BUCKET, OWN_BUCKET, deliver, within, work_off};
use test_s3::When;

use crate::scene::{
    EMPTY, PART, PLENTY, assert_acknowledged, assert_arrived, assert_no_accepted_part_is_sent_again, begin, come_again,
    job, known_row, line_of, receive, state, text, worker,
};

const KEY: &str = "giant.bin";
const PARTS: u64 = 12;
/// Two parts each.
const SEGMENTS: usize = 6;

fn environment(cloud: &Cloud) -> Environment {
    let environment = cloud.worker_environment().with("ChunkSize", PART.to_string());
    environment.with("SegmentSize", (2 * PART).to_string()).with("MaxThread", "1")
}

/// The giant's job, handled by one process that ends behind it.
async fn cut_up(cloud: &Cloud) {
    cloud.own.store().put_synthetic_with_crc(OWN_BUCKET, KEY, 7, PARTS * PART);
    cloud.jobs.send(job(KEY, KEY, PARTS * PART)).await;
    let first = worker(&environment(cloud)).await;
    assert_acknowledged(&first, &cloud.jobs).await;
    assert_eq!(line_of(&first, KEY)["reason"], "cut-into-segments");
    assert_eq!(cloud.segments.depth().await, Depth { visible: SEGMENTS, in_flight: 0 });
    assert_eq!(cloud.other.count("UploadPart"), 0, "the first one only plans");
}

async fn assert_giant_arrived(cloud: &Cloud) {
    assert_arrived(cloud, KEY);
    assert_eq!(state(cloud, KEY).await.as_deref(), Some("done"));
    assert_eq!(cloud.segments.depth().await, EMPTY);
    assert_eq!(cloud.parked.drain().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_giant_is_cut_up_by_one_process_and_filled_and_completed_by_others() {
    let Some(cloud) = Cloud::required().await else { return };
    cut_up(&cloud).await;
    let (one, two) = (worker(&environment(&cloud)).await, worker(&environment(&cloud)).await);
    for function in [&one, &two, &one, &two, &one] {
        deliver(function, &cloud.segments, 1, PLENTY).await.expect("a segment waits");
        assert_eq!(line_of(function, KEY)["reason"], "segment-done");
    }
    deliver(&two, &cloud.segments, 1, PLENTY).await.expect("the last segment waits");
    let line = line_of(&two, KEY);
    assert_eq!((&line["outcome"], &line["proof"]), (&"copied".into(), &"full-crc".into()));
    assert_no_accepted_part_is_sent_again(&cloud, PARTS);
    assert_eq!(cloud.other.count("CreateMultipartUpload"), 1);
    assert_giant_arrived(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_in_a_segment_holds_up_no_other_and_loses_no_part() {
    let Some(cloud) = Cloud::required().await else { return };
    cut_up(&cloud).await;
    let lost = cloud.other.hold_after("UploadPart", When::BeforeEffect, 1);
    let message = receive(&cloud.segments).await;
    let dying = worker(&environment(&cloud)).await;
    let call = begin(&dying, &cloud.segments, &message, Duration::from_secs(6));
    within("its second part is stopped", lost.reached()).await;
    dying.kill().await;
    assert_eq!(call.answer().await, Answer::Exited);

    let next = worker(&environment(&cloud)).await;
    for _ in 1..SEGMENTS {
        deliver(&next, &cloud.segments, 1, PLENTY).await.expect("the other segments wait");
        assert_eq!(line_of(&next, KEY)["reason"], "segment-done");
    }
    come_again(&cloud, &cloud.segments, &message).await;
    // Its first delivery may still meet the lease of the dead, and waits for its end.
    work_off(&next, &cloud.segments, PLENTY).await;
    let line = line_of(&next, KEY);
    assert_eq!((&line["outcome"], &line["proof"]), (&"copied".into(), &"full-crc".into()));
    assert_no_accepted_part_is_sent_again(&cloud, PARTS);
    assert_giant_arrived(&cloud).await;
    drop(lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_giant_whose_source_changes_or_whose_upload_is_aborted_begins_again_cleanly() {
    let Some(cloud) = Cloud::required().await else { return };
    cut_up(&cloud).await;
    let function = worker(&environment(&cloud)).await;
    deliver(&function, &cloud.segments, 1, PLENTY).await.expect("a segment waits");
    cloud.own.store().put_synthetic_with_crc(OWN_BUCKET, KEY, 8, PARTS * PART);
    work_off(&function, &cloud.segments, PLENTY).await;
    assert_eq!(cloud.jobs.depth().await, Depth { visible: 1, in_flight: 0 }, "one message begins it again");
    assert_acknowledged(&function, &cloud.jobs).await;
    deliver(&function, &cloud.segments, 1, PLENTY).await.expect("a segment of the second generation waits");
    cloud.other.store().abort_uploads(OTHER_BUCKET);
    work_off(&function, &cloud.segments, PLENTY).await;
    assert_acknowledged(&function, &cloud.jobs).await;
    work_off(&function, &cloud.segments, PLENTY).await;
    let row = known_row(&cloud, KEY).await;
    assert_eq!(text(&row, "State"), Some("done"));
    assert_giant_arrived(&cloud).await;
}
