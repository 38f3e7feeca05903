//! `longhaul parked redrive`: sends parked messages back to the queues that they came from.
//!
//! What is sent back may be parked again within the same second. Only what was parked before the command began is taken,
//! each message once: otherwise it would never end.

use std::{
    collections::{BTreeMap, HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use indicatif::{HumanCount, ProgressBar};
use longhaul::{limits::Clock, object::Timestamp, queue::QueueError};
use longhaul_aws::{ParkedMessage, ParkedQueue, SystemClock};
use serde_json::json;

use crate::{
    failure::{Exit, Failure},
    look::{EXAMPLES, Look, code, look_at},
    out::{self, say, tell},
    stack::{self, Queue},
    stack_args::{RedriveArgs, Which},
};

/// Messages that are sent back at once.
const AT_ONCE: usize = 8;
/// So many looks in a row that show only what was parked meanwhile are the end, whatever the queue still has.
const MOST_IDLE: u32 = 5;
/// The queue's own time is known to the second.
const SECOND_MS: i64 = 1000;
/// How often plain lines of progress appear.
const EVERY: Duration = Duration::from_secs(5);

/// What came of sending back.
#[derive(Debug, Default)]
struct Redriven {
    by_queue: BTreeMap<&'static str, u64>,
    /// Parked since the command began: left where they are.
    younger: u64,
    errors: Vec<QueueError>,
}

impl Redriven {
    fn messages(&self) -> u64 {
        self.by_queue.values().sum()
    }
}

/// Sends back, or counts what would be.
pub async fn run(args: &RedriveArgs, json: bool) -> Result<Exit, Failure> {
    let stack = stack::open(&args.stack).await?;
    stack.needed("sqs_queue_jobs")?;
    let mut look = look_at(&stack)?;
    let began = look.parked().now().await?.unwrap_or_else(|| SystemClock::new().now());
    let depth = look.parked().depth().await?;
    let mut round = Round {
        queues: stack.queues(),
        args,
        earlier: Earlier::than(began),
        progress: Progress::of(depth.visible + depth.in_flight, json),
        redriven: Redriven::default(),
    };
    let ended = round.send_back(&mut look).await;
    look.end().await;
    round.progress.bar.finish_and_clear();
    ended?;
    let redriven = round.redriven;
    show(&redriven, args.dry_run, json);
    match (&args.which.id, redriven.messages(), redriven.errors.len()) {
        (Some(id), 0, 0) => {
            let failure = Failure::usage(format!("no message with the id {id:?} was found among the parked ones"));
            Err(failure.advise("see `longhaul parked list`; what somebody else looks at is hidden for some minutes"))
        }
        (_, _, 0) => Ok(Exit::Done),
        _ => Ok(Exit::SomeFailed),
    }
}

fn show(redriven: &Redriven, dry_run: bool, json: bool) {
    for error in redriven.errors.iter().take(EXAMPLES) {
        tell!("error: {}", longhaul::store::error::chain(error));
    }
    let (messages, failed, younger) = (redriven.messages(), redriven.errors.len(), redriven.younger);
    if json {
        let queues = &redriven.by_queue;
        out::object(&json!({ "event": "redriven", "dry_run": dry_run, "messages": messages, "queues": queues,
            "failed": failed, "parked_meanwhile": younger }));
        return;
    }
    for (queue, messages) in &redriven.by_queue {
        say!("{:>12} back to {queue}", HumanCount(*messages).to_string());
    }
    if younger > 0 {
        say!("{:>12} parked since this began, and left", HumanCount(younger).to_string());
    }
    match dry_run {
        true => say!("{} messages would be sent back", HumanCount(messages)),
        false => say!("{} messages sent back, {failed} failed", HumanCount(messages)),
    }
}

/// Which messages were parked before a moment.
struct Earlier {
    moment: Timestamp,
    /// What was sent back, by queue and content.
    sent_back: HashSet<u64>,
}

impl Earlier {
    /// Than a moment of the queue's own time, cut to the second.
    fn than(moment: Timestamp) -> Self {
        Self { moment: Timestamp(moment.0 - moment.0.rem_euclid(SECOND_MS)), sent_back: HashSet::new() }
    }

    /// Whether a message was there before. In the second of the moment only its content tells: what this command itself sent
    /// back is parked again with the same one.
    fn has(&self, message: &ParkedMessage) -> bool {
        match message.sent {
            Some(sent) if sent < self.moment => true,
            Some(sent) if sent.0 >= self.moment.0 + SECOND_MS => false,
            Some(_) | None => !self.sent_back.contains(&content(message)),
        }
    }

    fn note(&mut self, message: &ParkedMessage) {
        self.sent_back.insert(content(message));
    }
}

fn content(message: &ParkedMessage) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&message.queue, &message.body).hash(&mut hasher);
    hasher.finish()
}

/// What people see while it goes on: a bar on a terminal, lines elsewhere.
struct Progress {
    bar: ProgressBar,
    json: bool,
    there: u64,
    said: Instant,
}

impl Progress {
    fn of(there: u64, json: bool) -> Self {
        let bar = if json { ProgressBar::hidden() } else { ProgressBar::new(there) };
        Self { bar, json, there, said: Instant::now() }
    }

    fn is_at(&mut self, messages: u64) {
        self.bar.set_position(messages);
        if self.bar.is_hidden() && self.said.elapsed() >= EVERY {
            self.said = Instant::now();
            let there = self.there;
            match self.json {
                true => out::object(&json!({ "event": "progress", "messages": messages, "parked": there })),
                false => tell!("{} of about {} parked messages", HumanCount(messages), HumanCount(there)),
            }
        }
    }
}

/// One run of the command.
struct Round<'a> {
    queues: Vec<Queue>,
    args: &'a RedriveArgs,
    earlier: Earlier,
    progress: Progress,
    redriven: Redriven,
}

impl Round<'_> {
    /// Goes on until there are no more, enough were sent back, or one could not be.
    async fn send_back(&mut self, look: &mut Look) -> Result<(), QueueError> {
        let mut left = self.args.limit.map_or(usize::MAX, |limit| limit as usize);
        let mut idle = 0;
        while left > 0 && idle < MOST_IDLE && self.redriven.errors.is_empty() {
            let messages = look.next(usize::MAX).await?;
            if messages.is_empty() {
                break;
            }
            let (earlier, younger): (Vec<_>, Vec<_>) =
                messages.into_iter().partition(|message| self.earlier.has(message));
            self.redriven.younger += younger.len() as u64;
            idle = if earlier.is_empty() { idle + 1 } else { 0 };
            let meant = earlier.into_iter().filter(|message| is_meant(&self.args.which, message));
            let meant: Vec<ParkedMessage> = meant.take(left).collect();
            left -= meant.len();
            self.send_some(look, &meant).await;
            if self.args.which.id.is_some() && !meant.is_empty() {
                break;
            }
        }
        Ok(())
    }

    async fn send_some(&mut self, look: &mut Look, messages: &[ParkedMessage]) {
        // Before any of them can be parked again.
        messages.iter().for_each(|message| self.earlier.note(message));
        for (message, queue, sent) in send(look.parked(), &self.queues, messages, self.args.dry_run).await {
            match sent {
                Ok(()) => {
                    if !self.args.dry_run {
                        look.forget(message);
                    }
                    *self.redriven.by_queue.entry(queue).or_default() += 1;
                }
                Err(error) => self.redriven.errors.push(error),
            }
        }
        self.progress.is_at(self.redriven.messages());
    }
}

async fn send<'a>(
    parked: &ParkedQueue,
    queues: &[Queue],
    messages: &'a [ParkedMessage],
    dry_run: bool,
) -> Vec<(&'a ParkedMessage, &'static str, Result<(), QueueError>)> {
    let homes = messages.iter().filter_map(|message| Some((message, home(message, queues)?)));
    let sending = homes.map(|(message, queue)| async move {
        let sent = if dry_run { Ok(()) } else { parked.redrive(message, &queue.queue).await };
        (message, queue.name, sent)
    });
    stream::iter(sending).buffer_unordered(AT_ONCE).collect().await
}

fn is_meant(which: &Which, message: &ParkedMessage) -> bool {
    let is_id = which.id.as_ref().is_some_and(|id| *id == message.id);
    let is_reason = which.reason.as_ref().is_some_and(|reason| reason == code(message));
    which.all || is_id || is_reason
}

/// The queue that a message came from; jobs, where nobody knows: its workers understand the messages of all.
fn home<'a>(message: &ParkedMessage, queues: &'a [Queue]) -> Option<&'a Queue> {
    let known = message.queue.as_deref().and_then(|name| queues.iter().find(|queue| queue.queue.name() == name));
    known.or_else(|| queues.iter().find(|queue| queue.name == "jobs"))
}

#[cfg(test)]
mod tests {
    use longhaul::ledger::Reason;

    use super::*;
    use crate::look::NO_REASON;

    fn message(id: &str, reason: Option<&str>) -> ParkedMessage {
        ParkedMessage {
            id: id.into(),
            receipt: "r".into(),
            body: "{}".into(),
            reason: reason.map(|code| Reason::new(code, "")),
            queue: None,
            sent: None,
            receives: 1,
        }
    }

    fn sent(at: i64, body: &str) -> ParkedMessage {
        ParkedMessage { sent: Some(Timestamp(at)), body: body.into(), ..message("1", None) }
    }

    #[test]
    fn messages_are_meant_by_reason_by_id_or_all() {
        let which = |reason: Option<&str>, id: Option<&str>| Which {
            reason: reason.map(str::to_owned),
            id: id.map(str::to_owned),
            all: reason.is_none() && id.is_none(),
        };
        let denied = message("1", Some("access-denied"));
        assert!(is_meant(&which(Some("access-denied"), None), &denied));
        assert!(!is_meant(&which(Some("archived"), None), &denied));
        assert!(is_meant(&which(None, Some("1")), &denied) && !is_meant(&which(None, Some("2")), &denied));
        assert!(is_meant(&which(None, None), &denied));
    }

    #[test]
    fn what_the_queue_gave_up_on_has_a_reason_too() {
        let which = Which { reason: Some(NO_REASON.into()), all: false, id: None };
        assert!(is_meant(&which, &message("1", None)));
        assert!(!is_meant(&which, &message("1", Some("archived"))));
    }

    #[test]
    fn what_is_parked_again_is_not_what_was_parked_before() {
        let mut earlier = Earlier::than(Timestamp(10_400));
        assert!(earlier.has(&sent(9_999, "a")));
        assert!(!earlier.has(&sent(11_000, "b")), "it was parked behind the moment");
        for twin in [sent(10_100, "a"), sent(10_900, "a"), ParkedMessage { sent: None, ..sent(0, "a") }] {
            assert!(earlier.has(&twin), "in that second nobody knows better");
            earlier.note(&twin);
            assert!(!earlier.has(&twin), "it was sent back a moment ago");
            earlier.sent_back.clear();
        }
        earlier.note(&sent(9_000, "a"));
        assert!(earlier.has(&sent(9_500, "a")), "two of the same content are two");
    }
}
