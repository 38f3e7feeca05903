//! A queue in memory that behaves as SQS does, for tests and simulations.
//!
//! It passes the contract suite. A received message is hidden until its visibility time-out has passed by the clock
//! that the queue was given. Messages come in the order of their sending, which SQS does not promise.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    ledger::Reason,
    limits::Clock,
    object::Timestamp,
    queue::{Depth, JobQueue, MAX_BATCH, MAX_BYTES, QueueError, QueueMessage},
};

/// How often an empty queue looks again while it waits for a message.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A message that was not deleted.
struct Held {
    id: u64,
    body: String,
    sent: Timestamp,
    receives: u32,
    visible_from: Timestamp,
}

impl Held {
    /// Changes with each delivery, so that an old receipt has no power over a new delivery.
    fn receipt(&self) -> String {
        format!("{}-{}", self.id, self.receives)
    }

    fn handed_out(&self) -> QueueMessage {
        QueueMessage {
            id: self.id.to_string(),
            receipt: self.receipt(),
            body: self.body.clone(),
            receives: self.receives,
            sent: Some(self.sent),
        }
    }
}

#[derive(Default)]
struct Content {
    last_id: u64,
    messages: Vec<Held>,
    parked: Vec<(String, Reason)>,
}

/// A queue in memory, and the queue of its parked messages. Clones are the same queue.
pub struct MemoryQueue<C> {
    clock: Arc<C>,
    visibility: Duration,
    content: Arc<Mutex<Content>>,
}

impl<C> Clone for MemoryQueue<C> {
    fn clone(&self) -> Self {
        Self { clock: Arc::clone(&self.clock), visibility: self.visibility, content: Arc::clone(&self.content) }
    }
}

impl<C: Clock> MemoryQueue<C> {
    /// An empty queue. A received message is hidden for `visibility` by `clock`.
    pub fn new(clock: Arc<C>, visibility: Duration) -> Self {
        Self { clock, visibility, content: Arc::default() }
    }

    /// The bodies of all messages that were not deleted, in the order of their sending.
    pub fn bodies(&self) -> Vec<String> {
        self.content().messages.iter().map(|held| held.body.clone()).collect()
    }

    /// What was parked and why, in the order of parking.
    pub fn parked(&self) -> Vec<(String, Reason)> {
        self.content().parked.clone()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn after(&self, duration: Duration) -> Timestamp {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.clock.now().0.saturating_add(millis))
    }

    fn take(&self, max: usize) -> Vec<QueueMessage> {
        let (now, hidden_until) = (self.clock.now(), self.after(self.visibility));
        let mut content = self.content();
        let visible = content.messages.iter_mut().filter(|held| held.visible_from <= now).take(max);
        let handed_out = visible.map(|held| {
            held.receives += 1;
            held.visible_from = hidden_until;
            held.handed_out()
        });
        handed_out.collect()
    }

    fn accept(&self, body: &str) -> Result<(), QueueError> {
        if body.is_empty() {
            return Err(refused("SendMessageBatch", "a message without a body"));
        }
        let sent = self.clock.now();
        let mut content = self.content();
        content.last_id += 1;
        let id = content.last_id;
        content.messages.push(Held { id, body: body.to_owned(), sent, receives: 0, visible_from: sent });
        Ok(())
    }
}

fn refused(operation: &'static str, message: impl Into<String>) -> QueueError {
    QueueError { queue: "memory".to_owned(), operation, message: message.into(), retryable: false, source: None }
}

/// The message that a receipt was given for.
fn id_of(receipt: &str, operation: &'static str) -> Result<u64, QueueError> {
    let id = receipt.split_once('-').and_then(|(id, _)| id.parse().ok());
    id.ok_or_else(|| refused(operation, format!("{receipt:?} is no receipt of this queue")))
}

impl<C: Clock> JobQueue for MemoryQueue<C> {
    fn name(&self) -> &str {
        "memory"
    }

    async fn send_batch(&self, bodies: &[String]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        let bytes: usize = bodies.iter().map(String::len).sum();
        if bodies.is_empty() || bodies.len() > MAX_BATCH || bytes > MAX_BYTES {
            let message = format!("{} messages of together {bytes} bytes are no batch", bodies.len());
            return Err(refused("SendMessageBatch", message));
        }
        Ok(bodies.iter().map(|body| self.accept(body)).collect())
    }

    async fn park(&self, body: &str, reason: &Reason) -> Result<(), QueueError> {
        self.content().parked.push((body.to_owned(), reason.clone()));
        Ok(())
    }

    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<QueueMessage>, QueueError> {
        let mut left = wait;
        loop {
            let messages = self.take(max.min(MAX_BATCH));
            if !messages.is_empty() || left.is_zero() {
                return Ok(messages);
            }
            let pause = left.min(LOOK_AGAIN);
            self.clock.sleep(pause).await;
            left -= pause;
        }
    }

    async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        id_of(receipt, "DeleteMessage")?;
        // A receipt of an earlier delivery deletes nothing, and SQS does not say so either.
        self.content().messages.retain(|held| held.receipt() != receipt);
        Ok(())
    }

    async fn set_visibility(&self, receipt: &str, after: Duration) -> Result<(), QueueError> {
        let operation = "ChangeMessageVisibility";
        id_of(receipt, operation)?;
        let (now, visible_from) = (self.clock.now(), self.after(after));
        let mut content = self.content();
        let mut in_flight = content.messages.iter_mut().filter(|held| held.visible_from > now);
        let Some(held) = in_flight.find(|held| held.receipt() == receipt) else {
            return Err(refused(operation, "the message is not in flight"));
        };
        held.visible_from = visible_from;
        Ok(())
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let now = self.clock.now();
        let content = self.content();
        let visible = content.messages.iter().filter(|held| held.visible_from <= now).count();
        let in_flight = content.messages.len() - visible;
        Ok(Depth { visible: visible as u64, in_flight: in_flight as u64, delayed: 0 })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::BoxFuture};

    use super::*;

    /// A clock that goes on only when somebody sleeps.
    #[derive(Default)]
    struct VirtualClock(Arc<Mutex<Duration>>);

    impl Clock for VirtualClock {
        fn now(&self) -> Timestamp {
            Timestamp(self.elapsed().as_millis() as i64)
        }
        fn elapsed(&self) -> Duration {
            *self.0.lock().unwrap()
        }
        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            let time = Arc::clone(&self.0);
            async move { *time.lock().unwrap() += duration }.boxed()
        }
    }

    const VISIBILITY: Duration = Duration::from_secs(30);

    async fn queue_with(body: &str) -> MemoryQueue<VirtualClock> {
        let queue = MemoryQueue::new(Arc::new(VirtualClock::default()), VISIBILITY);
        queue.send_batch(&[body.to_owned()]).await.unwrap()[0].as_ref().unwrap();
        queue
    }

    #[tokio::test]
    async fn a_message_comes_again_when_its_time_out_has_passed() {
        let queue = queue_with("one").await;
        let first = queue.receive(1, Duration::ZERO).await.unwrap();
        assert_eq!(queue.receive(1, VISIBILITY / 2).await.unwrap(), []);
        let again = queue.receive(1, VISIBILITY).await.unwrap();
        assert_eq!((again[0].receives, &again[0].id), (2, &first[0].id));
    }

    #[tokio::test]
    async fn an_old_receipt_has_no_power_over_a_new_delivery() {
        let queue = queue_with("one").await;
        let first = queue.receive(1, Duration::ZERO).await.unwrap().remove(0);
        queue.set_visibility(&first.receipt, Duration::ZERO).await.unwrap();
        let second = queue.receive(1, Duration::ZERO).await.unwrap().remove(0);
        queue.delete(&first.receipt).await.unwrap();
        assert_eq!(queue.bodies(), ["one"]);
        queue.set_visibility(&first.receipt, Duration::ZERO).await.unwrap_err();
        queue.delete(&second.receipt).await.unwrap();
        assert_eq!(queue.bodies(), [""; 0]);
    }

    #[tokio::test]
    async fn one_entry_of_a_batch_can_fail_alone() {
        let queue = queue_with("one").await;
        let sent = queue.send_batch(&[String::new(), "two".to_owned()]).await.unwrap();
        assert!(sent[0].as_ref().is_err_and(|error| !error.retryable) && sent[1].is_ok());
        assert_eq!(queue.bodies(), ["one", "two"]);
    }
}
