//! Takes the walk with the SDK instead of the command line, and looks at what each step shows.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_s3::{error::DisplayErrorContext, primitives::ByteStream};
use serde_json::{Value, json};
use serverless::{Answer, Queue, Table, found_within, other_client};

use crate::{
    place::{NEW, NEW_COPIES, OLD_COPIES, OLD_OBJECTS, Place, THEIRS},
    walk::{GREETING, HELLO, NONSENSE, Step},
};

/// How long anything is waited for; most of it comes within a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes all steps, and says what they show. The error says which one failed, and how.
pub async fn all(place: &Place) -> Result<(), String> {
    for (number, step) in (1..).zip(Step::ALL) {
        match take(step, place).await {
            Ok(shown) => println!("  {number}. {shown}"),
            Err(failed) => return Err(format!("  {number}. {failed}")),
        }
    }
    Ok(())
}

async fn take(step: Step, place: &Place) -> Result<String, String> {
    match step {
        Step::Put => put(place).await,
        Step::Copied => copied(place).await,
        Step::Compare => compare(place).await,
        Step::Table => table(place).await,
        Step::Parked => parked(place).await,
        Step::Log => log(place).await,
    }
}

fn greeting() -> String {
    format!("{GREETING}\n")
}

async fn put(place: &Place) -> Result<String, String> {
    let body = ByteStream::from(greeting().into_bytes());
    let put = place.clients.s3.put_object().bucket(NEW).key(HELLO).body(body).send().await;
    put.map_err(|error| format!("{HELLO} cannot be put into {NEW}: {}", DisplayErrorContext(error)))?;
    Ok(format!("{HELLO} is in {NEW}"))
}

async fn copied(place: &Place) -> Result<String, String> {
    let (client, key) = (other_client(&place.other), format!("{NEW_COPIES}/{HELLO}"));
    let copy = found_within(PATIENCE, async || {
        let object = client.get_object().bucket(THEIRS).key(&key).send().await.ok()?;
        Some(object.body.collect().await.ok()?.to_vec())
    });
    match copy.await {
        Some(copy) if copy == greeting().as_bytes() => Ok(format!("{THEIRS}/{key} holds the same")),
        Some(copy) => Err(format!("{THEIRS}/{key} holds something else: {:?}", String::from_utf8_lossy(&copy))),
        None => Err(format!("{THEIRS}/{key} did not come within {PATIENCE:?}")),
    }
}

async fn compare(place: &Place) -> Result<String, String> {
    let answer = place.stack.invoke(place.stack.output("JobsenderFunctionName"), &json!({})).await;
    let Answer::Response(report) = answer else { return Err(format!("the jobsender failed: {answer:?}")) };
    let client = other_client(&place.other);
    let kept = OLD_OBJECTS.into_iter().filter(|(key, _)| !key.ends_with(".tmp"));
    let expected: BTreeSet<String> = kept.map(|(key, _)| format!("{OLD_COPIES}/{key}")).collect();
    let arrived = found_within(PATIENCE, async || {
        let listed = client.list_objects_v2().bucket(THEIRS).prefix(format!("{OLD_COPIES}/")).send().await.ok()?;
        let keys: BTreeSet<String> = listed.contents().iter().filter_map(|it| it.key().map(str::to_owned)).collect();
        (keys == expected).then_some(())
    });
    // A run of the schedule may have come before: then this one has nothing to send.
    let sent = &report["sent"];
    match arrived.await {
        Some(()) => Ok(format!("{expected:?} are in {THEIRS}; this run of the jobsender sent {sent}")),
        None => Err(format!("{expected:?} did not come within {PATIENCE:?}: {report}")),
    }
}

async fn table(place: &Place) -> Result<String, String> {
    let table = Table::named(&place.clients.dynamodb, place.stack.output("TableName"));
    let key = format!("{}/{THEIRS}/{NEW_COPIES}/{HELLO}", place.other.endpoint());
    let row = table.row(&key).await.ok_or_else(|| format!("the table has no row {key}"))?;
    let text = |name: &str| row.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
    match (text("State"), text("versionId")) {
        (Some("done"), Some(version)) => Ok(format!("the table has {HELLO} as done, of version {version}")),
        (state, version) => Err(format!("the table has {HELLO} with state {state:?} and version {version:?}")),
    }
}

async fn parked(place: &Place) -> Result<String, String> {
    let queue = async |output: &str| Queue::at(&place.clients.sqs, place.stack.output(output)).await;
    queue("JobsQueueUrl").await.send(NONSENSE).await;
    let parked = queue("ParkedQueueUrl").await;
    let message = found_within(PATIENCE, async || {
        parked.receive(10).await.into_iter().find(|message| message.body() == Some(NONSENSE))
    });
    let message = message.await.ok_or_else(|| format!("no message was parked within {PATIENCE:?}"))?;
    let reason = message.message_attributes().and_then(|attributes| attributes.get("reason")?.string_value());
    match reason {
        Some("malformed") => Ok("the message is parked as malformed".to_owned()),
        reason => Err(format!("the message is parked with the reason {reason:?}")),
    }
}

async fn log(place: &Place) -> Result<String, String> {
    let is_it = |line: &Value| line["event"] == "object" && line["src_key"] == HELLO;
    let line = found_within(PATIENCE, async || {
        place.stack.logs(place.stack.output("WorkerLogGroup")).await.into_iter().find(is_it)
    });
    match line.await {
        Some(line) => Ok(format!("the log says of {HELLO}: {}, proved by {}", line["outcome"], line["proof"])),
        None => Err(format!("the log had no line of {HELLO} within {PATIENCE:?}")),
    }
}
