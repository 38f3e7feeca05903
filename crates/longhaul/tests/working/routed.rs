//! A message orders only what a route allows, and no route leads into itself.

use super::*;

fn job(source: (&str, &str), destination: (&str, &str)) -> String {
    json!({"Src_bucket": source.0, "Src_key": source.1, "Des_bucket": destination.0, "Des_key": destination.1,
        "Size": 6})
    .to_string()
}

/// The codes and bodies of what is parked.
fn parked(world: &World) -> Vec<(String, String)> {
    world.queue.parked().into_iter().map(|(body, reason)| (reason.code, body)).collect()
}

#[tokio::test]
async fn what_no_route_allows_is_parked_unchanged_and_touches_nothing() {
    let world = World::new();
    world.source.insert("k", "secret");
    let rules = rules(DeletePolicy::Propagate);
    let bodies = [
        job(("source", "k"), ("destination", "stolen")),
        job(("source", "k"), ("destination", "k")),
        job(("source", "k"), ("theirs", "p/k")),
        job(("secrets", "k"), ("destination", "p/k")),
        json!({"longhaul": 1, "src_bucket": "source", "des_bucket": "destination",
            "jobs": [{"src_key": "k", "des_key": "stolen", "size": 6}]})
        .to_string(),
        json!({"longhaul": 1, "src_bucket": "source", "des_bucket": "destination", "segment": {"src_key": "k",
            "des_key": "stolen", "size": 6, "at": {"generation": 1, "upload_id": "u", "segment": 0}}})
        .to_string(),
    ];
    for body in &bodies {
        let message = world.send(body).await;
        assert_eq!(world.handle(&message, &rules).await, Verdict::Acknowledge, "{body}");
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
        let message = world.send(&job((name, "k"), ("destination", "p/k"))).await;
        assert_eq!(world.handle(&message, &rules(DeletePolicy::Ignore)).await, Verdict::Acknowledge);
        let body = json!({"Records": [event("ObjectCreated:Put", name, "k", 1, "x")]}).to_string();
        let message = world.send(&body).await;
        assert_eq!(world.handle(&message, &rules(DeletePolicy::Ignore)).await, Verdict::Acknowledge);
    }
    let found: Vec<_> = parked(&world).into_iter().map(|(code, _)| code).collect();
    assert_eq!(found, ["malformed"; 10]);
}

#[tokio::test]
async fn what_was_parked_for_want_of_a_route_is_copied_when_the_route_is_back() {
    let world = World::new();
    world.source.insert("k", "secret");
    let back = rules(DeletePolicy::Ignore);
    let without = Rules { routes: Vec::new(), ..back.clone() };
    for body in [job(("source", "k"), ("destination", "p/k")), put_events(&[("k", 6)])] {
        let message = world.send(&body).await;
        world.handle(&message, &without).await;
    }
    assert_eq!(world.destination.keys(), Vec::<String>::new());
    for (code, body) in parked(&world) {
        assert_eq!(code, "no-route");
        let message = world.send(&body).await;
        assert_eq!(world.handle(&message, &back).await, Verdict::Acknowledge);
    }
    assert_eq!(world.destination.bytes("p/k").unwrap(), "secret");
    assert_eq!(world.queue.parked().len(), 2, "nothing more was parked");
}

#[tokio::test]
async fn a_destination_inside_its_own_source_is_parked_by_name() {
    let mut world = World::new();
    world.destination = world.source.clone();
    world.source.insert("k", "x");
    let rules = Rules { default: None, ..rules(DeletePolicy::Ignore) };
    for body in [put_events(&[("k", 1)]), job(("source", "k"), ("destination", "p/k"))] {
        let message = world.send(&body).await;
        assert_eq!(world.handle(&message, &rules).await, Verdict::Acknowledge);
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
    let rules = Rules { routes: vec![route], ..rules(DeletePolicy::Ignore) };
    let message = world.send(&put_events(&[("photos/k", 1)])).await;
    assert_eq!(world.handle(&message, &rules).await, Verdict::Acknowledge);
    assert_eq!(world.source.keys(), ["copies/photos/k", "photos/k"]);
}
