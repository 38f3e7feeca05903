//! What becomes of one delivery of the message of a range.
//!
//! A message is acknowledged when its range is closed, or when the message was sent anew. It is parked at its last delivery,
//! and the range stays open; and at once where the comparison of its route has ended. Otherwise it is given back.

use std::time::Duration;

use crate::{
    copy::attempt::OpenStores,
    jobsender::{
        error::Stopped,
        leg::{Account, ScanLeg},
        range_work::Worked,
    },
    ledger::{Reason, ScanLedger, Sweep, Taken},
    limits::Clock,
    object::Timestamp,
    queue::{JobQueue, Malformed, QueueMessage, Verdict, settle},
    store::chain,
};

/// How long a message waits whose range somebody else has taken over, or whose holder's lease has no end.
const SHORT_WAIT: Duration = Duration::from_secs(30);

/// The longest that a message waits for somebody else's lease.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Spread behind the end of a lease, so that those who wait do not come all at once.
const LEASE_JITTER: Duration = Duration::from_secs(10);

impl<W: OpenStores, G: ScanLedger, C: Clock, Q: JobQueue> ScanLeg<'_, W, G, C, Q> {
    /// One delivery of the message of a range.
    pub async fn handle(&self, queue: &Q, message: &QueueMessage, number: u32) -> Verdict {
        let taken = self.change(|record, hand| {
            record.sweep(Sweep::Unsent, hand);
            (record.take(number, hand), record.due(hand))
        });
        let (taken, due) = match taken.await {
            Ok(Some(taken)) => taken,
            Ok(None) => (Taken::Closed, Vec::new()),
            Err(error) => return self.again(queue, message, number, &Stopped::from(error)).await,
        };
        self.send_due(&due).await;
        match taken {
            Taken::Ours(route, range) => {
                let mut account = Account::default();
                let worked = Box::pin(self.work(number, &route, &range, &mut account)).await;
                self.heed(&worked);
                self.verdict(queue, message, number, (worked, account)).await
            }
            Taken::Busy(until) => self.wait_for(queue, message, number, until).await,
            Taken::Closed => {
                tracing::debug!(reason = "superseded", number, "the range is closed: the message is late");
                Verdict::Acknowledge
            }
        }
    }

    async fn verdict(
        &self,
        queue: &Q,
        message: &QueueMessage,
        number: u32,
        (worked, account): (Result<Worked, Stopped>, Account),
    ) -> Verdict {
        match worked {
            Ok(Worked::End) => return Verdict::Acknowledge,
            // Whoever took it over may be at work for this very message.
            Ok(Worked::Lost) => return self.give_back(queue, message, SHORT_WAIT).await,
            // Nothing is left to do for it, and somebody must hear of it.
            Err(error @ Stopped::Unordered(_)) => {
                return self.park(queue, message, &Reason::new(error.code(), chain(&error))).await;
            }
            Ok(Worked::Left) | Err(_) => {}
        }
        // Without this the range would only be out of others' hands for longer.
        if let Err(error) = self.change(|record, hand| record.release(number, hand)).await {
            tracing::warn!(%error, "a range could not be released; its lease will end");
        }
        match worked {
            _ if !account.moved && self.told_to_stop.is_cancelled() => self.hand_back(queue, message, number).await,
            Err(error) if !account.moved => self.again(queue, message, number, &error).await,
            Ok(_) if !account.moved => self.again(queue, message, number, &Stopped::NoProgress).await,
            Err(error) if message.receives < self.jobsender.settings.max_receives => {
                self.again(queue, message, number, &error).await
            }
            _ => self.send_anew(queue, message, number).await,
        }
    }

    /// Gives a message back that came to nothing, or parks it at its last delivery. The range stays open.
    async fn again(&self, queue: &Q, message: &QueueMessage, number: u32, error: &Stopped) -> Verdict {
        let words = chain(error);
        let reason = Reason::new(error.code(), &words);
        if message.receives >= self.jobsender.settings.max_receives {
            return self.park(queue, message, &reason).await;
        }
        tracing::error!(event = "range", reason = reason.code, number, "a range was not compared to its end: {words}");
        self.give_back(queue, message, settle::wait(message.receives, self.jobsender.random())).await
    }

    /// Lets go of a message because the process stops, which is no failure. Given back at its last delivery it would be parked.
    async fn hand_back(&self, queue: &Q, message: &QueueMessage, number: u32) -> Verdict {
        if message.receives >= self.jobsender.settings.max_receives {
            return self.send_anew(queue, message, number).await;
        }
        self.give_back(queue, message, Duration::ZERO).await
    }

    /// Somebody else is at work on the range, or was when its process ended.
    async fn wait_for(&self, queue: &Q, message: &QueueMessage, number: u32, until: Option<Timestamp>) -> Verdict {
        if message.receives >= self.jobsender.settings.max_receives {
            return self.send_anew(queue, message, number).await;
        }
        let now = self.jobsender.clock.now();
        let rest = until.map(|until| Duration::from_millis(u64::try_from(until.0 - now.0).unwrap_or(0)));
        let wait = rest.unwrap_or(SHORT_WAIT).min(LONGEST_WAIT) + LEASE_JITTER.mul_f64(self.jobsender.random());
        self.give_back(queue, message, wait).await
    }

    /// The same message again, whose deliveries are counted anew.
    async fn send_anew(&self, queue: &Q, message: &QueueMessage, number: u32) -> Verdict {
        match self.send_messages(queue, &self.id, &[number]).await {
            Ok(()) => Verdict::Acknowledge,
            Err(error) => {
                tracing::warn!(%error, "the rest of a range could not be sent on; its message comes again");
                self.give_back(queue, message, Duration::ZERO).await
            }
        }
    }

    /// Parks what is no message of a scan.
    pub async fn refuse(&self, queue: &Q, message: &QueueMessage, malformed: &Malformed) -> Verdict {
        self.park(queue, message, &Reason::new("malformed", malformed.to_string())).await
    }

    async fn park(&self, queue: &Q, message: &QueueMessage, reason: &Reason) -> Verdict {
        let (code, words, message_id) = (&reason.code, &reason.message, &message.id);
        match self.repeated(|| queue.park(&message.body, reason)).await {
            Ok(()) => {
                tracing::error!(event = "parked", reason = code, queue = queue.name(), message_id, "parked: {words}");
                Verdict::Acknowledge
            }
            Err(error) => {
                tracing::error!(%error, "what needs help could not be parked; it will be tried again");
                self.give_back(queue, message, settle::wait(message.receives, self.jobsender.random())).await
            }
        }
    }

    async fn give_back(&self, queue: &Q, message: &QueueMessage, after: Duration) -> Verdict {
        if let Err(error) = queue.set_visibility(&message.receipt, after).await {
            tracing::warn!(%error, "the message could not be given back; it comes again when its visibility time-out ends");
        }
        Verdict::Return
    }
}
