//! One invocation: every record on its own, at the same time; only the unfinished ones are reported.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use longhaul::{
    limits::LegTime,
    object::Timestamp,
    queue::{QueueMessage, Verdict},
};
use longhaul_aws::{StackWorker, time_left};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often the bytes moved so far are written into the log.
const TRAFFIC_LINES: Duration = Duration::from_secs(30);

/// Handles the records of an invocation that ends at `deadline`. A record that panics is unfinished; the others go on.
pub async fn handle(worker: Arc<StackWorker>, event: SqsEvent, deadline: SystemTime) -> SqsBatchResponse {
    let began = SystemTime::now();
    let before = Counts::of(&worker);
    let rest = time_left(deadline, began, worker.settings().job_timeout);
    let leg = worker.leg(rest, CancellationToken::new());
    let mut response = SqsBatchResponse::default();
    let records = event.records.len();
    for id in unfinished(&worker, event.records, &leg).await {
        response.add_failure(id);
    }
    worker.journal().log_traffic();
    let spent = Counts::of(&worker).since(&before);
    let seconds = began.elapsed().unwrap_or_default().as_secs_f64();
    tracing::info!(
        event = "invocation",
        records,
        failed = response.batch_item_failures.len(),
        s3_requests = spent.s3,
        dynamodb_requests = spent.dynamodb,
        sqs_requests = spent.sqs,
        seconds,
        "the invocation is over"
    );
    response
}

/// The ids of the records that are not finished.
async fn unfinished(worker: &Arc<StackWorker>, records: Vec<SqsMessage>, leg: &LegTime) -> Vec<String> {
    let mut running = JoinSet::new();
    let mut names = std::collections::HashMap::new();
    for record in records {
        let id = record.message_id.clone().unwrap_or_default();
        let (worker, leg) = (Arc::clone(worker), leg.clone());
        let handle = running.spawn(async move { one(&worker, record, &leg).await });
        names.insert(handle.id(), id);
    }
    let mut failed = Vec::new();
    let mut lines = tokio::time::interval_at(tokio::time::Instant::now() + TRAFFIC_LINES, TRAFFIC_LINES);
    loop {
        let joined = tokio::select! {
            joined = running.join_next_with_id() => joined,
            _ = lines.tick() => {
                worker.journal().log_traffic();
                continue;
            }
        };
        match joined {
            None => return failed,
            Some(Ok((_, Verdict::Acknowledge))) => {}
            Some(Ok((task, Verdict::Return))) => failed.extend(names.remove(&task)),
            Some(Err(panicked)) => {
                tracing::error!(reason = "panic", "a record could not be handled: {panicked}");
                failed.extend(names.remove(&panicked.id()));
            }
        }
    }
}

async fn one(worker: &StackWorker, record: SqsMessage, leg: &LegTime) -> Verdict {
    let arn = record.event_source_arn.clone().unwrap_or_default();
    // A queue that the settings do not name can still be served: its messages are understood all the same.
    let Some(queue) = worker.queue_of_arn(&arn).or_else(|| worker.queues().last()) else {
        tracing::error!(reason = "no-queue", arn, "the record comes from a queue that the settings do not name");
        return Verdict::Return;
    };
    worker.handle(queue, &message(record), leg).await
}

fn message(record: SqsMessage) -> QueueMessage {
    let number = |name: &str| record.attributes.get(name).and_then(|value| value.parse::<i64>().ok());
    QueueMessage {
        receives: number("ApproximateReceiveCount").and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        sent: number("SentTimestamp").map(Timestamp),
        id: record.message_id.unwrap_or_default(),
        receipt: record.receipt_handle.unwrap_or_default(),
        body: record.body.unwrap_or_default(),
    }
}

/// Requests so far.
struct Counts {
    s3: u64,
    dynamodb: u64,
    sqs: u64,
}

impl Counts {
    fn of(worker: &StackWorker) -> Self {
        let requests = worker.cloud().requests();
        Self { s3: worker.journal().store_requests(), dynamodb: requests.dynamodb(), sqs: requests.sqs() }
    }

    fn since(&self, before: &Self) -> Self {
        Self { s3: self.s3 - before.s3, dynamodb: self.dynamodb - before.dynamodb, sqs: self.sqs - before.sqs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_a_message_with_its_deliveries() {
        let record: SqsMessage = serde_json::from_value(serde_json::json!({
            "messageId": "m", "receiptHandle": "r", "body": "{}",
            "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1700000000000"},
        }))
        .unwrap();
        let message = message(record);
        assert_eq!((message.receives, message.sent), (3, Some(Timestamp(1_700_000_000_000))));
        assert_eq!((message.id.as_str(), message.receipt.as_str()), ("m", "r"));
    }
}
