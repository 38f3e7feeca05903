//! One flipped bit is never called a copy, whatever the store's answers look like.

use std::fs;

use end_to_end::{Cli, Finished, MIB, World, seed};
use test_s3::{Dialect, FaultCounter, FaultKind, FaultRule, Options, Tags, synthetic_bytes};

const PARTS: u64 = 3;
const LARGE: u64 = PARTS * 5 * MIB;

/// Stores by their answers: dialect, tags, and the provider that they are taken for.
const STORES: [(Dialect, Tags, &str); 7] = [
    (Dialect::Aws, Tags::Md5, "aws"),
    (Dialect::Gcs, Tags::Md5, "gcs"),
    (Dialect::Plain, Tags::UpperCase, "oss"),
    (Dialect::Plain, Tags::Md5, "r2"),
    (Dialect::Plain, Tags::Md5, "minio"),
    (Dialect::Plain, Tags::Md5, "other"),
    // Called Amazon's, and repeats any checksum that it is sent.
    (Dialect::Echo, Tags::Md5, "aws"),
];

async fn world(dialect: Dialect, tags: Tags) -> World {
    World::start(Options { dialect, tags, seed: seed(), ..Options::default() }).await
}

fn put_objects(world: &World) {
    for (number, size) in [0, 5_000, 70_000].into_iter().enumerate() {
        let bytes = synthetic_bytes(number as u64, 0, size);
        world.put("src", &format!("small/{number}"), bytes);
    }
    world.put("src", "large", synthetic_bytes(9, 0, LARGE as usize));
}

fn in_parts(cli: Cli) -> Cli {
    cli.set("--part-size", "5MiB").set("--multipart-threshold", "6MiB")
}

fn haul(world: &World, provider: &str) -> Cli {
    in_parts(world.haul()).set("--to-provider", provider)
}

/// Flips a bit of what arrives at the destination, once.
fn damage(world: &World, operation: &str, key: &str) -> FaultCounter {
    let rule = FaultRule::new(FaultKind::CorruptUpload).on(operation).in_bucket("dst").of_key(key);
    world.server.faults().add(rule.times(1))
}

fn assert_same(world: &World, finished: &Finished, what: &str) {
    let keys = world.store().keys("src");
    assert_eq!(world.there(), keys, "{what}: {}", finished.all());
    for key in keys {
        let same = world.store().read("dst", &key) == world.store().read("src", &key);
        assert!(same, "{what}: {key} was copied with other bytes:\n{}", finished.all());
    }
}

fn level(finished: &Finished, key: &str) -> String {
    finished.line(key)["proof"]["level"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_of_an_upload_is_sent_again_and_the_copy_is_proved_on_every_store() {
    for (dialect, tags, provider) in STORES {
        let world = world(dialect, tags).await;
        put_objects(&world);
        let struck = [damage(&world, "PutObject", "small/2"), damage(&world, "UploadPart", "large")];
        let finished = haul(&world, provider).run().await.assert_exit(0);
        let what = format!("{provider} ({dialect:?})");
        assert_eq!(struck.map(|counter| counter.count()), [1, 1], "{what}");
        assert_same(&world, &finished, &what);
        let proved = if dialect == Dialect::Aws { "full-crc" } else { "part-md5" };
        for key in ["small/1", "small/2", "large"] {
            assert_eq!(level(&finished, key), proved, "{what}, {key}: {}", finished.all());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bits_that_flip_at_every_sending_end_as_a_failure_on_every_store() {
    for (dialect, tags, provider) in STORES {
        let world = world(dialect, tags).await;
        put_objects(&world);
        world.server.faults().add(FaultRule::new(FaultKind::CorruptUpload).in_bucket("dst"));
        let finished = haul(&world, provider).set("--max-retries", "2").run().await.assert_exit(2);
        for key in ["small/1", "small/2", "large"] {
            assert_eq!(finished.outcome(key), "failed", "{provider}, {key}: {}", finished.all());
            assert_eq!(finished.reason(key), "corrupt", "{provider}, {key}: {}", finished.all());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_on_the_way_from_a_folder_is_sent_again() {
    for (dialect, tags, provider) in STORES {
        let world = world(dialect, tags).await;
        let folder = world.make_folder("source");
        for (name, size) in [("small", 70_000), ("large", LARGE as usize)] {
            fs::write(folder.join(name), synthetic_bytes(5, 0, size)).expect("a file");
        }
        let struck = [damage(&world, "PutObject", "small"), damage(&world, "UploadPart", "large")];
        let cli = in_parts(world.copy(&folder, "s3://dst/")).set("--to-provider", provider);
        let finished = cli.run().await.assert_exit(0);
        assert_eq!(struck.map(|counter| counter.count()), [1, 1], "{provider}");
        for (name, size) in [("small", 70_000), ("large", LARGE as usize)] {
            let there = world.store().read("dst", name).expect("the copy");
            assert!(there == synthetic_bytes(5, 0, size), "{provider}: {name} has other bytes: {}", finished.all());
            assert_ne!(level(&finished, name), "size-only", "{provider}: {}", finished.all());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_of_a_small_object_on_its_way_from_the_source_is_read_again() {
    for (dialect, tags, provider) in STORES {
        for to_folder in [false, true] {
            let world = world(dialect, tags).await;
            let bytes = synthetic_bytes(5, 0, 70_000);
            world.put("src", "small", bytes.clone());
            let rule = FaultRule::new(FaultKind::CorruptBody).in_bucket("src").times(1);
            let counter = world.server.faults().add(rule);
            let folder = world.make_folder("there");
            let cli = if to_folder { world.copy("s3://src/", &folder) } else { haul(&world, provider) };
            let finished = cli.set("--from-provider", provider).run().await.assert_exit(0);
            assert_eq!(counter.count(), 1, "{provider}");
            let there =
                if to_folder { fs::read(folder.join("small")).ok() } else { world.store().read("dst", "small") };
            assert!(there.is_some_and(|there| there == bytes), "{provider}, {to_folder}: {}", finished.all());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_inside_the_store_with_another_byte_is_copied_again() {
    for (dialect, tags, provider) in STORES.into_iter().filter(|store| store.0 != Dialect::Echo) {
        let world = world(dialect, tags).await;
        put_objects(&world);
        let counter = damage(&world, "CopyObject", "large");
        let cli = world.copy("s3://src/", "s3://dst/").set("--from-provider", provider).set("--to-provider", provider);
        let finished = cli.run().await.assert_exit(0);
        assert_eq!(counter.count(), 1, "{provider}");
        assert_same(&world, &finished, provider);
        assert_ne!(level(&finished, "large"), "size-only", "{provider}: {}", finished.all());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_that_are_no_md5s_lower_the_proof_and_fail_nothing() {
    for (tags, sent_again) in [(Tags::Kms, 0), (Tags::Opaque, 0), (Tags::Stable, 1)] {
        let world = world(Dialect::Plain, tags).await;
        put_objects(&world);
        let finished = haul(&world, "other").run().await.assert_exit(0);
        assert_same(&world, &finished, &format!("{tags:?}"));
        assert_eq!(level(&finished, "large"), "size-only", "{tags:?}: {}", finished.all());
        // Settled once for the bucket: of all parts one is sent twice.
        assert_eq!(world.server.count("UploadPart"), PARTS + sent_again, "{tags:?}");
        assert_eq!(finished.summary()["proofs"]["size-only"], 4, "{tags:?}: {}", finished.all());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tag_at_every_sending_is_taken_for_damage() {
    let world = world(Dialect::Plain, Tags::Random).await;
    put_objects(&world);
    let finished = haul(&world, "other").set("--max-retries", "2").run().await.assert_exit(2);
    assert_eq!(finished.reason("large"), "corrupt", "{}", finished.all());
    let finished = haul(&world, "other").set("--verify", "transport").run().await.assert_exit(0);
    assert_eq!(level(&finished, "large"), "size-only", "{}", finished.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_names_the_proofs_and_warns_of_weak_ones() {
    let world = world(Dialect::Plain, Tags::Md5).await;
    put_objects(&world);
    let finished = haul(&world, "other").without("--json").run().await;
    assert_eq!(finished.code, Some(0), "{}", finished.all());
    assert!(finished.stdout.contains("proved: 4 part-md5\n"), "{}", finished.all());
    assert!(!finished.stderr.contains("only the size is known"), "{}", finished.all());

    let world = self::world(Dialect::Plain, Tags::Opaque).await;
    world.put("src", "large", synthetic_bytes(9, 0, LARGE as usize));
    let finished = haul(&world, "other").without("--json").run().await;
    assert!(finished.stdout.contains("proved: 1 size-only\n"), "{}", finished.all());
    assert!(finished.stderr.contains("warning: of 1 copies only the size is known"), "{}", finished.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_bytes_that_a_failed_run_left_visible_are_replaced_by_the_next_one() {
    let world = world(Dialect::Plain, Tags::Md5).await;
    world.put("src", "small", synthetic_bytes(1, 0, 70_000));
    haul(&world, "other").run().await.assert_exit(0);
    world.put("src", "small", synthetic_bytes(2, 0, 80_000));
    world.server.faults().add(FaultRule::new(FaultKind::CorruptUpload).in_bucket("dst"));
    let failed = haul(&world, "other").set("--max-retries", "2").run().await.assert_exit(2);
    assert_eq!(failed.reason("small"), "corrupt", "{}", failed.all());
    world.server.faults().clear();
    // By their sizes both sides are the same by now.
    let finished = haul(&world, "other").run().await.assert_exit(0);
    assert_same(&world, &finished, "after the failure");
}
