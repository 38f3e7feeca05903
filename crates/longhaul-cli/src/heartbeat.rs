//! One message in the hands of this process: kept hidden while it is handled, then deleted or given back.

use std::{convert::Infallible, time::Duration};

use longhaul::queue::{JobQueue, QueueMessage, Verdict};
use tokio_util::sync::CancellationToken;

/// Most messages are handled by then, and cost no sign of life.
const FIRST_BEAT: Duration = Duration::from_secs(10);
/// How often a message is tried to be deleted. If all fail it comes again, which costs a look at the ledger.
const DELETES: u32 = 3;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// How long messages stay hidden without a sign of life.
#[derive(Debug, Clone, Copy)]
pub struct Heartbeat(pub Duration);

impl Heartbeat {
    /// Two signs of life may fail before a message is visible again.
    fn every(self) -> Duration {
        self.0 / 3
    }

    /// Until the first one the message is hidden for as long as the queue says, which may be long.
    fn first(self) -> Duration {
        self.every().min(FIRST_BEAT)
    }
}

/// Keeps a message hidden while `work` handles it, and deletes it if that is the verdict. What comes back has been
/// given back by `work` itself, or is here once `hurry` leaves no time for it.
pub async fn attend<Q: JobQueue>(
    queue: &Q,
    message: &QueueMessage,
    heartbeat: Heartbeat,
    hurry: &CancellationToken,
    work: impl Future<Output = Verdict>,
) {
    let verdict = tokio::select! {
        biased;
        verdict = work => verdict,
        never = keep_hidden(queue, message, heartbeat) => match never {},
        () = hurry.cancelled() => return give_back(queue, message).await,
    };
    match verdict {
        Verdict::Acknowledge => delete(queue, message).await,
        Verdict::Return => {}
    }
}

/// Makes a message visible again at once.
pub async fn give_back<Q: JobQueue>(queue: &Q, message: &QueueMessage) {
    if let Err(error) = queue.set_visibility(&message.receipt, Duration::ZERO).await {
        tracing::warn!(message_id = message.id, "{error}; the message comes again when its time is up");
    }
}

async fn keep_hidden<Q: JobQueue>(queue: &Q, message: &QueueMessage, heartbeat: Heartbeat) -> Infallible {
    tokio::time::sleep(heartbeat.first()).await;
    loop {
        if let Err(error) = queue.set_visibility(&message.receipt, heartbeat.0).await {
            tracing::warn!(message_id = message.id, "{error}; the message may be delivered a second time");
        }
        tokio::time::sleep(heartbeat.every()).await;
    }
}

async fn delete<Q: JobQueue>(queue: &Q, message: &QueueMessage) {
    for left in (0..DELETES).rev() {
        match queue.delete(&message.receipt).await {
            Ok(()) => return,
            Err(error) if left == 0 || !error.retryable => {
                tracing::warn!(
                    message_id = message.id,
                    "{error}; the message comes again, and there is nothing to do for it"
                );
                return;
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use longhaul::memory::MemoryQueue;
    use longhaul_aws::SystemClock;

    use super::*;

    /// On a real clock: a sign of life may be seconds late before a message is visible.
    const VISIBILITY: Duration = Duration::from_secs(6);

    async fn delivery() -> (MemoryQueue<SystemClock>, QueueMessage) {
        let queue = MemoryQueue::new(Arc::new(SystemClock::new()), VISIBILITY);
        queue.send_batch(&["one".to_owned()]).await.unwrap()[0].as_ref().unwrap();
        let message = queue.receive(1, Duration::ZERO).await.unwrap().remove(0);
        (queue, message)
    }

    #[test]
    fn two_signs_of_life_may_fail() {
        assert_eq!(Heartbeat(Duration::from_secs(300)).every(), Duration::from_secs(100));
        assert_eq!(Heartbeat(Duration::from_secs(300)).first(), FIRST_BEAT);
        assert_eq!(Heartbeat(Duration::from_secs(6)).first(), Duration::from_secs(2));
    }

    #[tokio::test]
    async fn a_message_stays_hidden_while_it_is_handled_and_is_deleted_then() {
        let (queue, message) = delivery().await;
        let looker = queue.clone();
        let work = async {
            // Twice the time that it would be hidden without signs of life.
            assert_eq!(looker.receive(1, VISIBILITY * 2).await.unwrap(), []);
            Verdict::Acknowledge
        };
        attend(&queue, &message, Heartbeat(VISIBILITY), &CancellationToken::new(), work).await;
        assert_eq!(queue.bodies(), [""; 0]);
    }

    #[tokio::test]
    async fn a_message_that_is_returned_is_left_as_it_was_given_back() {
        let (queue, message) = delivery().await;
        let work = async { Verdict::Return };
        attend(&queue, &message, Heartbeat(VISIBILITY), &CancellationToken::new(), work).await;
        assert_eq!(queue.receive(1, Duration::ZERO).await.unwrap(), []);
        assert_eq!(queue.bodies(), ["one"]);
    }

    #[tokio::test]
    async fn a_message_is_given_back_when_there_is_no_more_time_for_it() {
        let (queue, message) = delivery().await;
        let hurry = CancellationToken::new();
        hurry.cancel();
        attend(&queue, &message, Heartbeat(VISIBILITY), &hurry, std::future::pending()).await;
        assert_eq!(queue.receive(1, Duration::ZERO).await.unwrap().len(), 1);
    }
}
