//! `longhaul parked list|redrive`: the messages of a stack that wait for somebody's help.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use indicatif::HumanCount;
use longhaul::{error::QueueError, text::escaped};
use longhaul_aws::{ParkedMessage, ParkedQueue};
use serde_json::json;

use crate::{
    clock::rfc3339,
    failure::{Exit, Failure},
    look::Look,
    out::{self, say, tell},
    stack::{self, Queue, Stack},
    stack_args::{ParkedCommand, ParkedListArgs, RedriveArgs, Which},
};

/// The reason of messages that nobody gave one: the queue itself moved them here.
const NO_REASON: &str = "received-too-often";
/// How many examples of a reason are shown.
const EXAMPLES: usize = 3;
/// How much of a body is shown.
const SHOWN_BODY: usize = 200;
/// Messages that are sent back at once.
const AT_ONCE: usize = 8;

/// Shows, or sends back.
pub async fn run(command: ParkedCommand, json: bool) -> Result<Exit, Failure> {
    match command {
        ParkedCommand::List(args) => list(&args, json).await,
        ParkedCommand::Redrive(args) => redrive(&args, json).await,
    }
}

fn code(message: &ParkedMessage) -> &str {
    message.reason.as_ref().map_or(NO_REASON, |reason| reason.code.as_str())
}

/// Messages of one reason.
#[derive(Debug, Default)]
struct Group {
    messages: u64,
    examples: Vec<ParkedMessage>,
}

async fn list(args: &ParkedListArgs, json: bool) -> Result<Exit, Failure> {
    let stack = stack::open(&args.stack).await?;
    let mut look = look_at(&stack)?;
    let depth = look.parked().depth().await?;
    let groups = gather(&mut look, args).await;
    look.end().await;
    let groups = groups?;
    match json {
        true => groups.iter().for_each(|(reason, group)| out::object(&line(reason, group))),
        false => show(&groups, depth.visible + depth.in_flight),
    }
    Ok(Exit::Done)
}

fn look_at(stack: &Stack) -> Result<Look, Failure> {
    Ok(Look::new(&stack.cloud, stack.needed("sqs_queue_parked")?))
}

async fn gather(look: &mut Look, args: &ParkedListArgs) -> Result<BTreeMap<String, Group>, QueueError> {
    let is_meant = |message: &ParkedMessage| args.reason.as_deref().is_none_or(|reason| reason == code(message));
    let mut groups = BTreeMap::<String, Group>::new();
    let mut left = args.limit as usize;
    while left > 0 {
        let messages = look.next(left).await?;
        if messages.is_empty() {
            break;
        }
        left = left.saturating_sub(messages.len());
        for message in messages.into_iter().filter(is_meant) {
            let group = groups.entry(code(&message).to_owned()).or_default();
            group.messages += 1;
            if group.examples.len() < EXAMPLES {
                group.examples.push(message);
            }
        }
    }
    Ok(groups)
}

fn show(groups: &BTreeMap<String, Group>, there: u64) {
    for (reason, group) in groups {
        say!("{:>12} {}", HumanCount(group.messages).to_string(), escaped(reason));
        for message in &group.examples {
            let from = message.queue.as_deref().unwrap_or("an unknown queue");
            let sent = message.sent.map_or_else(String::new, |sent| format!(", sent {}", rfc3339(sent)));
            say!("{:>12} {} from {}{sent}", "", escaped(&message.id), escaped(from));
            if let Some(reason) = message.reason.as_ref().filter(|reason| !reason.message.is_empty()) {
                say!("{:>12}   {}", "", reason.message);
            }
            say!("{:>12}   {}", "", excerpt(&message.body));
        }
    }
    let seen = groups.values().map(|group| group.messages).sum();
    say!("{} messages shown; the queue has about {}", HumanCount(seen), HumanCount(there));
}

fn excerpt(body: &str) -> String {
    let cut: String = body.chars().take(SHOWN_BODY).collect();
    if cut.len() < body.len() { format!("{cut}…") } else { cut }
}

fn line(reason: &str, group: &Group) -> serde_json::Value {
    let example = |message: &ParkedMessage| {
        json!({
            "id": message.id,
            "message": message.reason.as_ref().map(|reason| &reason.message),
            "queue": message.queue,
            "sent": message.sent.map(rfc3339),
            "receives": message.receives,
            "body": message.body,
        })
    };
    let examples: Vec<_> = group.examples.iter().map(example).collect();
    json!({ "event": "parked", "reason": reason, "messages": group.messages, "examples": examples })
}

/// What came of sending back.
#[derive(Debug, Default)]
struct Redriven {
    by_queue: BTreeMap<&'static str, u64>,
    errors: Vec<QueueError>,
}

impl Redriven {
    fn messages(&self) -> u64 {
        self.by_queue.values().sum()
    }
}

async fn redrive(args: &RedriveArgs, json: bool) -> Result<Exit, Failure> {
    let stack = stack::open(&args.stack).await?;
    stack.needed("sqs_queue_jobs")?;
    let mut look = look_at(&stack)?;
    let mut redriven = Redriven::default();
    let ended = send_back(&mut look, &stack.queues(), args, &mut redriven).await;
    look.end().await;
    ended?;
    show_redriven(&redriven, json);
    match (&args.which.id, redriven.messages(), redriven.errors.len()) {
        (Some(id), 0, 0) => {
            let failure = Failure::usage(format!("no message with the id {id:?} was found among the parked ones"));
            Err(failure.advise("see `longhaul parked list`; what somebody else looks at is hidden for some minutes"))
        }
        (_, _, 0) => Ok(Exit::Done),
        _ => Ok(Exit::SomeFailed),
    }
}

fn show_redriven(redriven: &Redriven, json: bool) {
    for error in redriven.errors.iter().take(EXAMPLES) {
        tell!("error: {}", longhaul::error::chain(error));
    }
    let (messages, failed) = (redriven.messages(), redriven.errors.len());
    if json {
        let queues = &redriven.by_queue;
        out::object(&json!({ "event": "redriven", "messages": messages, "queues": queues, "failed": failed }));
        return;
    }
    for (queue, messages) in &redriven.by_queue {
        say!("{:>12} back to {queue}", HumanCount(*messages).to_string());
    }
    say!("{} messages sent back, {failed} failed", HumanCount(messages));
}

/// Goes on until there are no more, enough were sent back, or one could not be.
async fn send_back(
    look: &mut Look,
    queues: &[Queue],
    args: &RedriveArgs,
    redriven: &mut Redriven,
) -> Result<(), QueueError> {
    let mut left = args.limit.map_or(usize::MAX, |limit| limit as usize);
    while left > 0 && redriven.errors.is_empty() {
        let messages = look.next(usize::MAX).await?;
        if messages.is_empty() {
            break;
        }
        let meant = messages.into_iter().filter(|message| is_meant(&args.which, message));
        let meant: Vec<ParkedMessage> = meant.take(left).collect();
        left -= meant.len();
        for (message, queue, sent) in send_some(look.parked(), queues, &meant).await {
            match sent {
                Ok(()) => {
                    look.forget(message);
                    *redriven.by_queue.entry(queue).or_default() += 1;
                }
                Err(error) => redriven.errors.push(error),
            }
        }
        if args.which.id.is_some() && !meant.is_empty() {
            break;
        }
    }
    Ok(())
}

async fn send_some<'a>(
    parked: &ParkedQueue,
    queues: &[Queue],
    messages: &'a [ParkedMessage],
) -> Vec<(&'a ParkedMessage, &'static str, Result<(), QueueError>)> {
    let homes = messages.iter().filter_map(|message| Some((message, home(message, queues)?)));
    let sending = homes.map(|(message, queue)| async move {
        let sent = parked.redrive(message, &queue.queue).await;
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
    use longhaul::record::Reason;

    use super::*;

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
    fn long_bodies_are_cut_between_characters() {
        assert_eq!(excerpt("{}"), "{}");
        assert_eq!(excerpt(&"日".repeat(300)), format!("{}…", "日".repeat(200)));
    }
}
