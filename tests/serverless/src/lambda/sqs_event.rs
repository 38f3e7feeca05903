//! The event that Lambda makes of a queue's messages.

use std::{
    collections::HashMap,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use emulator::{ACCOUNT_ID, REGION};
use serde_json::{Map, Value, json};

/// The event of these messages, received from the queue with this ARN.
#[must_use]
pub fn sqs_event(queue_arn: &str, messages: &[Message]) -> Value {
    let records: Vec<Value> = messages.iter().map(|message| record(queue_arn, message)).collect();
    json!({ "Records": records })
}

/// A message that was in no queue, received for the `receives`th time. Its id and handle are made of `number`.
#[must_use]
pub fn made_up(number: u64, body: &str, receives: u32) -> Message {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_millis().to_string();
    let attributes = HashMap::from([
        (MessageSystemAttributeName::ApproximateReceiveCount, receives.to_string()),
        (MessageSystemAttributeName::SentTimestamp, now.clone()),
        (MessageSystemAttributeName::SenderId, ACCOUNT_ID.to_owned()),
        (MessageSystemAttributeName::ApproximateFirstReceiveTimestamp, now),
    ]);
    Message::builder()
        .message_id(format!("00000000-0000-4000-9000-{number:012}"))
        .receipt_handle(format!("handle-{number}"))
        .body(body)
        .set_attributes(Some(attributes))
        .build()
}

fn record(queue_arn: &str, message: &Message) -> Value {
    let attributes = message.attributes().into_iter().flatten();
    let attributes: Map<String, Value> =
        attributes.map(|(name, value)| (name.as_str().to_owned(), Value::from(value.as_str()))).collect();
    let extra = message.message_attributes().into_iter().flatten();
    let extra: Map<String, Value> = extra.map(|(name, value)| (name.clone(), attribute(value))).collect();
    json!({
        "messageId": message.message_id(),
        "receiptHandle": message.receipt_handle(),
        "body": message.body(),
        "md5OfBody": message.md5_of_body(),
        "attributes": attributes,
        "messageAttributes": extra,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    })
}

fn attribute(value: &MessageAttributeValue) -> Value {
    json!({
        "stringValue": value.string_value(),
        "dataType": value.data_type(),
        "stringListValues": [],
        "binaryListValues": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_what_a_function_may_look_at() {
        let message = made_up(7, "body", 3);
        let event = sqs_event("arn:aws:sqs:us-east-1:000000000000:jobs", &[message]);
        let record = &event["Records"][0];
        assert_eq!(record["messageId"], "00000000-0000-4000-9000-000000000007");
        assert_eq!(record["receiptHandle"], "handle-7");
        assert_eq!(record["body"], "body");
        assert_eq!(record["attributes"]["ApproximateReceiveCount"], "3");
        assert_eq!(record["eventSourceARN"], "arn:aws:sqs:us-east-1:000000000000:jobs");
    }
}
