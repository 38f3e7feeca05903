//! The template as data: what must be in it, and what must not, whatever an emulator makes of it.

mod instances;
mod rights;
mod senders;
mod settings;
mod watching;

use std::collections::BTreeSet;

use emulator::required_python;
use serde_json::{Value, json};
use serverless::Template;

/// The template, for a test; `None`, and said so, where there is no Python.
pub async fn template() -> Option<Template> {
    Some(Template::read(&required_python().await?).await)
}

/// The elements of a list; a single value is a list of one.
fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => vec![value],
    }
}

/// What a list holds under all conditions: of `Fn::If` both sides, without what stands for nothing.
fn all_cases<'a>(value: &'a Value) -> Vec<&'a Value> {
    let cases = |item: &'a Value| -> Vec<&'a Value> {
        match &item["Fn::If"] {
            Value::Array(branches) => branches.iter().skip(1).flat_map(all_cases).collect(),
            _ => vec![item],
        }
    };
    let items = list(value).into_iter().flat_map(cases);
    items.filter(|item| **item != json!({ "Ref": "AWS::NoValue" })).collect()
}

fn arn_of(id: &str) -> Value {
    json!({ "Fn::GetAtt": [id, "Arn"] })
}

/// The queues, each with its name and its properties.
fn queues(template: &Template) -> Vec<(&str, &Value)> {
    template.resources("AWS::SQS::Queue").map(|(id, queue)| (id, &queue["Properties"])).collect()
}

/// The functions, each with its name and its properties.
fn functions(template: &Template) -> Vec<(&str, &Value)> {
    template.resources("AWS::Serverless::Function").map(|(id, function)| (id, &function["Properties"])).collect()
}

/// The mappings from queues to functions.
fn mappings(template: &Template) -> Vec<&Value> {
    let events = functions(template).into_iter().flat_map(|(_, function)| function["Events"].as_object());
    let events = events.flat_map(|events| events.values()).filter(|event| event["Type"] == "SQS");
    events.map(|event| &event["Properties"]).collect()
}

fn seconds(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number of seconds"))
}

#[tokio::test]
async fn every_queue_is_encrypted_and_takes_tls_only() {
    let Some(template) = template().await else { return };
    let tls_only = |id: &str| {
        json!({
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": arn_of(id),
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        })
    };
    for (id, queue) in queues(&template) {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{id}");
        let policies = template.resources("AWS::SQS::QueuePolicy").map(|(_, policy)| &policy["Properties"]);
        let own = policies.filter(|policy| policy["Queues"] == json!([{ "Ref": id }]));
        let statements: Vec<&Value> = own.flat_map(|policy| list(&policy["PolicyDocument"]["Statement"])).collect();
        assert!(statements.contains(&&tls_only(id)), "{id}: {statements:?}");
    }
}

#[tokio::test]
async fn every_queue_of_work_ends_in_the_parked_queue_and_no_other_does() {
    let Some(template) = template().await else { return };
    let redrive = json!({ "deadLetterTargetArn": arn_of("ParkedQueue"), "maxReceiveCount": { "Ref": "MaxReceives" } });
    let (parked, work): (Vec<_>, Vec<_>) = queues(&template).into_iter().partition(|(id, _)| *id == "ParkedQueue");
    let [(_, parked)] = parked.as_slice() else { panic!("there is no parked queue") };
    let kept = seconds(&parked["MessageRetentionPeriod"]);
    let mut names = BTreeSet::new();
    for (id, queue) in &work {
        assert_eq!(queue["RedrivePolicy"], redrive, "{id}");
        // A message keeps its age when it is moved.
        assert!(seconds(&queue["MessageRetentionPeriod"]) < kept, "{id}");
        names.insert(queue["QueueName"]["Fn::Sub"].as_str().expect("a name made from the stack's"));
    }
    let allowed = &parked["RedriveAllowPolicy"];
    assert_eq!(allowed["redrivePermission"], "byQueue");
    let arns = list(&allowed["sourceQueueArns"]).into_iter().filter_map(|arn| arn["Fn::Sub"].as_str());
    let sources: BTreeSet<&str> = arns.filter_map(|arn| arn.rsplit(':').next()).collect();
    // `${AWS::StackName}` has colons of its own.
    let names: BTreeSet<&str> = names.into_iter().filter_map(|name| name.rsplit(':').next()).collect();
    assert_eq!((sources, work.len()), (names, 4));
}

#[tokio::test]
async fn a_message_stays_hidden_for_longer_than_a_function_and_a_leg_may_take() {
    let Some(template) = template().await else { return };
    let limit = seconds(&template.json()["Globals"]["Function"]["Timeout"]);
    let leg = &template.json()["Parameters"]["JobTimeout"];
    assert!(seconds(&leg["Default"]) < limit && seconds(&leg["MaxValue"]) < limit, "{leg}");
    assert!(
        functions(&template).iter().all(|(_, function)| function["Timeout"].is_null()),
        "one has a limit of its own"
    );
    for mapping in mappings(&template) {
        let queues = queues(&template);
        let queue = queues.iter().find(|(id, _)| mapping["Queue"] == arn_of(id)).expect("a queue of this stack");
        assert!(seconds(&queue.1["VisibilityTimeout"]) > limit, "{}", queue.0);
    }
}

#[tokio::test]
async fn every_mapping_reports_single_failures_and_bounds_its_workers() {
    let Some(template) = template().await else { return };
    let mappings = mappings(&template);
    let taken: BTreeSet<String> = mappings.iter().map(|mapping| mapping["Queue"].to_string()).collect();
    let served = ["EventsQueue", "JobsQueue", "SegmentsQueue", "ScanQueue"].map(|id| arn_of(id).to_string());
    assert_eq!(taken, BTreeSet::from(served));
    for mapping in mappings {
        assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{mapping}");
        let bounds = all_cases(&mapping["ScalingConfig"]);
        let bound = |most: Value| json!({ "MaximumConcurrency": most });
        let expected = match mapping["Queue"] == arn_of("ScanQueue") {
            true => vec![bound(json!({ "Ref": "ScanRanges" })), bound(json!(2))],
            false => vec![bound(json!({ "Ref": "MaximumConcurrency" }))],
        };
        assert_eq!(bounds, expected.iter().collect::<Vec<_>>(), "{mapping}");
    }
}

/// A range fills a jobsender, and a second message of an invocation would wait for the first one's leg.
#[tokio::test]
async fn ranges_come_to_jobsenders_one_by_one() {
    let Some(template) = template().await else { return };
    let of_ranges = |event: &&Value| event["Properties"]["Queue"] == arn_of("ScanQueue");
    for (id, function) in functions(&template) {
        let events: Vec<&Value> =
            function["Events"].as_object().into_iter().flat_map(|events| events.values()).collect();
        let ranges: Vec<&Value> = events.into_iter().filter(of_ranges).collect();
        assert_eq!(ranges.len(), usize::from(id == "JobsenderFunction"), "{id}");
        assert!(ranges.iter().all(|event| event["Properties"]["BatchSize"] == 1), "{ranges:?}");
    }
}

#[tokio::test]
async fn functions_are_as_large_as_the_originals_and_their_chains_are_not_cut() {
    let Some(template) = template().await else { return };
    let globals = &template.json()["Globals"]["Function"];
    let names = ["Runtime", "Handler", "Timeout", "MemorySize", "Architectures", "Tracing"];
    let expected = [
        json!("provided.al2023"),
        json!("bootstrap"),
        json!(900),
        json!({ "Ref": "MemorySize" }),
        json!([{ "Ref": "Architecture" }]),
        json!("Active"),
    ];
    assert_eq!(names.map(|name| globals[name].clone()), expected);
    assert_eq!(functions(&template).len(), 2);
    for (id, function) in functions(&template) {
        assert_eq!(function["RecursiveLoop"], "Allow", "{id}");
    }
}

#[tokio::test]
async fn the_table_is_made_as_the_ledger_needs_it() {
    let Some(template) = template().await else { return };
    let tables: Vec<&Value> = template.resources("AWS::DynamoDB::Table").map(|(_, table)| table).collect();
    let [table] = tables.as_slice() else { panic!("{} tables", tables.len()) };
    assert!(table["DeletionPolicy"].as_str().is_some_and(|policy| policy.starts_with("Retain")), "{table}");
    let table = &table["Properties"];
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
    let keys = |of: &Value| {
        let name = |key: &&Value| (key["AttributeName"].clone(), key["KeyType"].clone());
        list(&of["KeySchema"]).iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(keys(table), [(json!("Key"), json!("HASH"))]);
    let index = &table["GlobalSecondaryIndexes"][0];
    assert_eq!((&index["IndexName"], &index["Projection"]["ProjectionType"]), (&json!("open"), &json!("ALL")));
    assert_eq!(keys(index), [(json!("Open"), json!("HASH")), (json!("Updated"), json!("RANGE"))]);
}
