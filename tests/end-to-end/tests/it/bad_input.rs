//! What cannot work is refused with words that help; what cannot work for one object stops no other.

use std::fs;

use end_to_end::{Cli, World, read_tree};
use test_s3::{Access, FaultKind, FaultRule};

const SECRET: &str = "testsecret";

async fn world() -> World {
    World::with_objects(&["a.txt", "b/c.txt", "b/d.txt"]).await
}

/// The command ends with 1, explains itself in these words (in any case of letters), and copies nothing.
async fn assert_refused(world: &World, cli: Cli, words: &[&str]) {
    let finished = cli.run().await.assert_exit(1);
    let said = finished.stderr.to_lowercase();
    for word in words {
        assert!(said.contains(&word.to_lowercase()), "nothing is said of {word:?}:\n{}", finished.all());
    }
    assert!(!said.contains("panicked"), "{}", finished.all());
    assert!(!finished.all().contains(SECRET), "{}", finished.all());
    assert!(world.there().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_folder_that_is_not_there_is_named() {
    let world = world().await;
    assert_refused(&world, world.copy(world.path("nowhere"), "s3://dst/"), &["nowhere"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_of_an_unknown_kind_is_named() {
    let world = world().await;
    assert_refused(&world, world.copy("ftp://host/folder", "s3://dst/"), &["ftp://host/folder"]).await;
    assert_refused(&world, world.copy("s3://", "s3://dst/"), &["s3://"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_the_ignore_list_that_would_name_nothing_is_named() {
    let world = world().await;
    let list = world.path("ignore.txt");
    let cases = [
        ("*.txt\n\u{200b}*.jpg\n", ["line 2", "u+200b"]),
        ("*.txt\r*.jpg\r", ["line 1", "u+000d"]),
        ("# all\ns3://src/*\n", ["line 2", "names another object"]),
        ("*.jpg\ns3://src/*.txt\n", ["line 2", "only line"]),
    ];
    for (text, words) in cases {
        fs::write(&list, text).expect("a file");
        assert_refused(&world, world.haul().set("--ignore-list", &list), &words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_setting_is_refused_with_its_line() {
    let world = world().await;
    fs::write(world.work().join("longhaul.toml"), "objects = 5\nobject = 6\n").expect("a file");
    let named = world.haul().set("--config", "longhaul.toml");
    assert_refused(&world, named, &["longhaul.toml", "line 2", "no such setting"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settings_file_that_was_named_must_be_there() {
    let world = world().await;
    assert_refused(&world, world.haul().set("--config", "absent.toml"), &["absent.toml"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_size_is_named() {
    let world = world().await;
    assert_refused(&world, world.haul().set("--part-size", "8parsecs"), &["--part-size", "8parsecs"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_flag_is_named() {
    let world = world().await;
    assert_refused(&world, world.haul().switch("--recursively"), &["--recursively"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_named() {
    let world = world().await;
    assert_refused(&world, world.copy("s3://no-such-source/", "s3://dst/"), &["no-such-source"]).await;
    assert_refused(&world, world.copy("s3://src/", "s3://no-such-target/"), &["no-such-target"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_called_so() {
    let world = world().await;
    assert_refused(&world, world.haul().env("AWS_SECRET_ACCESS_KEY", "another"), &["SignatureDoesNotMatch"]).await;
    assert_refused(&world, world.haul().env("AWS_ACCESS_KEY_ID", "nobody"), &["InvalidAccessKeyId"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_to_another_machine_needs_permission() {
    let world = world().await;
    let cli = world.haul().set("--from-endpoint", "http://storage.example.com");
    assert_refused(&world, cli, &["http://storage.example.com", "--allow-http"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_kind_is_not_taken_for_a_ledger() {
    let world = world().await;
    let path = world.path("notes.txt");
    fs::write(&path, "not a ledger at all\n".repeat(100)).expect("a file");
    assert_refused(&world, world.haul().set("--ledger", &path), &["notes.txt", "--ledger"]).await;
    assert_eq!(fs::read_to_string(&path).expect("the file"), "not a ledger at all\n".repeat(100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_ledger_is_named_and_left_alone() {
    let world = world().await;
    let elsewhere = world.make_folder("elsewhere");
    world.copy("s3://src/", &elsewhere).run().await.assert_exit(0);
    for end in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        // They are there only if the ledger was not closed.
        let _ = fs::remove_file(world.path(end));
    }
    let mut bytes = fs::read(world.ledger()).expect("a ledger");
    // The header with its magic words stays.
    bytes.get_mut(100..).expect("more than a header").fill(0xAA);
    fs::write(world.ledger(), &bytes).expect("a ledger");
    assert_refused(&world, world.haul(), &["ledger.sqlite", "--ledger"]).await;
    assert!(fs::read(world.ledger()).expect("a ledger") == bytes, "the damaged ledger was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_copied_onto_itself() {
    let world = world().await;
    let folder = world.make_folder("folder");
    fs::write(folder.join("file"), "text").expect("a file");
    assert_refused(&world, world.copy(&folder, &folder).switch("--local"), &["folder"]).await;
    assert_refused(&world, world.copy("s3://src/", "s3://src/"), &["src"]).await;
    assert_eq!(read_tree(&folder).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_a_folder_cannot_hold_are_reported_and_nothing_leaves_the_folder() {
    const IMPOSSIBLE: [&str; 6] = ["a//b", "..", "../evil", "b/../../evil", "/root", "b/."];
    let world = world().await;
    IMPOSSIBLE.iter().for_each(|key| world.put("src", key, *key));
    let target = world.make_folder("outer/target");
    let finished = world.copy("s3://src/", &target).run().await.assert_exit(2);
    for key in IMPOSSIBLE {
        assert_eq!(finished.outcome(key), "failed", "{key}");
        assert_eq!(finished.reason(key), "invalid-key", "{key}");
    }
    assert_eq!((finished.total("copied"), finished.total("failed")), (3, 6));
    let copied: Vec<String> = read_tree(&world.path("outer")).into_keys().collect();
    assert_eq!(copied, ["target/a.txt", "target/b/c.txt", "target/b/d.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_may_not_be_read_is_reported_with_operation_bucket_and_key() {
    let world = world().await;
    let denied =
        FaultKind::ErrorCode { status: 403, code: "AccessDenied".to_owned(), message: "Access Denied".to_owned() };
    world.server.faults().add(FaultRule::new(denied).on("GetObject").of_key("b/c.txt"));
    let finished = world.haul().run().await.assert_exit(2);
    assert_eq!(finished.reason("b/c.txt"), "access-denied");
    let message = finished.line("b/c.txt")["reason"]["message"].to_string();
    for word in ["GetObject", "src", "b/c.txt"] {
        assert!(message.contains(word), "nothing is said of {word}: {message}");
    }
    assert_eq!(world.there(), ["a.txt", "b/d.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_may_not_be_written_is_reported_with_operation_bucket_and_key() {
    let world = world().await;
    world.store().set_access("dst", "PutObject", Access::Denied);
    let finished = world.haul().run().await.assert_exit(2);
    assert_eq!((finished.total("copied"), finished.total("failed")), (0, 3));
    for key in world.store().keys("src") {
        assert_eq!(finished.reason(&key), "access-denied");
        let message = finished.line(&key)["reason"]["message"].to_string();
        for word in ["PutObject", "dst", &key] {
            assert!(message.contains(word), "nothing is said of {word}: {message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_printed_logged_or_reported() {
    let world = world().await;
    world.put("src", "large", vec![1; 20 << 20]);
    world.server.faults().add(FaultRule::new(FaultKind::Status500).per_mille(200).times(10));
    let log = world.path("log.jsonl");
    let cli = world.haul().set("--log-level", "trace").set("--log-file", &log);
    let finished = cli.run().await.assert_exit(0);
    let log = String::from_utf8_lossy(&fs::read(log).expect("a log")).into_owned();
    assert!(log.len() > 1000, "hardly anything was logged at the level trace");
    for said in [&finished.stdout, &finished.stderr, &finished.report, &log] {
        assert!(!said.contains(SECRET), "the secret is in:\n{said}");
    }
    let refused =
        world.haul().set("--log-level", "trace").env("AWS_ACCESS_KEY_ID", "nobody").run().await.assert_exit(1);
    assert!(!refused.all().contains(SECRET), "{}", refused.all());
}
