//! A queue of the emulator.

use aws_sdk_sqs::{
    Client,
    types::{Message, MessageSystemAttributeName, QueueAttributeName},
};

/// How long a receive waits for messages.
const WAIT_SECONDS: i32 = 1;
/// SQS gives no more at once.
const MOST: i32 = 10;

/// A queue. Its methods panic where SQS refuses.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    url: String,
    arn: String,
}

/// How many messages there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Messages that can be received now.
    pub visible: usize,
    /// Messages that were received and neither deleted nor given back.
    pub in_flight: usize,
}

impl Queue {
    /// Makes a queue.
    pub async fn create(client: &Client, name: &str, attributes: &[(QueueAttributeName, String)]) -> Self {
        let attributes = attributes.iter().cloned().collect();
        let made = client.create_queue().queue_name(name).set_attributes(Some(attributes)).send().await;
        let url = made.expect("a queue can be made").queue_url.expect("a queue has a URL");
        Self::at(client, &url).await
    }

    /// The queue with this URL.
    pub async fn at(client: &Client, url: &str) -> Self {
        let mut queue = Self { client: client.clone(), url: url.to_owned(), arn: String::new() };
        queue.arn = queue.attribute(QueueAttributeName::QueueArn).await;
        queue
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Sends a message.
    pub async fn send(&self, body: impl Into<String>) {
        let sent = self.client.send_message().queue_url(&self.url).message_body(body).send().await;
        sent.expect("a message can be sent");
    }

    /// Receives up to so many messages, at most ten, with everything that belongs to them.
    pub async fn receive(&self, most: usize) -> Vec<Message> {
        let most = i32::try_from(most).map_or(MOST, |most| most.min(MOST));
        let request = self.client.receive_message().queue_url(&self.url).max_number_of_messages(most);
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let received = request.message_attribute_names("All").wait_time_seconds(WAIT_SECONDS).send().await;
        received.expect("messages can be received").messages.unwrap_or_default()
    }

    /// Deletes a message that was received.
    pub async fn delete(&self, message: &Message) {
        let handle = message.receipt_handle().expect("a received message has a handle");
        let deleted = self.client.delete_message().queue_url(&self.url).receipt_handle(handle).send().await;
        deleted.expect("a message can be deleted");
    }

    /// Receives and deletes all messages that are visible.
    pub async fn drain(&self) -> Vec<Message> {
        let mut all = Vec::new();
        loop {
            let some = self.receive(10).await;
            if some.is_empty() {
                return all;
            }
            for message in &some {
                self.delete(message).await;
            }
            all.extend(some);
        }
    }

    /// How many messages there are.
    pub async fn depth(&self) -> Depth {
        let number = async |name: QueueAttributeName| -> usize {
            self.attribute(name).await.parse().expect("a number of messages")
        };
        Depth {
            visible: number(QueueAttributeName::ApproximateNumberOfMessages).await,
            in_flight: number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible).await,
        }
    }

    async fn attribute(&self, name: QueueAttributeName) -> String {
        let request = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(name.clone());
        let answer = request.send().await.expect("a queue has attributes");
        let value = answer.attributes().and_then(|attributes| attributes.get(&name)).cloned();
        value.unwrap_or_else(|| panic!("{} has no attribute {name}", self.url))
    }
}
