//! The loop of a long-running worker: receives messages and has each attended to in a task of its own.
//!
//! Never more messages are in this process's hands than may be handled at once. A task that panics ends alone; its
//! message is delivered again. Queues may fail for as long as they like.

use std::time::Duration;

use longhaul::queue::{JobQueue, MAX_BATCH, QueueError, QueueMessage};
use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    heartbeat::give_back,
    rota::{Rota, Turn},
};

/// How much longer than it was told to wait a queue may take to answer, repeats included.
const LATE: Duration = Duration::from_secs(120);
/// How long an answer is waited for once the process is to stop. A receive in good order is over by then.
const LAST_ANSWER: Duration = Duration::from_secs(8);
/// How long giving everything back may take.
const GIVING_BACK: Duration = Duration::from_secs(10);

/// When to end, and how.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    /// No more messages are taken; what is in flight may arrive.
    pub stop: CancellationToken,
    /// What is still in flight is given back.
    pub hurry: CancellationToken,
}

/// Polls queues.
pub struct Poller<Q, A> {
    queues: Vec<Q>,
    attend: A,
    limit: usize,
    ends: Ends,
    rota: Rota,
    tasks: JoinSet<()>,
    began: Instant,
}

impl<Q, A, F> Poller<Q, A>
where
    Q: JobQueue + Clone,
    A: Fn(Q, QueueMessage) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    /// Has at most `limit` messages at once attended to.
    pub fn new(queues: Vec<Q>, limit: usize, ends: Ends, attend: A) -> Self {
        let rota = Rota::new(queues.len());
        Self { queues, attend, limit: limit.max(1), ends, rota, tasks: JoinSet::new(), began: Instant::now() }
    }

    /// Polls until it is told to stop, and ends what is under way: by itself within `grace`, and then by giving it
    /// back. An error is a queue that cannot be used, and never could since this process began.
    pub async fn run(mut self, grace: Duration) -> Result<(), QueueError> {
        let polled = self.poll().await;
        self.ends.stop.cancel();
        self.finish(grace).await;
        polled
    }

    async fn poll(&mut self) -> Result<(), QueueError> {
        while !self.ends.stop.is_cancelled() {
            while let Some(ended) = self.tasks.try_join_next() {
                notice(ended);
            }
            match self.limit.saturating_sub(self.tasks.len()) {
                0 => self.until_one_ends().await,
                free => match self.rota.turn(self.began.elapsed()) {
                    Turn::Ask { place, wait } => self.receive(place, free, wait).await?,
                    Turn::Pause(pause) => self.unless_stopped(sleep(pause)).await,
                },
            }
        }
        Ok(())
    }

    async fn until_one_ends(&mut self) {
        let stop = self.ends.stop.clone();
        tokio::select! {
            Some(ended) = self.tasks.join_next() => notice(ended),
            () = stop.cancelled() => {}
        }
    }

    async fn unless_stopped(&self, wait: impl Future<Output = ()>) {
        tokio::select! {
            () = wait => {}
            () = self.ends.stop.cancelled() => {}
        }
    }

    async fn receive(&mut self, place: usize, free: usize, wait: Duration) -> Result<(), QueueError> {
        let queue = &self.queues[place];
        match self.answer(queue, free, wait).await {
            Some(Ok(messages)) => {
                self.rota.answered(place, messages.len());
                for message in messages {
                    match self.ends.stop.is_cancelled() {
                        true => give_back(queue, &message).await,
                        false => drop(self.tasks.spawn((self.attend)(queue.clone(), message))),
                    }
                }
            }
            Some(Err(error)) if !error.retryable && !self.rota.has_answered(place) => return Err(error),
            Some(Err(error)) => self.leave_alone(place, &error.to_string()),
            None => self.leave_alone(place, "the queue did not answer"),
        }
        Ok(())
    }

    /// What a queue answers, if it does. A stop breaks no receive off that is in good order: what it was about to bring
    /// would stay hidden; what it brings late is given back.
    async fn answer(&self, queue: &Q, free: usize, wait: Duration) -> Option<Result<Vec<QueueMessage>, QueueError>> {
        let stopped = async {
            self.ends.stop.cancelled().await;
            sleep(LAST_ANSWER).await;
        };
        tokio::select! {
            biased;
            answer = queue.receive(free.min(MAX_BATCH), wait) => Some(answer),
            () = sleep(wait + LATE) => None,
            () = stopped => None,
        }
    }

    fn leave_alone(&mut self, place: usize, error: &str) {
        let pause = self.rota.failed(place, self.began.elapsed(), fastrand::f64());
        tracing::warn!(event = "queue", seconds = pause.as_secs_f64(), "{error}; it is asked again after a pause");
    }

    async fn finish(&mut self, grace: Duration) {
        if timeout(grace, self.until_all_end()).await.is_ok() {
            return;
        }
        tracing::warn!(event = "hurry", messages = self.tasks.len(), "the time is up: what is in flight is given back");
        self.ends.hurry.cancel();
        if timeout(GIVING_BACK, self.until_all_end()).await.is_err() {
            let messages = self.tasks.len();
            tracing::warn!(
                event = "hurry",
                messages,
                "not given back; these messages come again when their time is up"
            );
        }
    }

    async fn until_all_end(&mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            notice(ended);
        }
    }
}

fn notice(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(reason = "panic", "a message could not be handled, and comes again: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use longhaul::memory::MemoryQueue;
    use longhaul_aws::SystemClock;

    use super::*;

    const HIDDEN: Duration = Duration::from_secs(60);
    const GRACE: Duration = Duration::from_secs(30);

    type Queue = MemoryQueue<SystemClock>;

    async fn queue(bodies: &[&str]) -> Queue {
        let queue = MemoryQueue::new(Arc::new(SystemClock::new()), HIDDEN);
        for body in bodies {
            queue.send_batch(&[(*body).to_owned()]).await.unwrap()[0].as_ref().unwrap();
        }
        queue
    }

    async fn until_empty(queue: &Queue) {
        while !queue.bodies().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_message_that_makes_its_task_panic_stops_no_other() {
        let (events, jobs) = (queue(&["good", "bad"]).await, queue(&["good"]).await);
        let ends = Ends::default();
        let attend = |queue: Queue, message: QueueMessage| async move {
            assert!(message.body == "good", "this one panics");
            queue.delete(&message.receipt).await.unwrap();
        };
        let poller = Poller::new(vec![events.clone(), jobs.clone()], 2, ends.clone(), attend);
        let watch = async {
            until_empty(&jobs).await;
            while events.bodies() != ["bad"] {
                sleep(Duration::from_millis(5)).await;
            }
            ends.stop.cancel();
        };
        let (ran, ()) = tokio::join!(poller.run(GRACE), watch);
        ran.unwrap();
    }

    #[tokio::test]
    async fn never_more_messages_are_taken_than_may_be_handled_at_once() {
        let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let queue = queue(&["1", "2", "3", "4", "5", "6", "7"]).await;
        let ends = Ends::default();
        let attend = {
            let (busy, most) = (Arc::clone(&busy), Arc::clone(&most));
            move |queue: Queue, message: QueueMessage| {
                let (busy, most) = (Arc::clone(&busy), Arc::clone(&most));
                async move {
                    most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    sleep(Duration::from_millis(20)).await;
                    busy.fetch_sub(1, Ordering::SeqCst);
                    queue.delete(&message.receipt).await.unwrap();
                }
            }
        };
        let poller = Poller::new(vec![queue.clone()], 3, ends.clone(), attend);
        let watch = async {
            until_empty(&queue).await;
            ends.stop.cancel();
        };
        let (ran, ()) = tokio::join!(poller.run(GRACE), watch);
        ran.unwrap();
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_stop_waits_for_what_is_in_flight_and_then_has_it_given_back() {
        let queue = queue(&["endless"]).await;
        let ends = Ends::default();
        let attend = {
            let ends = ends.clone();
            move |queue: Queue, message: QueueMessage| {
                let ends = ends.clone();
                async move {
                    ends.stop.cancel();
                    ends.hurry.cancelled().await;
                    give_back(&queue, &message).await;
                }
            }
        };
        let poller = Poller::new(vec![queue.clone()], 1, ends, attend);
        poller.run(Duration::from_millis(50)).await.unwrap();
        assert_eq!(queue.receive(1, Duration::ZERO).await.unwrap()[0].receives, 2);
    }
}
