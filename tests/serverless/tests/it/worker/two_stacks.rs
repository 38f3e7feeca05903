//! Two stacks, one in each direction, whose buckets tell of every write: they come to rest.

use std::time::SystemTime;

use aws_sdk_ssm::types::ParameterType;
use serde_json::json;
use serverless::{Cloud, Environment, Function, OTHER_BUCKET, OWN_BUCKET, Queue, S3Record, Table, notification};
use test_s3::Object;

use crate::scene::{MIB, assert_acknowledged, put, route, set_credential, worker};

/// More than one part.
const LARGE: u64 = 24 * MIB;
/// The routes of the stack that leads back.
const ROUTES_BACK: &str = "routes-back";
/// How the second stack's table is called.
const TABLE_BACK: &str = "longhaul-back";

/// One direction.
struct Stack {
    function: Function,
    events: Queue,
    from: &'static str,
}

/// Both of them, between the two accounts of a cloud.
struct Stacks {
    cloud: Cloud,
    to: Stack,
    back: Stack,
}

impl Stacks {
    async fn of(cloud: Cloud, settings: impl Fn(Environment) -> Environment) -> Self {
        let events = Queue::create(&cloud.clients.sqs, "events-back", &[]).await;
        let table = Table::create(&cloud.clients.dynamodb, TABLE_BACK).await;
        let routes = json!([route(OTHER_BUCKET, "", OWN_BUCKET, "")]);
        cloud.parameters.put(ROUTES_BACK, ParameterType::String, &routes.to_string()).await;
        // The second stack runs in the same account and reads from the other one: its sides are those of the first in turn.
        let environment = settings(cloud.worker_environment());
        let back = environment.clone().without("Des_bucket_default").with("JobType", "GET");
        let back = back.with("table_queue_name", table.name()).with("sqs_queue_events", events.url());
        let back = back.with("ssm_parameter_bucket", ROUTES_BACK);
        let to = Stack { function: worker(&environment).await, events: cloud.events.clone(), from: OWN_BUCKET };
        let back = Stack { function: worker(&back).await, events, from: OTHER_BUCKET };
        Self { cloud, to, back }
    }

    fn object(&self, bucket: &str, key: &str) -> Option<std::sync::Arc<Object>> {
        let server = if bucket == OWN_BUCKET { &self.cloud.own } else { &self.cloud.other };
        server.store().get(bucket, key)
    }

    fn written(&self, bucket: &str, key: &str) -> Option<SystemTime> {
        self.object(bucket, key).map(|object| object.modified)
    }

    /// How often the object is written behind a user's write, until no bucket tells of one.
    async fn hops(&self, key: &str) -> u32 {
        let mut hops = 0;
        loop {
            let (stack, written_to) = match hops % 2 {
                0 => (&self.to, OTHER_BUCKET),
                _ => (&self.back, OWN_BUCKET),
            };
            let object = self.object(stack.from, key).expect("an object that was written");
            let before = self.written(written_to, key);
            let record = S3Record::created(stack.from, key, object.size()).etag(&object.etag);
            stack.events.send(notification(&[record])).await;
            assert_acknowledged(&stack.function, &stack.events).await;
            if self.written(written_to, key) == before {
                return hops;
            }
            hops += 1;
            assert!(hops <= 3, "{key} goes to and fro for ever");
        }
    }

    fn assert_at_rest(&self, key: &str) {
        let (own, other) = (self.cloud.own.store(), self.cloud.other.store());
        assert!(own.sha256(OWN_BUCKET, key).is_some());
        assert_eq!(own.sha256(OWN_BUCKET, key), other.sha256(OTHER_BUCKET, key));
    }
}

fn put_both(cloud: &Cloud, small: &str, large: &str) {
    put(cloud, small, "content");
    cloud.own.store().put_synthetic(OWN_BUCKET, large, 7, LARGE);
}

async fn assert_objects_come_to_rest(cloud: Cloud) {
    let stacks = Stacks::of(cloud, |environment| environment).await;
    // Written, and written again with the same bytes.
    for _ in 0..2 {
        put_both(&stacks.cloud, "small", "large");
        for key in ["small", "large"] {
            stacks.hops(key).await;
            stacks.assert_at_rest(key);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_come_to_rest_between_stores_with_checksums() {
    let Some(cloud) = Cloud::required().await else { return };
    assert_objects_come_to_rest(cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_come_to_rest_where_one_store_has_tags_alone() {
    let Some(cloud) = Cloud::required().await else { return };
    set_credential(&cloud, "provider", "other").await;
    assert_objects_come_to_rest(cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marked_copy_is_not_sent_back_to_where_it_came_from() {
    let Some(cloud) = Cloud::required().await else { return };
    set_credential(&cloud, "provider", "other").await;
    let stacks = Stacks::of(cloud, |environment| environment.with("MarkCopies", "true")).await;
    put_both(&stacks.cloud, "sm all", "large");
    for key in ["sm all", "large"] {
        assert_eq!(stacks.hops(key).await, 1, "{key} is copied once");
        let copy = stacks.object(OTHER_BUCKET, key).expect("the copy");
        let mark = &copy.options.metadata["longhaul-source"];
        let source = stacks.object(OWN_BUCKET, key).expect("the source");
        assert!(mark.contains(&format!("etag={}", source.etag)), "{mark}");
        assert!(mark.contains(&format!("place={OWN_BUCKET}/{}", key.replace(' ', "%20"))), "{mark}");
    }
}
