//! SeaweedFS, which lists as a tree is walked: `p/x` before `p (1)/x`.
//!
//! `LONGHAUL_FOREIGN_KEYS` sets the number of keys.

use std::collections::BTreeMap;

use bytes::Bytes;
use end_to_end::{Cli, Finished, MIB, World, from_environment};
use foreign_stores::{Connection, Listed, SeaweedFs, around_slashes, fill, listed, md5, path};
use hyper::Method;
use test_s3::{Options, PutOptions, synthetic_bytes};

/// Beside small ones in their folders, on both sides of the seams.
const LARGE: [&str; 3] = ["p/large", "p (1)/large", "p.d/large"];
const LARGE_SIZE: u64 = 21 * MIB + 17;
const KEYS: usize = 40_000;
/// One key in so many is to be copied; the others are at the destination already. Thus the listings are as long as they are to
/// be, and the test is not.
const COPIED: usize = 8;

fn all_keys() -> Vec<String> {
    let mut keys = around_slashes(from_environment("LONGHAUL_FOREIGN_KEYS").unwrap_or(KEYS) - LARGE.len());
    keys.extend(LARGE.map(str::to_owned));
    keys
}

/// What is at the destination before.
fn already_there(keys: &[String]) -> impl Iterator<Item = &String> {
    let there = |(number, key): &(usize, &String)| number % COPIED != 0 && !LARGE.contains(&key.as_str());
    keys.iter().enumerate().filter(there).map(|(_, key)| key)
}

/// The bytes of an object, by its key.
fn content(key: &str) -> Bytes {
    match LARGE.iter().position(|large| *large == key) {
        Some(seed) => synthetic_bytes(seed as u64, 0, LARGE_SIZE as usize),
        // Some are empty.
        None => key.as_bytes().repeat(key.len() % 4).into(),
    }
}

fn put<'a>(world: &World, bucket: &str, keys: impl IntoIterator<Item = &'a String>) {
    for key in keys {
        world.store().put(bucket, key, content(key), PutOptions::default());
    }
}

/// The command, into SeaweedFS.
fn up(world: &World, store: &SeaweedFs) -> Cli {
    world.copy("s3://src/", "s3://tree/").set("--to-endpoint", store.endpoint()).set("--to-provider", "other")
}

/// And out of it.
fn down(world: &World, store: &SeaweedFs) -> Cli {
    world.copy("s3://tree/", "s3://dst/").set("--from-endpoint", store.endpoint()).set("--from-provider", "other")
}

/// The first difference, since a list of forty thousand keys helps nobody.
fn assert_same_keys<'a>(found: impl Iterator<Item = &'a str>, keys: &[String]) {
    let mut count: BTreeMap<&str, i32> = keys.iter().map(|key| (key.as_str(), -1)).collect();
    for key in found {
        *count.entry(key).or_default() += 1;
    }
    let wrong: Vec<_> = count.into_iter().filter(|(_, count)| *count != 0).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} keys are missing (-1) or too many: {:?}…",
        wrong.len(),
        keys.len(),
        wrong.first()
    );
}

/// That the store says of its objects what was sent. The ETag of a small object is the MD5 of what it holds.
async fn assert_holds(store: &SeaweedFs, bucket: &str, keys: &[String]) {
    let found = listed(&store.endpoint(), bucket).await;
    assert_same_keys(found.iter().map(|(key, _)| key.as_str()), keys);
    let mut connection = Connection::open(&store.endpoint()).await;
    for (key, listed) in &found {
        let bytes = content(key);
        if LARGE.contains(&key.as_str()) {
            let answer = connection.ask(Method::GET, &path(bucket, key), Bytes::new()).await;
            assert!(answer.status == 200 && answer.body == bytes, "{key:?} has other bytes");
            assert!(listed.etag.contains('-'), "{key:?} was sent in one piece: {listed:?}");
        } else {
            assert_eq!(listed, &Listed { size: bytes.len() as u64, etag: md5(&bytes) }, "{key:?}");
        }
    }
}

fn assert_came_back(world: &World, keys: &[String]) {
    let store = world.store();
    let found = store.keys("dst");
    assert_same_keys(found.iter().map(String::as_str), keys);
    for key in keys {
        assert!(store.sha256("dst", key) == store.sha256("src", key), "{key:?} has other bytes");
        assert_eq!(store.versions("dst", key).len(), 1, "{key:?} was written twice");
    }
}

/// That a run found all keys, and copied so many.
fn assert_copied(finished: &Finished, copied: usize, keys: &[String]) {
    let totals = (finished.total("copied"), finished.total("same"));
    assert_eq!(totals, (copied as u64, (keys.len() - copied) as u64), "copied and same:\n{}", finished.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_forty_thousand_keys_around_slashes_what_a_tree_lacks_is_copied_into_it_and_out_of_it_and_nothing_twice() {
    let Some(store) = SeaweedFs::required().await else { return };
    store.create_bucket("tree").await;
    let world = World::start(Options::default()).await;
    let keys = all_keys();
    let there: Vec<_> = already_there(&keys).map(|key| (key.clone(), content(key))).collect();
    let lacking = keys.len() - there.len();
    put(&world, "src", &keys);
    put(&world, "dst", already_there(&keys));
    fill(&store.endpoint(), "tree", there).await;

    assert_copied(&up(&world, &store).run().await.assert_exit(0), lacking, &keys);
    assert_holds(&store, "tree", &keys).await;
    assert_copied(&up(&world, &store).run().await.assert_exit(0), 0, &keys);

    assert_copied(&down(&world, &store).run().await.assert_exit(0), lacking, &keys);
    assert_came_back(&world, &keys);
    assert_copied(&down(&world, &store).run().await.assert_exit(0), 0, &keys);
}

/// SeaweedFS takes these keys with success, and holds other ones in their place, or nothing of the content.
const WRITTEN_OTHERWISE: [&str; 4] = ["/lead", "a//b", "back\\slash", "dir/"];
/// And these it refuses.
const REFUSED: [&str; 3] = ["..", "x/../y", "./x"];

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_the_store_takes_and_writes_otherwise_are_named_at_the_end_and_are_no_success() {
    let Some(store) = SeaweedFs::required().await else { return };
    store.create_bucket("tree").await;
    let world = World::start(Options::default()).await;
    for key in WRITTEN_OTHERWISE.into_iter().chain(["plain"]) {
        world.store().put("src", key, "some bytes", PutOptions::default());
    }
    // For people: programs get the number.
    let finished = up(&world, &store).without("--json").run().await.assert_exit(3);
    for key in WRITTEN_OTHERWISE {
        // People are shown a backslash as two.
        let named = format!("different: {}\n", key.replace('\\', "\\\\"));
        assert!(finished.all().contains(&named), "{key:?} is not named: {}", finished.all());
    }
    assert!(!finished.all().contains("different: plain\n"), "{}", finished.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_the_store_refuses_fail_by_name_and_the_others_arrive() {
    let Some(store) = SeaweedFs::required().await else { return };
    store.create_bucket("tree").await;
    let world = World::start(Options::default()).await;
    let (long, plain) = ("n".repeat(256), "plain");
    let refused = || REFUSED.into_iter().chain([long.as_str()]);
    for key in refused().chain([plain]) {
        world.store().put("src", key, "some bytes", PutOptions::default());
    }
    let finished = up(&world, &store).run().await.assert_exit(2);
    for key in refused() {
        assert_eq!(finished.outcome(key), "failed", "{key:?}: {}", finished.all());
    }
    let found = listed(&store.endpoint(), "tree").await;
    assert_eq!(found, [(plain.to_owned(), Listed { size: 10, etag: md5(b"some bytes") })]);
}
