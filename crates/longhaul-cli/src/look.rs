//! A look at parked messages. It hides them from others; what was only looked at is visible again at the end.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use longhaul::queue::{JobQueue, QueueError};
use longhaul_aws::{Cloud, ParkedMessage, ParkedQueue, SqsQueue};

use crate::{failure::Failure, stack::Stack};

/// How long messages are hidden by a look that does not come to its end.
const HIDDEN: Duration = Duration::from_secs(5 * 60);
/// Messages of one round. Each may have a mebibyte.
const ROUND: usize = 100;
/// Messages that are made visible at once.
const AT_ONCE: usize = 8;

/// A look under way.
pub struct Look {
    parked: ParkedQueue,
    /// The same queue.
    queue: SqsQueue,
    seen: HashSet<String>,
    /// By id, what the latest delivery is given back by.
    held: HashMap<String, String>,
}

impl Look {
    /// Begins to look at the queue with this address.
    pub fn new(cloud: &Cloud, url: &str) -> Self {
        Self { parked: cloud.parked(url), queue: cloud.queue(url, None), seen: HashSet::new(), held: HashMap::new() }
    }

    /// The queue that is looked at.
    pub fn parked(&self) -> &ParkedQueue {
        &self.parked
    }

    /// Some more messages, each once and at most so many; none when there are no more.
    pub async fn next(&mut self, most: usize) -> Result<Vec<ParkedMessage>, QueueError> {
        let messages = self.parked.list(most.min(ROUND), HIDDEN).await?;
        for message in &messages {
            self.held.insert(message.id.clone(), message.receipt.clone());
        }
        // A look that takes long meets again what it met first.
        Ok(messages.into_iter().filter(|message| self.seen.insert(message.id.clone())).collect())
    }

    /// A message is gone from the queue: there is nothing to give back.
    pub fn forget(&mut self, message: &ParkedMessage) {
        self.held.remove(&message.id);
    }

    /// Makes what was only looked at visible again.
    pub async fn end(self) {
        let queue = &self.queue;
        let given_back = self.held.values().map(|receipt| async move {
            if let Err(error) = queue.set_visibility(receipt, Duration::ZERO).await {
                tracing::debug!("{error}; the message is visible again in {} s", HIDDEN.as_secs());
            }
        });
        stream::iter(given_back).buffer_unordered(AT_ONCE).collect::<()>().await;
    }
}

/// How many examples of a reason are shown.
pub const EXAMPLES: usize = 3;

/// Why it is parked, for programs.
pub fn code(message: &ParkedMessage) -> &str {
    message.reason.as_ref().map_or(NO_REASON, |reason| reason.code.as_str())
}

/// Begins to look at a stack's parked messages.
pub fn look_at(stack: &Stack) -> Result<Look, Failure> {
    Ok(Look::new(&stack.cloud, stack.needed("sqs_queue_parked")?))
}

/// The reason of messages that nobody gave one: the queue itself moved them here.
pub const NO_REASON: &str = "received-too-often";
