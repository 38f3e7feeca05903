//! A message orders only what a route allows, and no route leads into itself.

use longhaul::{
    queue::Verdict,
    route::Route,
    worker::{BucketRoute, DeletePolicy, Rules},
};
use serde_json::json;

use crate::{
    shared::job,
    working::world::{World, event, put_events, whole_bucket},
};

/// The codes and bodies of what is parked.
fn parked(world: &World) -> Vec<(String, String)> {
    world.queue.parked().into_iter().map(|(body, reason)| (reason.code, body)).collect()
}

#[tokio::test]
async fn what_no_route_allows_is_parked_unchanged_and_touches_nothing() {
    let world = World::new();
    world.source.insert("k", "secret");
    let rules = whole_bucket(DeletePolicy::Propagate);
    let bodies = [
        job(("source", "k"), ("destination", "stolen"), 6),
        job(("source", "k"), ("destination", "k"), 6),
        job(("source", "k"), ("theirs", "p/k"), 6),
        job(("secrets", "k"), ("destination", "p/k"), 6),
        json!({"longhaul": 1, "src_bucket": "source", "des_bucket": "destination",
            "jobs": [{"src_key": "k", "des_key": "stolen", "size": 6}]})
        .to_string(),
        json!({"longhaul": 1, "src_bucket": "source", "des_bucket": "destination", "segment": {"src_key": "k",
            "des_key": "stolen", "size": 6, "at": {"generation": 1, "upload_id": "u", "segment": 0}}})
        .to_string(),
    ];
    for body in &bodies {
        world.assert_acknowledged(body, &rules).await;
    }
    assert_eq!(world.destination.keys(), Vec::<String>::new(), "something was copied");
    assert_eq!(world.ledger.records(), [], "something is remembered");
    let found: Vec<_> = parked(&world).into_iter().map(|(code, _)| code).collect();
    assert_eq!(found, ["no-route"; 6]);
    let sent: Vec<serde_json::Value> = bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    let kept: Vec<serde_json::Value> =
        parked(&world).iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect();
    assert_eq!(kept, sent);
}

#[tokio::test]
async fn what_is_no_name_of_a_bucket_is_parked_before_any_store_is_asked() {
    let world = World::new();
    for name in ["..", "a/b", "arn:aws:s3:::secret", "secret?acl", ""] {
        let message = world.send(&job((name, "k"), ("destination", "p/k"), 6)).await;
        assert_eq!(world.handle(&message, &whole_bucket(DeletePolicy::Ignore)).await, Verdict::Acknowledge);
        let body = json!({"Records": [event("ObjectCreated:Put", name, "k", 1, "x")]}).to_string();
        world.assert_acknowledged(&body, &whole_bucket(DeletePolicy::Ignore)).await;
    }
    let found: Vec<_> = parked(&world).into_iter().map(|(code, _)| code).collect();
    assert_eq!(found, ["malformed"; 10]);
}

#[tokio::test]
async fn what_was_parked_for_want_of_a_route_is_copied_when_the_route_is_back() {
    let world = World::new();
    world.source.insert("k", "secret");
    let back = whole_bucket(DeletePolicy::Ignore);
    let without = Rules { routes: Vec::new(), ..back.clone() };
    for body in [job(("source", "k"), ("destination", "p/k"), 6), put_events(&[("k", 6)])] {
        let message = world.send(&body).await;
        world.handle(&message, &without).await;
    }
    assert_eq!(world.destination.keys(), Vec::<String>::new());
    for (code, body) in parked(&world) {
        assert_eq!(code, "no-route");
        world.assert_acknowledged(&body, &back).await;
    }
    assert_eq!(world.destination.bytes("p/k").unwrap(), "secret");
    assert_eq!(world.queue.parked().len(), 2, "nothing more was parked");
}

#[tokio::test]
async fn a_destination_inside_its_own_source_is_parked_by_name() {
    let mut world = World::new();
    world.destination = world.source.clone();
    world.source.insert("k", "x");
    let rules = Rules { default: None, ..whole_bucket(DeletePolicy::Ignore) };
    for body in [put_events(&[("k", 1)]), job(("source", "k"), ("destination", "p/k"), 6)] {
        world.assert_acknowledged(&body, &rules).await;
    }
    assert_eq!(world.source.keys(), ["k"], "each copy would be told of and copied again");
    let found: Vec<_> = parked(&world).into_iter().map(|(code, _)| code).collect();
    assert_eq!(found, ["destination-in-source"; 2]);
}

#[tokio::test]
async fn a_route_beside_its_source_in_the_same_bucket_is_no_loop() {
    let mut world = World::new();
    world.destination = world.source.clone();
    world.source.insert("photos/k", "x");
    let route = BucketRoute {
        source_bucket: "source".into(),
        destination_bucket: "source".into(),
        route: Route::keeping_names("photos/", "copies"),
    };
    let rules = Rules { routes: vec![route], ..whole_bucket(DeletePolicy::Ignore) };
    world.assert_acknowledged(&put_events(&[("photos/k", 1)]), &rules).await;
    assert_eq!(world.source.keys(), ["copies/photos/k", "photos/k"]);
}
