//! The address of a store: wherever it was named, it is the one that is checked, used and reported.

use std::fs;

use end_to_end::{Cli, World};

/// The same copy, without an address of the source on the command line.
fn without_address(world: &World) -> Cli {
    world.haul().without("--from-endpoint").without("--from-provider").set("--max-retries", "0")
}

async fn assert_reported(world: &World, cli: Cli) {
    let finished = cli.run().await.assert_exit(0);
    assert_eq!(finished.line("a.txt")["source_store"], world.server.endpoint().as_str(), "{}", finished.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_the_environment_is_the_one_that_is_reported() {
    let world = World::with_objects(&["a.txt"]).await;
    assert_reported(&world, without_address(&world).env("AWS_ENDPOINT_URL_S3", world.server.endpoint())).await;
    let again = without_address(&world).set("--compare", "none");
    assert_reported(&world, again.env("AWS_ENDPOINT_URL", world.server.endpoint())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_a_profile_is_the_one_that_is_reported() {
    let world = World::with_objects(&["a.txt"]).await;
    let keys = "aws_access_key_id = test\naws_secret_access_key = testsecret\nregion = us-east-1\n";
    let (endpoint, home) = (world.server.endpoint(), world.path("home/.aws"));
    fs::create_dir_all(&home).expect("a folder");
    let plain = format!("[profile plain]\n{keys}endpoint_url = {endpoint}\n");
    let services =
        format!("[profile mine]\n{keys}services = here\n[services here]\ns3 =\n  endpoint_url = {endpoint}\n");
    fs::write(home.join("config"), plain + &services).expect("a file");
    for profile in ["plain", "mine"] {
        assert_reported(&world, without_address(&world).set("--from-profile", profile).set("--compare", "none")).await;
    }
}

async fn assert_refused(cli: Cli, words: &[&str]) {
    let finished = cli.run().await.assert_exit(1);
    for word in words {
        assert!(finished.stderr.contains(word), "nothing is said of {word:?}:\n{}", finished.all());
    }
    assert!(!finished.all().contains("hunter2"), "{}", finished.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_of_the_environment_needs_permission_too() {
    let world = World::with_objects(&["a.txt"]).await;
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let cli = without_address(&world).env(variable, "http://127.0.0.1.example.com");
        assert_refused(cli, &["http://127.0.0.1.example.com", "AWS_ENDPOINT_URL", "--allow-http"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_a_name_or_a_password_is_refused_and_not_shown() {
    let world = World::with_objects(&["a.txt"]).await;
    for address in ["http://localhost:hunter2@127.0.0.1:1", "https://u:hunter2@store.example"] {
        assert_refused(world.haul().set("--from-endpoint", address), &["@"]).await;
        assert_refused(without_address(&world).env("AWS_ENDPOINT_URL", address), &["@", "AWS_ENDPOINT_URL"]).await;
    }
    assert_refused(world.haul().set("--to-endpoint", "https://store.example/?token=hunter2"), &["query"]).await;
}
