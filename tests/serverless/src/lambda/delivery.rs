//! What the mapping from a queue to a function does: receive, invoke, delete what succeeded.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_sqs::types::Message;
use serde_json::Value;

use crate::{
    cloud::Queue,
    lambda::{function::Function, runtime_api::Answer, sqs_event::sqs_event},
};

/// One batch, and what came of it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The messages that were received.
    pub messages: Vec<Message>,
    /// What the function answered.
    pub answer: Answer,
    /// The ids of the messages that were not deleted.
    pub failed: BTreeSet<String>,
}

/// Gives up to `most` messages to the function, and deletes those that it does not report as failed. `None` if the
/// queue shows no message.
///
/// # Panics
/// If the function names messages that it was not given, or answers otherwise than Lambda asks for.
pub async fn deliver(function: &Function, queue: &Queue, most: usize, deadline: Duration) -> Option<Delivery> {
    let messages = queue.receive(most).await;
    if messages.is_empty() {
        return None;
    }
    let answer = function.invoke(&sqs_event(queue.arn(), &messages), deadline).await;
    let given: BTreeSet<String> = messages.iter().map(id).collect();
    let failed = match &answer {
        Answer::Response(response) => failures(response),
        Answer::Error(_) | Answer::TimedOut | Answer::Exited => given.clone(),
    };
    assert!(failed.is_subset(&given), "the function names messages that it was not given: {answer:?}");
    for message in messages.iter().filter(|message| !failed.contains(&id(message))) {
        queue.delete(message).await;
    }
    Some(Delivery { messages, answer, failed })
}

fn id(message: &Message) -> String {
    message.message_id().expect("a received message has an id").to_owned()
}

/// Lambda takes nothing, or an empty list, for success; anything that it does not understand for a failure of all.
fn failures(response: &Value) -> BTreeSet<String> {
    let Some(items) = response.get("batchItemFailures").filter(|items| !items.is_null()) else {
        assert!(response.is_null() || response.is_object(), "no answer for a mapping: {response}");
        return BTreeSet::new();
    };
    let items = items.as_array().unwrap_or_else(|| panic!("no list of failures: {response}"));
    let id = |item: &Value| item["itemIdentifier"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
    items.iter().map(|item| id(item).unwrap_or_else(|| panic!("no failure: {item}"))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_and_an_empty_list_are_success() {
        for response in
            [json!(null), json!({}), json!({ "batchItemFailures": null }), json!({ "batchItemFailures": [] })]
        {
            assert_eq!(failures(&response), BTreeSet::new());
        }
    }

    #[test]
    fn named_messages_failed() {
        let response = json!({ "batchItemFailures": [{ "itemIdentifier": "a" }, { "itemIdentifier": "b" }] });
        assert_eq!(failures(&response), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    #[should_panic(expected = "no failure")]
    fn a_failure_without_a_name_is_a_mistake() {
        failures(&json!({ "batchItemFailures": [{ "itemIdentifier": "" }] }));
    }
}
