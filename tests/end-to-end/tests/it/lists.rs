//! Copies of exactly what a list names.

use std::{fs, io::Write};

use end_to_end::World;
use flate2::{Compression, write::GzEncoder};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use test_s3::{Options, Versioning};

const KEYS: [&str; 6] = ["photos/a b", "photos/c+d", "photos/e,\"f\"", "photos/日.jpg", "photos/not named", "films/g"];

async fn world() -> World {
    World::with_objects(&KEYS).await
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// Writes packed files and the manifest of an inventory that has them.
fn put_inventory(world: &World, files: &[(&str, &str)]) {
    let file = |(key, rows): &(&str, &str)| {
        let bytes = packed(rows);
        let md5: String = Md5::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let line = json!({"key": key, "size": bytes.len(), "MD5checksum": md5});
        world.put("lists", key, bytes);
        line
    };
    let files: Vec<Value> = files.iter().map(file).collect();
    let manifest = json!({
        "sourceBucket": "src", "destinationBucket": "arn:aws:s3:::lists", "version": "2016-11-30",
        "creationTimestamp": "1767225600000", "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size", "files": files,
    });
    world.put("lists", "inv/src/2026-01-01T00-00Z/manifest.json", manifest.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_a_plain_list_names_is_copied() {
    let world = world().await;
    let list = world.path("keys.txt");
    fs::write(&list, "photos/a b\r\nphotos/e,\"f\"\n\nphotos/gone\nfilms/g\n").expect("a file");
    let cli = world.copy("s3://src/photos/", "s3://dst/p/").switch("--no-server-side").set("--keys-from", &list);
    let finished = cli.run().await.assert_exit(2);
    assert_eq!(world.there(), ["p/a b", "p/e,\"f\""]);
    assert_eq!((finished.total("copied"), finished.total("gone"), finished.total("outside")), (2, 1, 1));
    let of = |outcome: &str| {
        let lines = finished.lines();
        let found = lines.iter().find(|line| line["outcome"] == outcome).expect("a line of the report");
        found["source"].as_str().expect("a source").to_owned()
    };
    assert_eq!((of("gone").as_str(), of("outside").as_str()), ("s3://src/photos/gone", "s3://src/films/g"));
    let again = cli.run().await.assert_exit(2);
    assert_eq!((again.total("copied"), again.total("same")), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_the_source_lacks_are_counted_and_named_and_end_with_2() {
    const MISSING: usize = 30;
    let world = world().await;
    let list = world.path("keys.txt");
    let missing: String = (0..MISSING).map(|number| format!("missing/{number}\n")).collect();
    fs::write(&list, format!("films/g\n{missing}")).expect("a file");
    let cli = world.haul().set("--keys-from", &list);
    let would = cli.clone().switch("--dry-run").run().await.assert_exit(2);
    assert_eq!(would.total("gone"), MISSING as u64);
    let finished = cli.clone().run().await.assert_exit(2);
    assert_eq!(world.there(), ["films/g"]);
    assert_eq!(finished.total("gone"), MISSING as u64);
    assert_eq!(finished.lines().iter().filter(|line| line["outcome"] == "gone").count(), MISSING);
    assert_eq!(
        finished.stdout.lines().filter(|line| line.contains("\"gone\"") && line.contains("missing/")).count(),
        MISSING
    );
    let for_people = cli.without("--json").run().await.assert_exit(2);
    let named = for_people.stderr.lines().filter(|line| line.contains("missing/")).count();
    assert_eq!(named, 20, "a person is shown some of them:\n{}", for_people.all());
    assert!(for_people.stdout.contains("30 not at the source"), "{}", for_people.all());
    assert_eq!(for_people.lines().len(), MISSING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_one_missing_key_ends_as_any_other_list_with_one() {
    let world = world().await;
    let list = world.path("keys.txt");
    fs::write(&list, "photos/a B\n").expect("a file");
    let finished = world.haul().set("--keys-from", &list).run().await.assert_exit(2);
    assert_eq!((finished.total("gone"), finished.outcome("photos/a B").as_str()), (1, "gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_an_inventory_of_two_packed_files_names_is_copied() {
    let world = world().await;
    world.store().create_bucket("lists", Versioning::Never);
    put_inventory(
        &world,
        &[
            (
                "inv/src/data/1.csv.gz",
                "\"src\",\"photos/a+b\",\"\",\"true\",\"false\",\"10\"\n\"src\",\"photos/c%2Bd\",\"\",\"true\",\"false\",\"10\"\n",
            ),
            (
                "inv/src/data/2.csv.gz",
                "\"src\",\"photos%2F%E6%97%A5.jpg\",\"v2\",\"true\",\"false\",\"14\"\n\
                 \"src\",\"films/g\",\"v1\",\"false\",\"false\",\"7\"\n\"src\",\"photos/not+named\",\"v2\",\"true\",\"true\",\"\"\n",
            ),
        ],
    );
    let cli = world.haul().set("--keys-from", "s3://lists/inv/src/2026-01-01T00-00Z/manifest.json");
    let would = cli.clone().switch("--dry-run").run().await.assert_exit(0);
    assert_eq!(would.stdout.lines().filter(|line| line.contains("would-copy")).count(), 3);
    assert_eq!(world.there(), Vec::<String>::new());
    let finished = cli.run().await.assert_exit(0);
    assert_eq!(world.there(), ["photos/a b", "photos/c+d", "photos/日.jpg"]);
    assert_eq!(world.store().read("dst", "photos/日.jpg").expect("a copy"), "photos/日.jpg".as_bytes());
    assert_eq!((finished.total("not_current"), finished.total("delete_markers")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_line_is_named_and_what_stands_before_it_is_copied() {
    let world = world().await;
    let list = world.path("keys.csv");
    fs::write(&list, "key,size\nphotos/a b,10\nphotos/c+d,many\nfilms/g,7\n").expect("a file");
    let finished = world.haul().set("--keys-from", &list).run().await.assert_exit(1);
    assert!(finished.stderr.contains("keys.csv, line 3: its size is no number of bytes"), "{}", finished.stderr);
    assert!(!finished.all().contains("many"), "the list may be another file than the one that was meant");
    assert_eq!(world.there(), ["photos/a b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_leads_nowhere_is_a_mistake() {
    let world = world().await;
    let list = world.path("keys.txt");
    fs::write(&list, "a b\nc+d\n").expect("a file");
    let cli = world.copy("s3://src/photos/", "s3://dst/").switch("--no-server-side").set("--keys-from", &list);
    let finished = cli.run().await.assert_exit(1);
    assert!(finished.stderr.contains("none of the 2 keys of the list is an object below SRC"), "{}", finished.stderr);
    assert_eq!(world.there(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_names_files_of_a_folder_too() {
    let world = World::start(Options::default()).await;
    let folder = world.make_folder("folder/deep");
    for name in ["one", "two"] {
        fs::write(folder.join(name), name).expect("a file");
    }
    let list = world.path("keys.txt.gz");
    fs::write(&list, packed("deep/two\n")).expect("a file");
    let cli = world.copy(world.path("folder"), "s3://dst/").set("--keys-from", &list);
    cli.run().await.assert_exit(0);
    assert_eq!(world.there(), ["deep/two"]);
}
