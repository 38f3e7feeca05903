//! The port to message queues, in the terms of SQS.

use std::{error::Error, future::Future, time::Duration};

use crate::{
    ledger::Reason,
    object::Timestamp,
    planted::{self, Defect},
};

/// A failed call to a queue. Whether a send may have happened does not matter: a message may come twice anyway.
#[derive(Debug, thiserror::Error)]
#[error("the queue {queue} failed: {operation}: {message}")]
pub struct QueueError {
    /// The queue's name or address.
    pub queue: String,
    /// SQS's name of the operation.
    pub operation: &'static str,
    /// What failed, in words.
    pub message: String,
    /// Whether the same call may succeed when repeated.
    pub retryable: bool,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl QueueError {
    /// An entry of a batch that the answer does not mention.
    pub(crate) fn unanswered(queue: &str) -> Self {
        let message = "an entry of the batch was not answered".to_owned();
        Self { queue: queue.to_owned(), operation: "SendMessageBatch", message, retryable: true, source: None }
    }
}

/// The most messages that one request sends (SQS API, SendMessageBatch).
pub const MAX_BATCH: usize = 10;

/// The most bytes of one message, and of all messages of one batch (SQS quotas: 1 MiB).
pub const MAX_BYTES: usize = 1 << 20;

/// A message in the hands of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueMessage {
    /// The queue's id of it, the same in every delivery.
    pub id: String,
    /// What this delivery is deleted or given back by.
    pub receipt: String,
    /// What was sent.
    pub body: String,
    /// How often it was delivered, this time included.
    pub receives: u32,
    /// When it was sent.
    pub sent: Option<Timestamp>,
}

/// How many messages a queue holds, as far as it knows: SQS counts approximately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Ready to be received.
    pub visible: u64,
    /// Received and neither deleted nor given back.
    pub in_flight: u64,
    /// Sent, and not yet to be received.
    pub delayed: u64,
}

impl Depth {
    /// Whether nothing is there.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// A queue of messages, delivered at least once and in no order. Implementations do not retry, wait or log.
pub trait JobQueue: Send + Sync + 'static {
    /// Its name, for logs.
    fn name(&self) -> &str;

    /// Sends at most [`MAX_BATCH`] bodies of together at most [`MAX_BYTES`]. The outer error is of the whole request; each entry
    /// can fail alone, in the order of `bodies`.
    fn send_batch(
        &self,
        bodies: &[String],
    ) -> impl Future<Output = Result<Vec<Result<(), QueueError>>, QueueError>> + Send;

    /// Puts `body`, unchanged, into the queue of parked messages, with its reason as message attributes.
    fn park(&self, body: &str, reason: &Reason) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Receives up to `max` (1 to 10) messages, waiting up to `wait` (at most 20 s) for the first. Received messages are hidden
    /// from others for the queue's visibility time-out.
    fn receive(&self, max: usize, wait: Duration)
    -> impl Future<Output = Result<Vec<QueueMessage>, QueueError>> + Send;

    /// Ends this delivery for good.
    fn delete(&self, receipt: &str) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// The message of this delivery is visible again after `after` (at most 12 h), whatever was said before.
    fn set_visibility(&self, receipt: &str, after: Duration) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// How many messages are there.
    fn depth(&self) -> impl Future<Output = Result<Depth, QueueError>> + Send;
}

/// Leaves in `left` what a batch did not accept, which may be sent again, and says why of the last of them. An entry that is not
/// answered was not accepted.
pub(crate) fn keep_refused<T>(
    left: &mut Vec<T>,
    answers: impl IntoIterator<Item = Result<(), QueueError>>,
    queue: &str,
) -> Option<QueueError> {
    let mut answers = answers.into_iter();
    let mut refused = None;
    left.retain(|_| {
        let error = match answers.next() {
            Some(Ok(())) => return false,
            Some(Err(_)) if planted::is(Defect::LoseBatchEntry) => return false,
            Some(Err(error)) => error,
            None => QueueError::unanswered(queue),
        };
        refused = Some(error);
        true
    });
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_or_not_answered_is_left_and_has_a_reason() {
        let full = || QueueError {
            queue: "q".to_owned(),
            operation: "SendMessageBatch",
            message: "full".to_owned(),
            retryable: false,
            source: None,
        };
        let mut left = vec!["a", "b", "c"];
        assert_eq!(keep_refused(&mut left, [Ok(()), Err(full()), Ok(())], "q").unwrap().message, "full");
        assert_eq!(left, ["b"]);
        assert!(keep_refused(&mut left, [], "q").unwrap().retryable, "nobody knows whether it was accepted");
        assert_eq!(left, ["b"]);
        assert!(keep_refused(&mut left, [Ok(())], "q").is_none() && left.is_empty());
    }
}
