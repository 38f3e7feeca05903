//! Folder → S3 → folder, and inside S3: the same names, the same bytes, and nothing done twice.
//!
//! `LONGHAUL_TREE_FILES` sets the number of files, `LONGHAUL_SEED` what is in them.

use std::{collections::BTreeMap, fs};

use end_to_end::{MIB, World, from_environment, grow, read_tree, seed};
use test_s3::{ContentHeaders, Object, Options, PutOptions, synthetic_bytes};

/// The first difference, since a map of thirty thousand files helps nobody.
fn assert_same(left: &BTreeMap<String, String>, right: &BTreeMap<String, String>) {
    let missing = left.keys().find(|key| !right.contains_key(*key));
    assert_eq!(missing, None, "a file is missing");
    let added = right.keys().find(|key| !left.contains_key(*key));
    assert_eq!(added, None, "a file is one too many");
    let other = left.iter().find(|(key, hash)| right.get(*key) != Some(hash));
    assert_eq!(other, None, "a file has other bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_comes_back_from_s3_as_it_was_and_is_not_copied_twice() {
    let seed = seed();
    let world = World::start(Options { seed, cheap_etags: true, ..Options::default() }).await;
    let (here, back) = (world.make_folder("here"), world.make_folder("back"));
    grow(&here, from_environment("LONGHAUL_TREE_FILES").unwrap_or(30_000), seed);
    let tree = read_tree(&here);
    let files = tree.len() as u64;

    let up = world.copy(&here, "s3://dst/tree");
    assert_eq!(up.run().await.assert_exit(0).total("copied"), files);
    let keys: Vec<String> = tree.keys().map(|name| format!("tree/{name}")).collect();
    assert!(world.there() == keys, "the keys are not the names");
    let down = world.copy("s3://dst/tree", &back);
    assert_eq!(down.run().await.assert_exit(0).total("copied"), files);
    assert_same(&tree, &read_tree(&back));

    world.server.clear_requests();
    for again in [up.run().await.assert_exit(0), down.run().await.assert_exit(0)] {
        assert_eq!((again.total("copied"), again.total("same"), again.total("sent_bytes")), (0, files, 0));
    }
    for operation in ["PutObject", "CreateMultipartUpload", "UploadPart", "GetObject"] {
        assert_eq!(world.server.count(operation), 0, "{operation}");
    }
    assert_same(&tree, &read_tree(&here));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing() {
    let world = World::start(Options::default()).await;
    let (here, back) = (world.make_folder("here"), world.make_folder("back"));
    fs::write(here.join("small"), "small").expect("a file");
    fs::write(here.join("large"), vec![7; 20 << 20]).expect("a file");
    world.put("src", "object", "object");
    world.copy(&here, "s3://dst/").switch("--dry-run").run().await.assert_exit(0);
    world.copy("s3://src/", &back).switch("--dry-run").run().await.assert_exit(0);
    world.copy("s3://src/", "s3://dst/").switch("--dry-run").run().await.assert_exit(0);
    assert!(world.there().is_empty());
    assert_eq!(world.store().uploads("dst"), []);
    assert!(read_tree(&back).is_empty());
    for request in world.server.requests() {
        assert!(matches!(request.method.as_str(), "GET" | "HEAD"), "{request:?}");
        assert_ne!(request.operation, "GetObject");
    }
}

fn described() -> PutOptions {
    PutOptions {
        headers: ContentHeaders {
            content_type: Some("text/x-test; charset=utf-8".to_owned()),
            cache_control: Some("max-age=60, private".to_owned()),
            content_disposition: Some("attachment; filename=\"a b.txt\"".to_owned()),
            content_encoding: Some("x-own".to_owned()),
            content_language: Some("de, en".to_owned()),
            expires: Some("Wed, 21 Oct 2037 07:28:00 GMT".to_owned()),
        },
        metadata: BTreeMap::from([
            ("owner".to_owned(), "somebody else".to_owned()),
            ("mtime".to_owned(), "1700000000.123".to_owned()),
        ]),
        ..PutOptions::default()
    }
}

/// A bucket with a small and a large object that both say much about themselves.
async fn described_objects() -> World {
    let world = World::start(Options::default()).await;
    for (key, size) in [("small +%.txt", 1000), ("large/ü", 40 * MIB)] {
        world.store().put("src", key, synthetic_bytes(size, 0, size as usize), described());
    }
    world
}

fn assert_copied(world: &World) {
    let store = world.store();
    let keys = store.keys("src");
    assert_eq!(store.keys("dst"), keys);
    let about = |object: &Object| (object.size(), object.options.headers.clone(), object.options.metadata.clone());
    for key in keys {
        let (source, there) = (store.get("src", &key).expect("a source"), store.get("dst", &key).expect("a copy"));
        assert_eq!(about(&there), about(&source), "{key}");
        assert_eq!(store.sha256("dst", &key), store.sha256("src", &key), "{key}");
    }
    assert_eq!(store.uploads("dst"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_metadata_travel_with_small_and_large_objects() {
    let world = described_objects().await;
    let finished = world.haul().run().await.assert_exit(0);
    assert_copied(&world);
    assert_eq!(world.server.count("CreateMultipartUpload"), 1);
    assert_eq!((world.server.count("PutObject"), world.server.count("CopyObject")), (1, 0));
    assert_eq!(finished.total("not_preserved"), 0, "{}", finished.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_one_store_the_store_copies_and_no_byte_comes_here() {
    let world = described_objects().await;
    let finished = world.copy("s3://src/", "s3://dst/").run().await.assert_exit(0);
    assert_eq!(finished.total("copied"), 2);
    assert_copied(&world);
    assert_eq!(world.server.count("CopyObject"), 2);
    for operation in ["GetObject", "PutObject", "UploadPart"] {
        assert_eq!(world.server.count(operation), 0, "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_destination_did_not_keep_is_named() {
    let world = World::start(Options::default()).await;
    let tagged = PutOptions { tags: vec![("team".to_owned(), "a".to_owned())], ..PutOptions::default() };
    world.store().put("src", "tagged", "bytes", tagged);
    world.put("src", "plain", "bytes");
    let finished = world.haul().run().await.assert_exit(0);
    assert_eq!(finished.line("tagged")["not_preserved"], serde_json::json!(["tags"]), "{}", finished.all());
    assert_eq!(finished.line("plain")["not_preserved"], serde_json::json!([]), "{}", finished.all());
    assert_eq!(finished.total("not_preserved"), 1);
}
