//! A queue of SQS.
//!
//! Bodies are sent and handed on as they are. The SDK repeats calls that failed in passing: they are small and in
//! memory.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::send_message_batch::SendMessageBatchOutput,
    types::{Message, MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use longhaul::{
    ledger::Reason,
    object::Timestamp,
    queue::{Depth, JobQueue, MAX_BATCH, QueueError, QueueMessage},
};

use crate::{
    sdk::{is_passing, service_failure},
    sqs::parked_attributes,
};

/// The longest long poll (SQS API, ReceiveMessage).
const MAX_WAIT_SECONDS: u64 = 20;

/// The longest time that a message can stay hidden: 12 hours.
const MAX_VISIBILITY_SECONDS: u64 = 12 * 60 * 60;

/// A queue, and the queue for what is parked from it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    pub(crate) client: Client,
    url: String,
    parked_url: Option<String>,
}

impl SqsQueue {
    /// A queue by its address. Without `parked_url` nothing can be parked.
    pub fn new(client: Client, url: impl Into<String>, parked_url: Option<String>) -> Self {
        Self { client, url: url.into(), parked_url }
    }

    /// The queue's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        url_name(&self.url)
    }

    fn failed<E>(&self, operation: &'static str, error: SdkError<E, HttpResponse>) -> QueueError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        queue_error(self.name(), operation, error)
    }

    /// An answer that no queue should give: the next one may be better.
    fn odd(&self, operation: &'static str, message: impl Into<String>) -> QueueError {
        let queue = self.name().to_owned();
        QueueError { queue, operation, message: message.into(), retryable: true, source: None }
    }

    /// A call that can never succeed.
    fn refused(&self, operation: &'static str, message: impl Into<String>) -> QueueError {
        QueueError { retryable: false, ..self.odd(operation, message) }
    }

    /// What became of each entry, in the order of sending.
    fn answers(&self, count: usize, answer: SendMessageBatchOutput) -> Vec<Result<(), QueueError>> {
        let operation = "SendMessageBatch";
        // What the answer does not mention was perhaps not sent. To send it again does no harm.
        let missing = |_| Err(self.odd(operation, "the answer does not mention this entry"));
        let mut answers: Vec<Result<(), QueueError>> = (0..count).map(missing).collect();
        for sent in &answer.successful {
            if let Some(slot) = place(&sent.id).and_then(|index| answers.get_mut(index)) {
                *slot = Ok(());
            }
        }
        for failed in answer.failed {
            let retryable = !failed.sender_fault || is_passing(&failed.code);
            let message = format!("{}: {}", failed.code, failed.message.as_deref().unwrap_or("no reason given"));
            if let Some(slot) = place(&failed.id).and_then(|index| answers.get_mut(index)) {
                *slot = Err(QueueError { retryable, ..self.odd(operation, message) });
            }
        }
        answers
    }
}

/// The last segment of a queue's address, which is its name.
pub(crate) fn url_name(url: &str) -> &str {
    url.trim_end_matches('/').rsplit('/').next().unwrap_or(url)
}

/// The name in a queue's ARN: `arn:aws:sqs:eu-west-1:123456789012:jobs` is `jobs`.
pub fn arn_name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// What a failed call to a queue means.
pub(crate) fn queue_error<E>(queue: &str, operation: &'static str, error: SdkError<E, HttpResponse>) -> QueueError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let failure = service_failure(error);
    QueueError {
        queue: queue.to_owned(),
        operation,
        message: failure.message,
        retryable: failure.retryable,
        source: failure.source,
    }
}

/// Entries are named by their places.
fn place(id: &str) -> Option<usize> {
    id.parse().ok()
}

/// Whole seconds, rounded up: SQS knows no others.
pub(crate) fn seconds(duration: Duration, most: u64) -> i32 {
    let whole = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    i32::try_from(whole.min(most)).unwrap_or(i32::MAX)
}

/// A delivery, if it says what every delivery must.
fn handed_out(message: Message) -> Option<QueueMessage> {
    let receives = attribute(&message, &MessageSystemAttributeName::ApproximateReceiveCount);
    let sent = attribute(&message, &MessageSystemAttributeName::SentTimestamp);
    Some(QueueMessage {
        // A message that hides its count has come at least this time.
        receives: receives.and_then(|count| count.parse().ok()).unwrap_or(1),
        sent: sent.and_then(|millis| millis.parse().ok()).map(Timestamp),
        id: message.message_id?,
        receipt: message.receipt_handle?,
        body: message.body?,
    })
}

/// What SQS itself says of a message.
pub(crate) fn attribute<'a>(message: &'a Message, name: &MessageSystemAttributeName) -> Option<&'a str> {
    message.attributes.as_ref()?.get(name).map(String::as_str)
}

impl JobQueue for SqsQueue {
    fn name(&self) -> &str {
        Self::name(self)
    }

    async fn send_batch(&self, bodies: &[String]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        let operation = "SendMessageBatch";
        let entries = bodies.iter().enumerate().map(|(index, body)| {
            let entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body);
            entry.build().map_err(|error| self.refused(operation, error.to_string()))
        });
        let request = self.client.send_message_batch().queue_url(&self.url);
        let request = request.set_entries(Some(entries.collect::<Result<Vec<_>, _>>()?));
        let answer = request.send().await.map_err(|error| self.failed(operation, error))?;
        Ok(self.answers(bodies.len(), answer))
    }

    async fn park(&self, body: &str, reason: &Reason) -> Result<(), QueueError> {
        let operation = "SendMessage";
        let Some(parked_url) = &self.parked_url else {
            let message = format!("{} has no queue for parked messages", self.name());
            return Err(self.refused(operation, message));
        };
        let attributes = parked_attributes::attributes(body, reason, self.name())
            .map_err(|error| self.refused(operation, error.to_string()))?;
        let request = self.client.send_message().queue_url(parked_url).message_body(body);
        let sent = request.set_message_attributes(attributes).send().await;
        sent.map(|_| ()).map_err(|error| queue_error(url_name(parked_url), operation, error))
    }

    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<QueueMessage>, QueueError> {
        let operation = "ReceiveMessage";
        let request = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(max.clamp(1, MAX_BATCH)).unwrap_or(1))
            .wait_time_seconds(seconds(wait, MAX_WAIT_SECONDS))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
        let answer = request.send().await.map_err(|error| self.failed(operation, error))?;
        let messages = answer.messages.unwrap_or_default().into_iter().map(handed_out);
        let messages: Option<_> = messages.collect();
        messages.ok_or_else(|| self.odd(operation, "a message without id, receipt or body was received"))
    }

    async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        let sent = self.client.delete_message().queue_url(&self.url).receipt_handle(receipt).send().await;
        sent.map(|_| ()).map_err(|error| self.failed("DeleteMessage", error))
    }

    async fn set_visibility(&self, receipt: &str, after: Duration) -> Result<(), QueueError> {
        let request = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(receipt);
        let sent = request.visibility_timeout(seconds(after, MAX_VISIBILITY_SECONDS)).send().await;
        sent.map(|_| ()).map_err(|error| self.failed("ChangeMessageVisibility", error))
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let operation = "GetQueueAttributes";
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let sent = request.set_attribute_names(Some(names.to_vec())).send().await;
        let attributes = sent.map_err(|error| self.failed(operation, error))?.attributes.unwrap_or_default();
        let count = |name: &QueueAttributeName| {
            let count = attributes.get(name).and_then(|text| text.parse().ok());
            count.ok_or_else(|| self.odd(operation, format!("the answer has no {}", name.as_str())))
        };
        Ok(Depth { visible: count(&names[0])?, in_flight: count(&names[1])?, delayed: count(&names[2])? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_named_by_the_end_of_its_address_or_arn() {
        assert_eq!(url_name("https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"), "jobs");
        assert_eq!(url_name("http://127.0.0.1:4566/000000000000/jobs/"), "jobs");
        assert_eq!(arn_name("arn:aws-cn:sqs:cn-north-1:123456789012:events"), "events");
    }

    #[test]
    fn a_part_of_a_second_is_rounded_up() {
        assert_eq!(seconds(Duration::ZERO, 20), 0);
        assert_eq!(seconds(Duration::from_millis(1), 20), 1);
        assert_eq!(seconds(Duration::from_secs(7), 20), 7);
        assert_eq!(seconds(Duration::MAX, 43_200), 43_200);
    }
}
