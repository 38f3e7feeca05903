//! Queues of SQS, and the queue of parked messages.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use longhaul::{ledger::Reason, queue::JobQueue};
use longhaul_aws::{ParkedMessage, ParkedQueue, SqsQueue};

use crate::emulated::world::World;

#[tokio::test]
async fn queues_on_an_emulator_behave_as_queues_do() {
    let Some(world) = World::start().await else { return };
    assert_a_queue_of_sqs_obeys_the_contract(&world).await;
    assert_a_queue_that_is_not_there_is_an_error_that_names_it(&world).await;
    assert_parked_messages_tell_why_and_go_back_to_their_queue(&world).await;
    assert_a_message_that_came_too_often_is_found_among_the_parked_without_a_reason(&world).await;
}

async fn assert_a_queue_of_sqs_obeys_the_contract(world: &World) {
    let (jobs, parked) = (world.queue("contract").await, world.queue("contract-parked").await);
    let queue = world.cloud.queue(&jobs, Some(&parked));
    let before = world.cloud.requests().sqs();
    contract::queue(&queue).await;
    assert!(world.cloud.requests().sqs() > before, "requests are counted");
    assert_eq!((world.cloud.requests().dynamodb(), world.cloud.requests().ssm()), (0, 0));
}

async fn assert_a_queue_that_is_not_there_is_an_error_that_names_it(world: &World) {
    let there = world.queue("there").await;
    let queue = world.cloud.queue(&there.replace("/there", "/none"), None);
    let error = queue.depth().await.unwrap_err();
    assert_eq!((error.queue.as_str(), error.operation, error.retryable), ("none", "GetQueueAttributes", false));
    let error = queue.park("{}", &Reason::new("malformed", "no")).await.unwrap_err();
    assert!(!error.retryable && error.message.contains("no queue for parked messages"));
}

async fn assert_parked_messages_tell_why_and_go_back_to_their_queue(world: &World) {
    let (jobs, parked_url) = (world.queue("jobs").await, world.queue("parked").await);
    let (queue, parked) = (world.cloud.queue(&jobs, Some(&parked_url)), world.cloud.parked(&parked_url));
    for number in 0..12 {
        let reason = Reason::new("access-denied", format!("reason {number}"));
        queue.park(&format!("{{\"number\":{number}}}"), &reason).await.unwrap();
    }
    assert_eq!(parked.list(5, Duration::ZERO).await.unwrap().len(), 5, "no more than were asked for");
    let messages = parked.list(100, Duration::from_secs(60)).await.unwrap();
    assert_eq!(messages.len(), 12, "each once");
    for message in &messages {
        let reason = message.reason.as_ref().unwrap();
        let number = reason.message.strip_prefix("reason ").unwrap();
        assert_eq!(message.body, format!("{{\"number\":{number}}}"));
        assert_eq!((reason.code.as_str(), message.queue.as_deref()), ("access-denied", Some("jobs")));
        assert!(message.sent.is_some() && message.receives > 0);
    }
    let (back, gone) = (&messages[0], &messages[1]);
    parked.redrive(back, &queue).await.unwrap();
    parked.discard(gone).await.unwrap();
    let came = queue.receive(10, Duration::from_secs(2)).await.unwrap();
    assert_eq!(came.iter().map(|message| &message.body).collect::<Vec<_>>(), [&back.body]);
    let depth = parked.depth().await.unwrap();
    assert_eq!(depth.visible + depth.in_flight, 10);
}

async fn assert_a_message_that_came_too_often_is_found_among_the_parked_without_a_reason(world: &World) {
    let parked_url = world.queue("dead-letters").await;
    let jobs = queue_with_dead_letters(world, "often", &parked_url).await;
    let (queue, parked) = (world.cloud.queue(&jobs, None), world.cloud.parked(&parked_url));
    queue.send_batch(&["{}".to_owned()]).await.unwrap()[0].as_ref().unwrap();
    let message = moved(&queue, &parked).await;
    assert_eq!((message.body.as_str(), message.reason, message.queue.as_deref()), ("{}", None, Some("often")));
}

/// A queue from which SQS itself moves a message that was received twice.
async fn queue_with_dead_letters(world: &World, name: &str, parked_url: &str) -> String {
    let request = world.clients.sqs.get_queue_attributes().queue_url(parked_url);
    let attributes = request.attribute_names(QueueAttributeName::QueueArn).send().await.unwrap().attributes.unwrap();
    let arn = &attributes[&QueueAttributeName::QueueArn];
    let policy = format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":\"2\"}}");
    let request =
        world.clients.sqs.create_queue().queue_name(name).attributes(QueueAttributeName::RedrivePolicy, policy);
    request.send().await.unwrap().queue_url.unwrap()
}

/// Receives the message and gives it back until it is among the parked.
async fn moved(queue: &SqsQueue, parked: &ParkedQueue) -> ParkedMessage {
    for _ in 0..10 {
        for message in queue.receive(10, Duration::ZERO).await.unwrap() {
            queue.set_visibility(&message.receipt, Duration::ZERO).await.unwrap();
        }
        if let Some(message) = parked.list(1, Duration::from_secs(60)).await.unwrap().pop() {
            return message;
        }
    }
    panic!("the message was not moved");
}
