//! How objects travel: large ones alone, small ones together, within bounds.

use serde_json::Value;
use serverless::{Cloud, Function, OWN_BUCKET, Program};

use crate::{
    jobsender::lab::{drained, places},
    scene::{MIB, jobsender, put, run},
};

/// SQS bills a message for each so many bytes.
const BILLED: usize = 64 * 1024;

/// How many objects each message has.
fn sizes(messages: &[Value]) -> Vec<usize> {
    let mut sizes: Vec<usize> = messages.iter().map(|message| message["jobs"].as_array().map_or(0, Vec::len)).collect();
    sizes.sort_unstable();
    sizes
}

#[tokio::test(flavor = "multi_thread")]
async fn large_objects_travel_alone_and_small_ones_by_the_hundred() {
    let Some(cloud) = Cloud::required().await else { return };
    for number in 0..250 {
        put(&cloud, &format!("small-{number:03}"), "ten bytes!");
    }
    for number in 0..2 {
        put(&cloud, &format!("large-{number}"), "eleven bytes");
    }
    let environment = cloud.jobsender_environment().with("MultipartThreshold", "10");
    let report = run(&Function::start(Program::Jobsender, &environment).await).await;
    assert_eq!((&report["sent"], &report["messages"]), (&252.into(), &5.into()), "{report}");
    let messages = drained(&cloud).await;
    assert_eq!(sizes(&messages), [1, 1, 50, 100, 100]);
    let alone = messages.iter().filter(|message| message["jobs"].as_array().is_some_and(|jobs| jobs.len() == 1));
    let alone: Vec<Value> = alone.cloned().collect();
    assert!(places(&alone).iter().all(|place| place.contains("/large-")), "{alone:?}");
    assert!(messages.iter().all(|message| message.to_string().len() <= BILLED));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_asks_for_no_more_bytes_than_a_worker_has_time_for() {
    let Some(cloud) = Cloud::required().await else { return };
    // Each as large as a small object can be; 256 MiB are sixteen of them.
    for number in 0..20 {
        cloud.own.store().put_synthetic(OWN_BUCKET, &format!("key-{number:02}"), number, 16 * MIB);
    }
    run(&jobsender(&cloud).await).await;
    assert_eq!(sizes(&drained(&cloud).await), [4, 16]);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_keys_make_more_messages_and_no_longer_ones() {
    let Some(cloud) = Cloud::required().await else { return };
    for number in 0..60 {
        put(&cloud, &format!("{number:0>1000}"), "content");
    }
    run(&jobsender(&cloud).await).await;
    let messages = cloud.jobs.drain().await;
    let lengths: Vec<usize> = messages.iter().filter_map(|message| message.body()).map(str::len).collect();
    assert!(lengths.len() > 1 && lengths.iter().all(|length| *length <= BILLED), "{lengths:?}");
}
