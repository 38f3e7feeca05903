//! Legs: a copy that needs longer than an invocation is handed over in time and carried on by the next one.

use std::time::Duration;

use serverless::{Answer, Cloud, Depth, Environment, Function, OTHER_BUCKET, OWN_BUCKET, deliver};

use crate::scene::{
    EMPTY, PART, PLENTY, WAITING, assert_acknowledged, assert_arrived, assert_no_accepted_part_is_sent_again,
    come_again, ids, job, known_row, line_of, only_parked, state, text, worker,
};

const KEY: &str = "long/haul.bin";
const FIVE_SECONDS: Duration = Duration::from_secs(5);
/// Many more legs than any of these copies needs.
const MOST_LEGS: u32 = 40;

/// A worker that moves so many bytes a second, in small parts.
fn slow(cloud: &Cloud, bytes_per_second: u64) -> Environment {
    let environment = cloud.worker_environment().with("ChunkSize", PART.to_string());
    environment.with("Bandwidth", bytes_per_second.to_string())
}

async fn ask_for(cloud: &Cloud, key: &str, parts: u64) {
    cloud.own.store().put_synthetic(OWN_BUCKET, key, 7, parts * PART);
    cloud.jobs.send(job(key, key, parts * PART)).await;
}

/// How many invocations of five seconds the only job takes. Each but the last one says in time that its message is not
/// finished, and has it delivered again at once.
async fn legs_of_five_seconds(cloud: &Cloud, function: &Function) -> u32 {
    for leg in 1..=MOST_LEGS {
        let delivery = deliver(function, &cloud.jobs, 1, FIVE_SECONDS).await;
        let delivery = delivery.unwrap_or_else(|| panic!("there is no message for leg {leg}"));
        assert!(
            matches!(delivery.answer, Answer::Response(_)),
            "leg {leg} does not end in time: {:?}",
            delivery.answer
        );
        if delivery.failed.is_empty() {
            return leg;
        }
        assert_eq!(delivery.failed, ids(&delivery.messages));
        let at_once = Depth { visible: 1, in_flight: 0 };
        assert_eq!(cloud.jobs.depth().await, at_once, "behind leg {leg} the message waits");
        assert_eq!(line_of(function, KEY)["outcome"], "interrupted");
    }
    panic!("the copy is not finished after {MOST_LEGS} legs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_thirty_seconds_is_finished_by_legs_of_five() {
    let Some(cloud) = Cloud::required().await else { return };
    let parts = 60;
    ask_for(&cloud, KEY, parts).await;
    let function = worker(&slow(&cloud, parts * PART / 30).with("MaxThread", "2")).await;
    let legs = legs_of_five_seconds(&cloud, &function).await;
    assert!(legs >= 6, "thirty seconds of work were done by {legs} legs of five");
    assert_no_accepted_part_is_sent_again(&cloud, parts);
    assert_arrived(&cloud, KEY);
    assert_eq!(state(&cloud, KEY).await.as_deref(), Some("done"));
    let line = line_of(&function, KEY);
    assert_eq!((&line["outcome"], &line["parts"]), (&"copied".into(), &parts.into()));
    assert_eq!(cloud.jobs.depth().await, EMPTY);
}

/// The requests to the table that a copy of so many parts makes in one leg.
async fn requests_to_the_table(cloud: &Cloud, function: &Function, parts: u64) -> u64 {
    let key = format!("{parts}.bin");
    ask_for(cloud, &key, parts).await;
    assert_acknowledged(function, &cloud.jobs).await;
    let line = line_of(function, &key);
    assert_eq!((&line["outcome"], &line["parts_copied"]), (&"copied".into(), &parts.into()));
    let invocation = function.events("invocation").pop().expect("an invocation tells what it cost");
    invocation["dynamodb_requests"].as_u64().expect("a number of requests")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_two_hundred_parts_asks_the_table_as_often_as_one_of_twenty() {
    let Some(cloud) = Cloud::required().await else { return };
    cloud.other.store().set_discard(OTHER_BUCKET, true);
    let function = worker(&cloud.worker_environment().with("ChunkSize", PART.to_string())).await;
    let twenty = requests_to_the_table(&cloud, &function, 20).await;
    let two_hundred = requests_to_the_table(&cloud, &function, 200).await;
    println!("DynamoDB requests of a copy in one leg: {twenty} for 20 parts, {two_hundred} for 200");
    assert!(twenty > 0);
    assert_eq!(two_hundred, twenty);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_does_not_fit_into_a_leg_is_parked_for_the_fleet() {
    let Some(cloud) = Cloud::required().await else { return };
    ask_for(&cloud, KEY, 4).await;
    // Ten seconds a part, in legs of two.
    let function = worker(&slow(&cloud, PART / 10).with("MaxThread", "1").with("JobTimeout", "2")).await;
    let mut legs = 0;
    loop {
        let delivery = deliver(&function, &cloud.jobs, 1, PLENTY).await.expect("the message comes again");
        legs += 1;
        if delivery.failed.is_empty() {
            break;
        }
        assert!(legs < 10, "it goes on for ever");
        assert_eq!(cloud.jobs.depth().await, WAITING, "a leg that got nowhere is repeated at once");
        come_again(&cloud, &cloud.jobs, &delivery.messages[0]).await;
    }
    assert!(legs > 1, "one leg does not tell");
    let parked = only_parked(&cloud).await;
    assert_eq!((parked.reason.as_str(), parked.queue.as_str()), ("needs-fleet", "jobs"));
    assert_eq!(parked.body, job(KEY, KEY, 4 * PART));
    let row = known_row(&cloud, KEY).await;
    assert_eq!((text(&row, "State"), text(&row, "Reason")), (Some("parked"), Some("needs-fleet")));
    assert_eq!(cloud.jobs.depth().await, EMPTY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_giant_that_does_not_fit_into_a_leg_parks_the_giant_for_the_fleet() {
    let Some(cloud) = Cloud::required().await else { return };
    ask_for(&cloud, KEY, 4).await;
    let environment = slow(&cloud, PART / 10).with("MaxThread", "1").with("SegmentSize", (2 * PART).to_string());
    assert_acknowledged(&worker(&environment).await, &cloud.jobs).await;
    // Ten seconds a part, in legs of two.
    let function = worker(&environment.with("JobTimeout", "2")).await;
    let mut legs = 0;
    while cloud.parked.depth().await == EMPTY {
        let delivery = deliver(&function, &cloud.segments, 1, PLENTY).await.expect("the messages come again");
        legs += 1;
        assert!(legs < 20, "it goes on for ever");
        if !delivery.failed.is_empty() {
            come_again(&cloud, &cloud.segments, &delivery.messages[0]).await;
        }
    }
    assert!(legs > 6, "legs are counted for each segment");
    let row = known_row(&cloud, KEY).await;
    assert_eq!((text(&row, "State"), text(&row, "Reason")), (Some("parked"), Some("needs-fleet")));
    assert_eq!(only_parked(&cloud).await.reason, "needs-fleet");
}
