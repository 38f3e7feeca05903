//! `rclone serve s3` over a folder: it ignores conditions, and its tag of a completed upload is not that of the object.

use std::{collections::BTreeMap, path::Path};

use end_to_end::{Cli, Finished, MIB, World, read_tree, sha256};
use foreign_stores::{Rclone, around_slashes};
use test_s3::{ContentHeaders, Options, PutOptions, synthetic_bytes};

const LARGE: &str = "p/large";
const LARGE_SIZE: u64 = 21 * MIB + 17;

/// A file cannot be beside a folder of the same name.
fn keys() -> Vec<String> {
    let all = around_slashes(600);
    let is_folder = |key: &String| all.iter().any(|other| other.starts_with(&format!("{key}/")));
    all.iter().filter(|key| !is_folder(key)).cloned().chain([LARGE.to_owned()]).collect()
}

fn content(key: &str) -> Vec<u8> {
    if key == LARGE {
        synthetic_bytes(1, 0, LARGE_SIZE as usize).to_vec()
    } else {
        key.as_bytes().repeat(key.len() % 4)
    }
}

async fn filled() -> World {
    let world = World::start(Options::default()).await;
    for key in keys() {
        world.store().put("src", &key, content(&key), PutOptions::default());
    }
    world
}

fn up(world: &World, store: &Rclone) -> Cli {
    world.copy("s3://src/", "s3://files/").set("--to-endpoint", store.endpoint()).set("--to-provider", "other")
}

fn down(world: &World, store: &Rclone) -> Cli {
    world.copy("s3://files/", "s3://dst/").set("--from-endpoint", store.endpoint()).set("--from-provider", "other")
}

fn assert_holds(folder: &Path) {
    let wanted: BTreeMap<_, _> = keys().into_iter().map(|key| (key.clone(), sha256(&content(&key)))).collect();
    let found = read_tree(folder);
    assert!(found.keys().eq(wanted.keys()), "other files than keys: {:?}", found.keys());
    assert!(found == wanted, "a file has other bytes");
}

fn assert_nothing_was_sent(again: &Finished) {
    let totals = (again.total("copied"), again.total("same"), again.total("sent_bytes"));
    assert_eq!(totals, (0, keys().len() as u64, 0), "{}", again.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_become_files_and_come_back_and_are_not_copied_twice() {
    let Some(store) = Rclone::required().await else { return };
    let folder = store.create_bucket("files");
    let world = filled().await;

    assert_eq!(up(&world, &store).run().await.assert_exit(0).total("copied"), keys().len() as u64);
    assert_holds(&folder);
    assert_nothing_was_sent(&up(&world, &store).run().await.assert_exit(0));

    assert_eq!(down(&world, &store).run().await.assert_exit(0).total("copied"), keys().len() as u64);
    for key in keys() {
        assert!(world.store().sha256("dst", &key) == world.store().sha256("src", &key), "{key:?} has other bytes");
    }
    assert_nothing_was_sent(&down(&world, &store).run().await.assert_exit(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_in_the_place_of_a_folder_fails_by_name() {
    let Some(store) = Rclone::required().await else { return };
    store.create_bucket("files");
    let world = World::start(Options::default()).await;
    world.store().put("src", "p", "an object", PutOptions::default());
    world.store().put("src", "p/x", "another", PutOptions::default());
    let finished = up(&world, &store).set("--max-retries", "1").run().await.assert_exit(2);
    assert_eq!((finished.total("copied"), finished.total("failed")), (1, 1), "{}", finished.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_rclone_drops_is_reported_of_every_object_that_had_it() {
    let Some(store) = Rclone::required().await else { return };
    store.create_bucket("files");
    let world = World::start(Options::default()).await;
    let headers = ContentHeaders {
        expires: Some("Wed, 21 Oct 2037 07:28:00 GMT".to_owned()),
        cache_control: Some("max-age=60".to_owned()),
        ..ContentHeaders::default()
    };
    let expiring = || PutOptions { headers: headers.clone(), ..PutOptions::default() };
    world.store().put("src", "small", "bytes", expiring());
    world.store().put("src", LARGE, content(LARGE), expiring());
    world.store().put("src", "plain", "bytes", PutOptions::default());
    let finished = up(&world, &store).run().await.assert_exit(0);
    for key in ["small", LARGE] {
        assert_eq!(finished.line(key)["not_preserved"], serde_json::json!(["expires"]), "{key}: {}", finished.all());
    }
    assert_eq!(finished.line("plain")["not_preserved"], serde_json::json!([]), "{}", finished.all());
}
