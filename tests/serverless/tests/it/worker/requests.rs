//! What a small object costs in requests, counted where they go by: at the stores, on the wire to all other services,
//! and by what the mapping from a queue to a function asks of SQS.

use std::collections::BTreeMap;

use serde_json::Value;
use serverless::{Asked, Cloud, Environment, FaultProxy, Function, Program, Queue, deliver};

use crate::scene::{PLENTY, copy, put, put_and_tell, run, worker};

const OBJECTS: u64 = 100;
/// Reads and writes of the comparison's own record, in one run of one range: whatever the number of objects.
const OF_THE_COMPARISON: u64 = 8;

/// The ways to all services but S3. Nothing goes wrong on them; they count.
struct Wires {
    dynamodb: FaultProxy,
    sqs: FaultProxy,
    ssm: FaultProxy,
}

impl Wires {
    async fn of(cloud: &Cloud) -> Self {
        let endpoint = cloud.emulator().endpoint();
        Self {
            dynamodb: FaultProxy::start(&endpoint).await,
            sqs: FaultProxy::start(&endpoint).await,
            ssm: FaultProxy::start(&endpoint).await,
        }
    }

    /// The environment of a function that takes these ways.
    fn under(&self, environment: Environment) -> Environment {
        let environment = environment.with("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb.endpoint());
        let environment = environment.with("AWS_ENDPOINT_URL_SQS", self.sqs.endpoint());
        environment.with("AWS_ENDPOINT_URL_SSM", self.ssm.endpoint())
    }
}

fn count(wire: &FaultProxy) -> u64 {
    wire.asked().len() as u64
}

/// Requests by service.
struct Cost {
    s3: u64,
    dynamodb: u64,
    /// Of functions and of the mapping.
    sqs: u64,
}

impl Cost {
    fn of(cloud: &Cloud, wires: &Wires, mapping: u64) -> Self {
        Self { s3: store_requests(cloud), dynamodb: count(&wires.dynamodb), sqs: count(&wires.sqs) + mapping }
    }

    fn print(&self, title: &str, wires: &Wires) {
        println!("{title}: requests for {OBJECTS} small objects");
        let rows = [("S3", self.s3), ("DynamoDB", self.dynamodb), ("SQS", self.sqs), ("SSM", count(&wires.ssm))];
        for (service, requests) in rows {
            println!("  {service:<10}{requests:>6}{:>8.2} an object", requests as f64 / OBJECTS as f64);
        }
        for wire in [&wires.dynamodb, &wires.sqs, &wires.ssm] {
            println!("  of functions: {:?}", by_operation(&wire.asked()));
        }
    }
}

fn by_operation(asked: &[Asked]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for request in asked {
        *counts.entry(request.operation.as_str()).or_default() += 1;
    }
    counts
}

/// Requests to both stores that are no listings.
fn store_requests(cloud: &Cloud) -> u64 {
    let requests = [cloud.own.requests(), cloud.other.requests()].concat();
    requests.iter().filter(|request| request.operation != "ListObjectsV2").count() as u64
}

/// Delivers all messages. What the mapping asks of SQS for it: a receive for each batch, and a delete for each message.
async fn deliver_all(function: &Function, queue: &Queue) -> u64 {
    let mut requests = 0;
    while let Some(delivery) = deliver(function, queue, 10, PLENTY).await {
        assert!(delivery.failed.is_empty(), "not acknowledged: {:?}", delivery.answer);
        requests += 1 + delivery.messages.len() as u64;
    }
    requests
}

fn key(number: u64) -> String {
    format!("small/{number:03}")
}

fn assert_all_copied(cloud: &Cloud) {
    for key in (0..OBJECTS).map(key) {
        assert_eq!(copy(cloud, &key).as_deref(), Some(key.as_str()));
    }
}

/// What the worker's own lines say of its requests to a service.
fn logged(function: &Function, field: &str) -> u64 {
    let invocations = function.events("invocation");
    let number = |line: &Value| line[field].as_u64().unwrap_or_else(|| panic!("no {field} in {line}"));
    invocations.iter().map(number).sum()
}

/// The log counts as the wire does.
fn assert_logged(function: &Function, s3: u64, dynamodb: u64, sqs: u64) {
    let logged = ["s3_requests", "dynamodb_requests", "sqs_requests"].map(|field| logged(function, field));
    assert_eq!(logged, [s3, dynamodb, sqs], "S3, DynamoDB and SQS");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_an_event_tells_of_costs_two_requests_to_s3_and_two_to_dynamodb() {
    let Some(cloud) = Cloud::required().await else { return };
    let wires = Wires::of(&cloud).await;
    let function = worker(&wires.under(cloud.worker_environment())).await;
    for key in (0..OBJECTS).map(key) {
        put_and_tell(&cloud, &key, &key).await;
    }
    let mapping = deliver_all(&function, &cloud.events).await;
    assert_all_copied(&cloud);
    let cost = Cost::of(&cloud, &wires, mapping);
    cost.print("By notification", &wires);
    assert!(cost.s3 <= 2 * OBJECTS, "{} requests to S3", cost.s3);
    assert!(cost.dynamodb <= 2 * OBJECTS, "{} requests to DynamoDB", cost.dynamodb);
    assert_eq!(count(&wires.sqs), 0, "the worker itself asks SQS for nothing when all goes well");
    assert_logged(&function, cost.s3, cost.dynamodb, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_the_jobsender_finds_costs_a_tenth_of_a_request_to_sqs_at_most() {
    let Some(cloud) = Cloud::required().await else { return };
    let wires = Wires::of(&cloud).await;
    for key in (0..OBJECTS).map(key) {
        put(&cloud, &key, &key);
    }
    let jobsender = Function::start(Program::Jobsender, &wires.under(cloud.jobsender_environment())).await;
    let report = run(&jobsender).await;
    assert_eq!((&report["gate"], &report["sent"]), (&"open".into(), &OBJECTS.into()), "{report}");
    let of_the_jobsender = (count(&wires.dynamodb), count(&wires.sqs));

    let function = worker(&wires.under(cloud.worker_environment())).await;
    let mapping = deliver_all(&function, &cloud.jobs).await;
    assert_all_copied(&cloud);
    let cost = Cost::of(&cloud, &wires, mapping);
    cost.print("By the jobsender", &wires);
    assert!(cost.s3 <= 2 * OBJECTS, "{} requests to S3", cost.s3);
    let of_objects = cost.dynamodb - OF_THE_COMPARISON;
    assert!(100 * of_objects <= 105 * OBJECTS, "{} requests to DynamoDB", cost.dynamodb);
    assert!(10 * cost.sqs <= OBJECTS, "{} requests to SQS", cost.sqs);
    let of_the_worker = (cost.dynamodb - of_the_jobsender.0, count(&wires.sqs) - of_the_jobsender.1);
    assert_logged(&function, cost.s3, of_the_worker.0, of_the_worker.1);
}
