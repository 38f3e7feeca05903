//! The queue of parked messages, as operators read it.
//!
//! Looking at a message receives it: it is hidden from others for a while and then there again. Nothing is lost by
//! looking, and nothing by sending a message back: it is deleted here only after it was sent there.

use std::{collections::HashSet, time::Duration};

use aws_sdk_sqs::{
    Client,
    types::{Message, MessageSystemAttributeName, QueueAttributeName},
};
use longhaul::{
    ledger::Reason,
    object::Timestamp,
    queue::{Depth, JobQueue, MAX_BATCH, QueueError},
};

use crate::{
    sdk::ToldTime,
    sqs::{
        parked_attributes::{self, QUEUE},
        queue::{SqsQueue, arn_name, attribute, queue_error, seconds},
    },
};

/// How long one request waits for messages: a shorter one asks only some of the queue's machines.
const WAIT_SECONDS: i32 = 1;

/// So many requests in a row without a new message mean that there is none.
const QUIET: usize = 2;

/// The longest time that messages are hidden by looking at them.
const MAX_HIDDEN_SECONDS: u64 = 12 * 60 * 60;

/// A message that waits for somebody's help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedMessage {
    /// The queue's id of it.
    pub id: String,
    /// What this delivery is deleted by.
    pub receipt: String,
    /// What was parked, unchanged.
    pub body: String,
    /// Why. A message that came too often and was moved by SQS has no reason.
    pub reason: Option<Reason>,
    /// The name of the queue that it was in.
    pub queue: Option<String>,
    /// When it was sent; a message that SQS moved keeps the time of its first sending.
    pub sent: Option<Timestamp>,
    /// How often it was received, looks included.
    pub receives: u32,
}

/// The queue of parked messages.
#[derive(Clone, Debug)]
pub struct ParkedQueue {
    queue: SqsQueue,
}

impl ParkedQueue {
    /// The queue by its address.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { queue: SqsQueue::new(client, url, None) }
    }

    /// Looks at up to `limit` messages and hides them from others for `hidden`. Each message is shown once. Some may be
    /// missed: a queue is asked until it seems to have no more.
    pub async fn list(&self, limit: usize, hidden: Duration) -> Result<Vec<ParkedMessage>, QueueError> {
        let mut seen = HashSet::new();
        let mut shown = Vec::new();
        let mut quiet = 0;
        while shown.len() < limit && quiet < QUIET {
            let received = self.receive(limit - shown.len(), hidden).await?;
            let before = shown.len();
            shown.extend(received.into_iter().filter(|message| seen.insert(message.id.clone())));
            quiet = if shown.len() > before { 0 } else { quiet + 1 };
        }
        Ok(shown)
    }

    /// Sends a message back to the queue it came from, and then deletes it here. If that fails in between, it is in
    /// both.
    pub async fn redrive(&self, message: &ParkedMessage, to: &SqsQueue) -> Result<(), QueueError> {
        for sent in to.send_batch(std::slice::from_ref(&message.body)).await? {
            sent?;
        }
        self.discard(message).await
    }

    /// Deletes a message for good.
    pub async fn discard(&self, message: &ParkedMessage) -> Result<(), QueueError> {
        self.queue.delete(&message.receipt).await
    }

    /// How many messages are there.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        self.queue.depth().await
    }

    /// The queue's own time, to the second, by which it says when messages were sent; nothing, if it does not tell.
    pub async fn now(&self) -> Result<Option<Timestamp>, QueueError> {
        let told = ToldTime::default();
        let request = self.queue.client.get_queue_attributes().queue_url(self.queue.url());
        let request = request.attribute_names(QueueAttributeName::ApproximateNumberOfMessages);
        let answer = request.customize().interceptor(told.clone()).send().await;
        answer.map_err(|error| queue_error(self.queue.name(), "GetQueueAttributes", error))?;
        Ok(told.time())
    }

    async fn receive(&self, most: usize, hidden: Duration) -> Result<Vec<ParkedMessage>, QueueError> {
        let names = [
            MessageSystemAttributeName::ApproximateReceiveCount,
            MessageSystemAttributeName::SentTimestamp,
            MessageSystemAttributeName::DeadLetterQueueSourceArn,
        ];
        let request = self.queue.client.receive_message().queue_url(self.queue.url());
        let request = request
            .max_number_of_messages(i32::try_from(most.clamp(1, MAX_BATCH)).unwrap_or(1))
            .visibility_timeout(seconds(hidden, MAX_HIDDEN_SECONDS))
            .wait_time_seconds(WAIT_SECONDS)
            .set_message_system_attribute_names(Some(names.to_vec()))
            .message_attribute_names("All");
        let answer = request.send().await;
        let answer = answer.map_err(|error| queue_error(self.queue.name(), "ReceiveMessage", error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(parked).collect())
    }
}

/// A delivery in the words of operators; without id, receipt or body there is nothing to show.
fn parked(message: Message) -> Option<ParkedMessage> {
    let attributes = message.message_attributes.clone().unwrap_or_default();
    let moved_from = attribute(&message, &MessageSystemAttributeName::DeadLetterQueueSourceArn).map(arn_name);
    let queue = parked_attributes::text(&attributes, QUEUE).or(moved_from).map(str::to_owned);
    let receives = attribute(&message, &MessageSystemAttributeName::ApproximateReceiveCount);
    let receives = receives.and_then(|count| count.parse().ok()).unwrap_or(1);
    let sent = attribute(&message, &MessageSystemAttributeName::SentTimestamp);
    let sent = sent.and_then(|millis| millis.parse().ok()).map(Timestamp);
    Some(ParkedMessage {
        id: message.message_id?,
        receipt: message.receipt_handle?,
        body: message.body?,
        reason: parked_attributes::reason(&attributes),
        queue,
        sent,
        receives,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> aws_sdk_sqs::types::builders::MessageBuilder {
        Message::builder().message_id("id").receipt_handle("receipt").body("{}")
    }

    #[test]
    fn a_parked_message_tells_why_and_from_where() {
        let attributes = parked_attributes::attributes("{}", &Reason::new("access-denied", "no"), "jobs").unwrap();
        let message = parked(delivery().set_message_attributes(attributes).build()).unwrap();
        assert_eq!(message.reason, Some(Reason::new("access-denied", "no")));
        assert_eq!(message.queue.as_deref(), Some("jobs"));
    }

    #[test]
    fn a_message_that_sqs_moved_tells_only_from_where() {
        let arn = "arn:aws:sqs:eu-west-1:123456789012:events";
        let moved = delivery().attributes(MessageSystemAttributeName::DeadLetterQueueSourceArn, arn);
        let moved = moved.attributes(MessageSystemAttributeName::ApproximateReceiveCount, "61");
        let message = parked(moved.build()).unwrap();
        assert_eq!((message.reason, message.queue.as_deref(), message.receives), (None, Some("events"), 61));
    }

    #[test]
    fn a_delivery_without_a_body_is_not_shown() {
        assert_eq!(parked(Message::builder().message_id("id").receipt_handle("receipt").build()), None);
    }
}
