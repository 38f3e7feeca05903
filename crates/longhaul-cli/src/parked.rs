//! `longhaul parked list|redrive`: the messages of a stack that wait for somebody's help. Sending back is in [`redrive`].

use std::collections::BTreeMap;

use indicatif::HumanCount;
use longhaul::{queue::QueueError, text::escaped};
use longhaul_aws::ParkedMessage;
use serde_json::json;

use crate::{
    clock::rfc3339,
    failure::{Exit, Failure},
    look::{EXAMPLES, Look, code, look_at},
    out::{self, say},
    redrive, stack,
    stack_args::{ParkedCommand, ParkedListArgs},
};

/// Shows, or sends back.
pub async fn run(command: ParkedCommand, json: bool) -> Result<Exit, Failure> {
    match command {
        ParkedCommand::List(args) => list(&args, json).await,
        ParkedCommand::Redrive(args) => redrive::run(&args, json).await,
    }
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

/// How much of a body is shown.
const SHOWN_BODY: usize = 200;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bodies_are_cut_between_characters() {
        assert_eq!(excerpt("{}"), "{}");
        assert_eq!(excerpt(&"日".repeat(300)), format!("{}…", "日".repeat(200)));
    }
}
