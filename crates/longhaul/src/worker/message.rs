//! What a worker does with one message: read it, copy what it asks for, and say what becomes of it.
//!
//! A message is acknowledged only when the outcome of everything it asks for is durable: copied and recorded, parked with
//! its reason, or sent on as a new message. Everything else gives it back to the queue.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use tokio_util::sync::CancellationToken;

use crate::{
    copy::{
        attempt::{CopyJob, EngineOf, Known, ObjectReport, OpenStores, Outcome, Recorded},
        copy_object, delete_copy,
        segment::{Delivered, copy_segment},
    },
    ledger::{INTO_ITSELF, NO_ROUTE, RETURNED, Reason},
    limits::{Clock, LegTime},
    queue::{JobQueue, Message, QueueMessage, Verdict, message, settle},
    store::ErrorKind,
    worker::{
        decide::{self, Ending, Plan, Progress, Retry},
        open_engines::{Engines, Shut},
        process::{Delivery, Queues, Worker},
        rules::{DeletePolicy, Rules, Task},
    },
};

impl<W: OpenStores, C: Clock> Worker<W, C> {
    /// Handles one delivery to its end, at the latest by the end of the leg. When it says *return*, the queue has been told
    /// when to deliver the message again.
    pub async fn handle<Q: JobQueue>(
        &self,
        queues: &Queues<'_, Q>,
        message: &QueueMessage,
        rules: &Rules,
        leg: &LegTime,
    ) -> Verdict {
        let halt = CancellationToken::new();
        let stop = leg.stop.child_token();
        let leg = LegTime { stop: stop.clone(), ..leg.clone() };
        let delivery =
            Delivery { worker: self, queue: queues.own, queues, message, rules, leg: &leg, halt: halt.clone() };
        let work = delivery.run();
        tokio::pin!(work);
        let rest = leg.end.saturating_sub(self.clock.elapsed());
        tokio::select! {
            biased;
            verdict = &mut work => return verdict,
            () = self.clock.sleep(rest) => {}
        }
        stop.cancel();
        halt.cancel();
        work.await
    }
}

impl<W: OpenStores, C: Clock, Q: JobQueue> Delivery<'_, W, C, Q> {
    async fn run(&self) -> Verdict {
        let message = match message::parse(&self.message.body) {
            Ok(message) => message,
            Err(malformed) => {
                let reason = Reason::new("malformed", malformed.to_string());
                return self.park_whole(reason).await;
            }
        };
        let tasks: Vec<Task> = message.entries.iter().map(|entry| self.rules.task(entry)).collect();
        let engines = self.open(&tasks).await;
        let endings: Vec<Ending> = stream::iter(0..tasks.len())
            .map(|place| self.perform(&tasks[place], &engines).boxed())
            .buffered(self.worker.settings.copy.objects.max(1))
            .collect()
            .await;
        let endings = self.park(&message, endings).await;
        match decide::plan(&endings, self.message.receives, self.worker.settings.max_receives) {
            Plan::Acknowledge => Verdict::Acknowledge,
            Plan::Return(after) => self.give_back(after).await,
            Plan::SendOn(places) => self.send_on(message.only(&places)).await,
            Plan::GiveUp(reasons) => self.give_up(&message, &tasks, &engines, reasons).await,
        }
    }

    async fn perform(&self, task: &Task, engines: &Engines<W, C>) -> Ending {
        let (buckets, mut job) = match task {
            Task::Copy(buckets, job) | Task::Delete(buckets, job) | Task::Segment(buckets, job, _) => {
                (buckets, job.clone())
            }
            Task::Park(reason) => return Ending::Park(reason.clone()),
            Task::Nothing(reason) => {
                tracing::debug!(reason = reason.code, "nothing to do: {}", reason.message);
                return Ending::Done;
            }
        };
        let engine = match engines.get(buckets) {
            Some(Ok(engine)) => engine,
            Some(Err(Shut::Unreachable(words))) => return self.unreachable(words),
            Some(Err(Shut::IntoItself(reason))) => return Ending::Park(reason.clone()),
            None => return self.unreachable("the buckets were not opened"),
        };
        if self.message.receives > 1 {
            // A delivery before this one may have done it: what was known when the message was sent is known no more.
            (job.recorded, job.known) = (Recorded::Unknown, Known::Unknown);
        }
        let report = match task {
            Task::Delete(..) => self.delete(engine, &job).await,
            Task::Segment(_, _, at) => {
                let delivered = if self.message.receives <= 1 { Delivered::First } else { Delivered::Again };
                let report = Box::pin(copy_segment(engine, &job, at, delivered)).await;
                self.behind_the_deletion(engine, &job, report).await
            }
            Task::Copy(..) | Task::Nothing(_) | Task::Park(_) => {
                let report = Box::pin(copy_object(engine, &job)).await;
                self.behind_the_deletion(engine, &job, report).await
            }
        };
        let refused = report.error.as_ref().is_some_and(|error| error.kind() == ErrorKind::InvalidCredentials);
        if refused {
            self.worker.surroundings.credentials_refused();
        }
        if let Some(follow) = &report.follow
            && let Err(error) = self.carry_on(engine, buckets, &job, follow).await
        {
            tracing::warn!(%error, "the messages that carry an object on could not be sent; this one comes again");
            let after = settle::wait(self.message.receives, self.worker.random());
            let reason = Reason::new("queue", error.to_string());
            return Ending::Retry(Retry { after, progress: Progress::None, reason });
        }
        decide::of_report(&report, self.worker.clock.now(), self.message.receives, self.worker.random())
    }

    async fn behind_the_deletion(&self, engine: &EngineOf<W, C>, job: &CopyJob, report: ObjectReport) -> ObjectReport {
        if report.outcome == Outcome::Gone && self.rules.deletes == DeletePolicy::Propagate {
            // An older copy may have been completed behind the deletion.
            return Box::pin(delete_copy(engine, job)).await;
        }
        report
    }

    /// What was written again while its copy was deleted is copied again.
    async fn delete(&self, engine: &EngineOf<W, C>, job: &CopyJob) -> ObjectReport {
        let report = Box::pin(delete_copy(engine, job)).await;
        if report.reason.as_ref().is_some_and(|reason| reason.code == RETURNED) {
            let job = CopyJob { etag: None, known: Known::Unknown, recorded: Recorded::Unknown, ..job.clone() };
            return Box::pin(copy_object(engine, &job)).await;
        }
        report
    }

    fn unreachable(&self, words: &str) -> Ending {
        tracing::error!(reason = "unreachable", "a store cannot be reached: {words}");
        Ending::Retry(Retry {
            after: settle::wait(self.message.receives, self.worker.random()),
            progress: Progress::None,
            reason: Reason::new("unreachable", words),
        })
    }

    /// Parks what needs help; what cannot be parked is tried again, since it may not get lost.
    async fn park(&self, message: &Message, endings: Vec<Ending>) -> Vec<Ending> {
        let mut settled = Vec::with_capacity(endings.len());
        for (place, ending) in endings.into_iter().enumerate() {
            settled.push(match ending {
                Ending::Park(reason) => {
                    // What no route allows has touched nothing: behind a new route it goes on as it is.
                    let as_it_came = [NO_ROUTE, INTO_ITSELF].contains(&reason.code.as_str());
                    let body = if as_it_came { message.only(&[place]) } else { message.parked(place) };
                    self.park_entry(&body, reason).await
                }
                ending => ending,
            });
        }
        settled
    }

    async fn park_entry(&self, body: &str, reason: Reason) -> Ending {
        match self.park_body(body, &reason).await {
            Ok(()) => Ending::Park(reason),
            Err(after) => Ending::Retry(Retry { after, progress: Progress::None, reason }),
        }
    }

    async fn park_whole(&self, reason: Reason) -> Verdict {
        match self.park_body(&self.message.body, &reason).await {
            Ok(()) => Verdict::Acknowledge,
            Err(after) => self.give_back(after).await,
        }
    }

    /// Parks, or says when to try again.
    async fn park_body(&self, body: &str, reason: &Reason) -> Result<(), Duration> {
        match self.repeated(|| self.queue.park(body, reason)).await {
            Ok(()) => {
                let (code, words, message_id) = (&reason.code, &reason.message, &self.message.id);
                tracing::error!(
                    event = "parked",
                    reason = code,
                    queue = self.queue.name(),
                    message_id,
                    "parked: {words}"
                );
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "what needs help could not be parked; it will be tried again");
                Err(settle::wait(self.message.receives, self.worker.random()))
            }
        }
    }

    /// The queue would give up on the message after this delivery: what is left is parked and recorded as such.
    async fn give_up(
        &self,
        message: &Message,
        tasks: &[Task],
        engines: &Engines<W, C>,
        reasons: Vec<(usize, Reason)>,
    ) -> Verdict {
        for (place, reason) in reasons {
            let task = tasks.get(place);
            let engine = task.and_then(Task::buckets).and_then(|buckets| engines.get(buckets)?.as_ref().ok());
            let recorded = match (task, engine) {
                (Some(Task::Copy(_, job)), Some(engine)) => copy_object::give_up(engine, job, &reason).await,
                (Some(Task::Segment(_, job, at)), Some(engine)) => {
                    copy_segment::give_up(engine, job, at, &reason).await
                }
                _ => Ok(()),
            };
            let is_recorded = engine.is_some() && recorded.is_ok();
            if let Err(error) = recorded {
                tracing::warn!(%error, "what is parked could not be recorded as parked");
            }
            // What the ledger does not show as parked is parked as it came: others may go on with the object.
            let body = if is_recorded { message.parked(place) } else { message.only(&[place]) };
            if let Ending::Retry(again) = self.park_entry(&body, reason).await {
                return self.give_back(again.after).await;
            }
        }
        Verdict::Acknowledge
    }

    async fn send_on(&self, body: String) -> Verdict {
        match self.send(self.queue, vec![body]).await {
            Ok(()) => Verdict::Acknowledge,
            Err(error) => {
                tracing::warn!(%error, "the rest of a message could not be sent on; the whole message comes again");
                self.give_back(Duration::ZERO).await
            }
        }
    }

    async fn give_back(&self, after: Duration) -> Verdict {
        if let Err(error) = self.queue.set_visibility(&self.message.receipt, after).await {
            tracing::warn!(%error, "the message could not be given back; it comes again when its visibility time-out ends");
        }
        Verdict::Return
    }
}
