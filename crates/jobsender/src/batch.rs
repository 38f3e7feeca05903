//! The messages of a scan in one invocation; those that are not finished are reported one by one.

use std::time::SystemTime;

use longhaul::{
    object::Timestamp,
    queue::{QueueMessage, Verdict},
};
use longhaul_aws::{StackJobsender, time_left};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The event of an SQS mapping, as far as it is needed.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    receipt_handle: String,
    body: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attributes {
    approximate_receive_count: Option<String>,
    sent_timestamp: Option<String>,
}

impl From<Record> for QueueMessage {
    fn from(record: Record) -> Self {
        let Attributes { approximate_receive_count, sent_timestamp } = record.attributes;
        Self {
            receives: approximate_receive_count.and_then(|count| count.parse().ok()).unwrap_or(1),
            sent: sent_timestamp.and_then(|time| time.parse().ok()).map(Timestamp),
            id: record.message_id,
            receipt: record.receipt_handle,
            body: record.body,
        }
    }
}

/// Handles the records of an invocation that ends at `deadline`, one after the other: the mapping brings one at a time.
pub async fn handle(jobsender: &StackJobsender, payload: Value, deadline: SystemTime) -> Result<Value, String> {
    let event: Event = serde_json::from_value(payload).map_err(|error| format!("no event of a queue: {error}"))?;
    let Some(queue) = jobsender.scan_queue() else {
        return Err("messages of a scan came, and the setting sqs_queue_scan is missing".to_owned());
    };
    let mut failed = Vec::new();
    for record in event.records {
        let message = QueueMessage::from(record);
        let rest = time_left(deadline, SystemTime::now(), jobsender.settings().job_timeout);
        let leg = jobsender.leg(rest, CancellationToken::new());
        if jobsender.handle(queue, &message, &leg).await == Verdict::Return {
            failed.push(json!({ "itemIdentifier": message.id }));
        }
    }
    Ok(json!({ "batchItemFailures": failed }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_a_message_with_its_deliveries() {
        let record = json!({
            "messageId": "m", "receiptHandle": "r", "body": "{}", "eventSource": "aws:sqs",
            "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1700000000000", "SenderId": "s"},
        });
        let event: Event = serde_json::from_value(json!({ "Records": [record] })).unwrap();
        let message = QueueMessage::from(event.records.into_iter().next().unwrap());
        let sent = Some(Timestamp(1_700_000_000_000));
        let expected = QueueMessage { id: "m".into(), receipt: "r".into(), body: "{}".into(), receives: 3, sent };
        assert_eq!(message, expected);
    }
}
