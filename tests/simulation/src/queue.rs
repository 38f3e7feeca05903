//! SQS as it is: at least once, in any order, late, and not always obedient.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::Duration,
};

use futures_util::future::select;
use longhaul::{
    ledger::{Reason, State},
    queue::{Depth, JobQueue, MAX_BATCH, MAX_BYTES, QueueError, QueueMessage},
};

use crate::{
    clock::wall,
    counts::{Fault, Happening, Op},
    executor::ProcessId,
    stage::{EVENTS, Stage},
    world::{Failure, World},
};

/// Reasons that pass by themselves: only a message that will not be delivered again is parked for them.
const PASSING: [&str; 8] =
    ["throttled", "timed-out", "unavailable", "conflict", "other", "interrupted", "ledger", "unreachable"];

/// A message that was not deleted.
#[derive(Clone, Debug)]
struct Held {
    id: u64,
    body: String,
    sent: Duration,
    receives: u32,
    visible_from: Duration,
    /// Given to somebody and not yet given back.
    in_flight: bool,
}

/// A parked message, and the queue it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// What was sent.
    pub body: String,
    /// Why it is parked; nothing for a message that was delivered too often.
    pub reason: Option<Reason>,
    /// The queue that it is redriven to.
    pub queue: usize,
    /// When it was parked.
    pub at: Duration,
}

#[derive(Default)]
struct Content {
    last_id: u64,
    messages: Vec<Held>,
    waiting: Vec<Waker>,
    /// Whether a process has a message in hand that will not be delivered again.
    last_delivery: HashMap<ProcessId, bool>,
}

impl Content {
    /// Those who wait for a message look again.
    fn changed(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }
}

/// What no route names stands in every message that asks for what no route does.
pub const STOLEN: &str = "stolen";

fn is_hostile(body: &str) -> bool {
    body.contains(STOLEN)
}

/// How a queue behaves.
#[derive(Clone, Copy, Debug)]
pub struct QueueSettings {
    /// How long a received message is hidden.
    pub visibility: Duration,
    /// After so many deliveries a message becomes a dead letter.
    pub max_receives: u32,
    /// The longest time between sending and the first delivery, while things go wrong.
    pub delay: Duration,
    /// How often a message is delivered and not hidden, out of ten thousand.
    pub twice: u16,
}

/// A queue. Clones are the same.
#[derive(Clone)]
pub struct SimQueue {
    world: World,
    name: &'static str,
    number: usize,
    settings: QueueSettings,
    content: Arc<Mutex<Content>>,
    parked: Arc<Mutex<Vec<Parked>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SimQueue {
    /// An empty queue whose parked messages go to `parked`.
    pub fn new(
        world: World,
        name: &'static str,
        number: usize,
        settings: QueueSettings,
        parked: Arc<Mutex<Vec<Parked>>>,
    ) -> Self {
        Self { world, name, number, settings, content: Arc::default(), parked }
    }

    /// The bodies of all messages that were not deleted.
    pub fn bodies(&self) -> Vec<String> {
        lock(&self.content).messages.iter().map(|held| held.body.clone()).collect()
    }

    /// Whether a message that was not deleted has this text, other than the one with that receipt.
    pub fn has_another(&self, text: &str, receipt: &str) -> bool {
        lock(&self.content).messages.iter().any(|held| self.receipt(held) != receipt && held.body.contains(text))
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        lock(&self.content).messages.is_empty()
    }

    /// Puts a message in, as a service does, without any request that could fail.
    pub fn deliver(&self, body: String, delay: Duration) {
        let sent = self.world.now();
        let mut content = lock(&self.content);
        content.last_id += 1;
        let id = content.last_id;
        content.messages.push(Held { id, body, sent, receives: 0, visible_from: sent + delay, in_flight: false });
        content.changed();
    }

    /// The same, some time after: while things go wrong up to the longest delay.
    pub fn deliver_late(&self, body: String) {
        self.accept(&body);
    }

    /// Waits until a message can be received.
    pub async fn something_to_receive(&self) {
        loop {
            let next = lock(&self.content).messages.iter().map(|held| held.visible_from).min();
            let now = self.world.now();
            let wait = match next {
                Some(next) if next <= now => return,
                Some(next) => next - now,
                None => Duration::from_secs(365 * 24 * 3600),
            };
            select(Box::pin(self.change()), self.world.sim().sleep(wait)).await;
        }
    }

    fn change(&self) -> impl Future<Output = ()> + Send {
        let mut registered = false;
        std::future::poll_fn(move |context| {
            if std::mem::replace(&mut registered, true) {
                return Poll::Ready(());
            }
            lock(&self.content).waiting.push(context.waker().clone());
            Poll::Pending
        })
    }

    fn receipt(&self, held: &Held) -> String {
        format!("{}-{}-{}", self.name, held.id, held.receives)
    }

    fn accept(&self, body: &str) {
        let delay = if self.world.faults().are_on(self.world.now()) {
            let random = self.world.faults().random().f64();
            self.settings.delay.mul_f64(random * random)
        } else {
            Duration::ZERO
        };
        self.deliver(body.to_owned(), delay);
    }

    fn refused(&self, operation: &'static str, failure: Failure) -> QueueError {
        let message = format!("made up by the simulation ({:?})", failure.kind);
        QueueError { queue: self.name.to_owned(), operation, message, retryable: true, source: None }
    }

    /// Hands out up to `max` of the visible messages, in any order.
    fn take(&self, max: usize) -> Vec<QueueMessage> {
        let now = self.world.now();
        self.bury(now);
        let mut out = Vec::new();
        for _ in 0..max {
            let mut content = lock(&self.content);
            let visible: Vec<usize> =
                (0..content.messages.len()).filter(|place| content.messages[*place].visible_from <= now).collect();
            if visible.is_empty() {
                break;
            }
            let place = visible[self.world.faults().random().usize(..visible.len())];
            let twice = self.world.happens(self.settings.twice);
            let held = &mut content.messages[place];
            let expired = std::mem::replace(&mut held.in_flight, true);
            held.receives += 1;
            held.visible_from = if twice { now } else { now + self.settings.visibility };
            let held = held.clone();
            drop(content);
            if expired {
                self.world.happened(Happening::VisibilityExpired, || format!("message {}", held.id));
            }
            if twice {
                self.world.happened(Happening::DeliveredTwice, || format!("message {}", held.id));
            }
            out.push(QueueMessage {
                id: format!("{}-{}", self.name, held.id),
                receipt: self.receipt(&held),
                body: held.body,
                receives: held.receives,
                sent: Some(wall(held.sent)),
            });
            if twice {
                break;
            }
        }
        out
    }

    /// What was delivered too often becomes a dead letter when it would be delivered once more.
    fn bury(&self, now: Duration) {
        let mut content = lock(&self.content);
        let max = self.settings.max_receives;
        let is_dead = |held: &Held| held.receives >= max && held.visible_from <= now;
        if !content.messages.iter().any(is_dead) {
            return;
        }
        let (dead, living): (Vec<_>, Vec<_>) = std::mem::take(&mut content.messages).into_iter().partition(is_dead);
        content.messages = living;
        drop(content);
        for held in dead {
            self.world.happened(Happening::DeadLetter, || format!("message {} {}", held.id, held.body));
            lock(&self.parked).push(Parked { body: held.body, reason: None, queue: self.number, at: now });
        }
    }

    /// Whether the process that is running has a message in hand that will not be delivered again.
    fn has_last_delivery(&self) -> bool {
        let process = self.world.sim().current();
        lock(&self.content).last_delivery.get(&process).copied().unwrap_or(true)
    }

    /// Whether the ledger has, or had since this process began, the object of a message as parked: then a delivery gave up, and may
    /// not have come to park its message.
    fn is_recorded_as_parked(&self, body: &str) -> bool {
        let (oracle, process) = (self.world.oracle(), self.world.sim().current());
        let is_in = |place: &str| Stage::token_of(place).is_some_and(|token| body.contains(token));
        let now = oracle.records().iter().any(|(place, kept)| kept.record.state == State::Parked && is_in(place));
        now || oracle.parked_since(process).any(is_in)
    }

    /// A process has these deliveries in hand.
    pub fn handed_to(&self, process: ProcessId, messages: &[QueueMessage]) {
        let receives = messages.iter().map(|message| message.receives).max().unwrap_or(0);
        lock(&self.content).last_delivery.insert(process, receives >= self.settings.max_receives);
    }

    /// The place of a delivery's message, if it may still be changed by this receipt: an old receipt has power by chance only.
    fn find(&self, content: &Content, receipt: &str) -> Option<usize> {
        let mut parts = receipt.rsplitn(2, '-');
        let receives: u32 = parts.next()?.parse().ok()?;
        let id: u64 = parts.next()?.rsplit('-').next()?.parse().ok()?;
        let place = content.messages.iter().position(|held| held.id == id)?;
        let current = content.messages[place].receives == receives;
        (current || self.world.faults().random().bool()).then_some(place)
    }
}

impl JobQueue for SimQueue {
    fn name(&self) -> &str {
        self.name
    }

    async fn send_batch(&self, bodies: &[String]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        const OPERATION: &str = "SendMessageBatch";
        let bytes: usize = bodies.iter().map(String::len).sum();
        if bodies.is_empty() || bodies.len() > MAX_BATCH || bytes > MAX_BYTES {
            self.world.violated(|| format!("{} messages of together {bytes} bytes are no batch", bodies.len()));
        }
        let call = self.world.call(Op::Send);
        call.before().await.map_err(|failure| self.refused(OPERATION, failure))?;
        let mut failing = None;
        if call.has(Fault::EntryFails) {
            failing = Some(self.world.faults().random().usize(..bodies.len()));
        }
        let mut answers = Vec::with_capacity(bodies.len());
        for (place, body) in bodies.iter().enumerate() {
            if failing == Some(place) {
                let refused = self.refused(OPERATION, Failure { kind: call.kind(), in_doubt: false });
                // Some are refused for good, as far as the queue says.
                let retryable = self.world.faults().random().u8(..4) > 0;
                answers.push(Err(QueueError { retryable, ..refused }));
                continue;
            }
            self.accept(body);
            if self.number == EVENTS {
                self.world.happened(Happening::SentOn, || body.clone());
            }
            let process = self.world.sim().current();
            self.world.oracle().sent(process, body);
            answers.push(Ok(()));
        }
        self.world.note(930, || format!("sent {} messages to {}", bodies.len(), self.name));
        call.after().await.map_err(|failure| self.refused(OPERATION, failure))?;
        Ok(answers)
    }

    async fn park(&self, body: &str, reason: &Reason) -> Result<(), QueueError> {
        let call = self.world.call(Op::Park);
        call.before().await.map_err(|failure| self.refused("SendMessage", failure))?;
        if PASSING.contains(&reason.code.as_str()) && !self.has_last_delivery() && !self.is_recorded_as_parked(body) {
            self.world.violated(|| {
                format!("never lost: parked for {}, which passes, before its last delivery: {body}", reason.code)
            });
        }
        if reason.code == "no-route" && is_hostile(body) {
            // Nobody helps it, and its object is none the worse.
            self.world.happened(Happening::HostileParked, || body.to_owned());
            return call.after().await.map_err(|failure| self.refused("SendMessage", failure));
        }
        lock(&self.parked).push(Parked {
            body: body.to_owned(),
            reason: Some(reason.clone()),
            queue: self.number,
            at: self.world.now(),
        });
        *self.world.counts().parked.entry(reason.code.clone()).or_default() += 1;
        self.world.happened(Happening::Parked, || format!("{}: {} {body}", reason.code, reason.message));
        call.after().await.map_err(|failure| self.refused("SendMessage", failure))
    }

    async fn receive(&self, max: usize, _wait: Duration) -> Result<Vec<QueueMessage>, QueueError> {
        let call = self.world.call(Op::Receive);
        call.before().await.map_err(|failure| self.refused("ReceiveMessage", failure))?;
        let messages = self.take(max);
        call.after().await.map_err(|failure| self.refused("ReceiveMessage", failure))?;
        Ok(messages)
    }

    async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        let call = self.world.call(Op::DeleteMessage);
        call.before().await.map_err(|failure| self.refused("DeleteMessage", failure))?;
        {
            let mut content = lock(&self.content);
            if let Some(place) = self.find(&content, receipt) {
                content.messages.swap_remove(place);
            }
        }
        self.world.note(940, || format!("deleted {receipt}"));
        call.after().await.map_err(|failure| self.refused("DeleteMessage", failure))
    }

    async fn set_visibility(&self, receipt: &str, after: Duration) -> Result<(), QueueError> {
        const OPERATION: &str = "ChangeMessageVisibility";
        let call = self.world.call(Op::SetVisibility);
        call.before().await.map_err(|failure| self.refused(OPERATION, failure))?;
        let now = self.world.now();
        {
            let mut content = lock(&self.content);
            if let Some(place) = self.find(&content, receipt) {
                let held = &mut content.messages[place];
                held.visible_from = now + after;
                held.in_flight = false;
                content.changed();
            }
        }
        self.world.note(950, || format!("{receipt} is given back for {:.1} s", after.as_secs_f64()));
        call.after().await.map_err(|failure| self.refused(OPERATION, failure))
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let call = self.world.call(Op::Depth);
        call.before().await.map_err(|failure| self.refused("GetQueueAttributes", failure))?;
        let now = self.world.now();
        let (visible, in_flight) = {
            let content = lock(&self.content);
            let visible = content.messages.iter().filter(|held| held.visible_from <= now).count();
            (visible as u64, (content.messages.len() - visible) as u64)
        };
        call.after().await.map_err(|failure| self.refused("GetQueueAttributes", failure))?;
        Ok(Depth { visible, in_flight, delayed: 0 })
    }
}
