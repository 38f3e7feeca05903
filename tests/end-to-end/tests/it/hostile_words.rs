//! Keys and the words of a store, wherever people read them, act on no terminal; and programs get them unchanged.

use std::fs;

use end_to_end::World;
use serde_json::Value;
use test_s3::{FaultKind, FaultRule, Options, When};

use crate::shared::run;

/// Clears the screen, moves the cursor up, turns the reading around, begins a line, hides, separates, and looks like an escape.
const KEYS: [&str; 8] = [
    "a\u{1b}[2J\u{7}b",
    "c1\u{9b}1A",
    "gpj\u{202e}exe.jpg",
    "one\nwarning: two\r",
    "del\u{7f}\u{8}",
    "line\u{2028}\u{2029}\u{85}",
    "marks\u{200f}\u{2066}\u{61c}\u{feff}\u{e0041}",
    "back\\u{1b}\\n",
];

/// Whether a character does more than show.
fn acts(char: char) -> bool {
    let code = u32::from(char);
    (code < 0x20 || (0x7f..=0x9f).contains(&code))
        || matches!(code, 0x61c | 0x200e | 0x200f | 0x2028..=0x202e | 0x2066..=0x2069 | 0xfeff | 0xe0000..=0xe007f)
}

fn assert_harmless(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let found = text.lines().find(|line| line.contains(acts));
    assert!(found.is_none(), "{what}: {found:?}");
    assert!(
        !text.lines().any(|line| line.starts_with("warning: two")),
        "{what}: a key wrote a line of its own:\n{text}"
    );
}

async fn world(prefix: &str) -> World {
    let world = World::start(Options::default()).await;
    for key in KEYS {
        world.put("src", &format!("{prefix}{key}"), "text");
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_shows_hostile_keys_on_one_line_each_and_programs_get_them_as_they_are() {
    let world = world("").await;
    let endpoint = world.server.endpoint();
    let listed = run(&world, &["ls", "s3://src/", "--endpoint", &endpoint]);
    assert_harmless("ls", &listed.stdout);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(text.lines().count(), KEYS.len(), "{text}");
    assert!(text.contains("a\\u{1b}[2J\\u{7}b") && text.contains("back\\\\u{1b}\\\\n"), "{text}");
    let listed = run(&world, &["ls", "s3://src/", "--endpoint", &endpoint, "--json"]);
    assert_harmless("ls --json", &listed.stdout);
    let key =
        |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["key"].as_str().expect("a key").to_owned();
    let mut keys: Vec<String> = String::from_utf8_lossy(&listed.stdout).lines().map(key).collect();
    keys.sort();
    assert_eq!(keys, world.store().keys("src"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_names_hostile_keys_without_harm_in_all_that_it_writes() {
    // In a folder these have no place, so each is named as a failure.
    let world = world("no//place ").await;
    let endpoint = world.server.endpoint();
    let there = world.path("there").display().to_string();
    let copy =
        ["copy", "s3://src/", &there, "--from-endpoint", &endpoint, "--from-provider", "aws", "--ledger", "../ledger"];
    let (report, log) = (world.path("report"), world.path("log"));
    let manners: [&[&str]; 6] = [
        &["--report", "../report"],
        &["--json"],
        &["--log-level", "trace"],
        &["--dry-run"],
        &["--dry-run", "--json"],
        &["--log-level", "trace", "--log-file", "../log"],
    ];
    for (number, more) in manners.into_iter().enumerate() {
        let output = run(&world, &[&copy[..], more].concat());
        assert_harmless(&format!("standard output {number}"), &output.stdout);
        assert_harmless(&format!("standard error {number}"), &output.stderr);
    }
    assert_harmless("report", &fs::read(&report).expect("a report"));
    assert_harmless("log", &fs::read(&log).expect("a log"));
    let source =
        |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["source"].as_str().expect("a key").to_owned();
    let mut named: Vec<String> = fs::read_to_string(&report).expect("a report").lines().map(source).collect();
    named.sort();
    let keys: Vec<String> = world.store().keys("src").iter().map(|key| format!("s3://src/{key}")).collect();
    assert_eq!(named, keys);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_a_store_and_the_names_of_a_list_do_no_harm() {
    let world = world("").await;
    let message = "no \u{9b}2J\u{202e} such\u{2028}luck".to_owned();
    let denied = FaultKind::ErrorCode { status: 403, code: "AccessDenied".to_owned(), message };
    world.server.faults().add(FaultRule::new(denied.clone()).on("GetObject"));
    let (endpoint, list) = (world.server.endpoint(), world.path("keys"));
    fs::write(&list, "gone\u{1b}[2J\u{202e}\n").expect("a file");
    let sides =
        ["--from-endpoint", &endpoint, "--from-provider", "aws", "--to-endpoint", &endpoint, "--to-provider", "aws"];
    let copy = [
        &["copy", "s3://src/", "s3://dst/", "--no-server-side", "--ledger", "../ledger", "--log-level", "debug"][..],
        &sides,
    ]
    .concat();
    let failed = run(&world, &copy);
    let missing = run(&world, &[&copy[..], &["--keys-from", "../keys"]].concat());
    let missing_in_json = run(&world, &[&copy[..], &["--keys-from", "../keys", "--json"]].concat());
    world.server.faults().add(FaultRule::new(denied).on("ListObjectsV2"));
    let refused = run(&world, &["ls", "s3://src/", "--endpoint", &endpoint]);
    let refused_in_json = run(&world, &["ls", "s3://src/", "--endpoint", &endpoint, "--json"]);
    for (what, output) in [
        ("failed", failed),
        ("missing", missing),
        ("missing, JSON", missing_in_json),
        ("refused", refused),
        ("refused, JSON", refused_in_json),
    ] {
        assert_ne!(output.status.code(), Some(0), "{what}");
        assert_harmless(what, &output.stdout);
        assert_harmless(what, &output.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_uploads_and_the_ledger_name_hostile_keys_without_harm() {
    const HOSTILE: &str = "big\u{1b}[2J\u{202e}\n";
    let world = World::start(Options::default()).await;
    world.store().put_synthetic_with_crc("src", HOSTILE, 1, 20 << 20);
    let hold = world.server.hold("CompleteMultipartUpload", When::BeforeEffect);
    let mut life = world.haul().spawn();
    life.until("Complete", hold.reached()).await;
    life.kill().await;
    let (endpoint, ledger) = (world.server.endpoint(), world.ledger().display().to_string());
    let uploads = ["uploads", "list", "s3://dst/", "--endpoint", &endpoint, "--ledger", &ledger];
    let status = ["status", "--ledger", &ledger];
    let shows: [&[&str]; 2] = [&uploads, &status];
    let manners: [&[&str]; 2] = [&[], &["--json"]];
    for (args, more) in shows.into_iter().flat_map(|args| manners.map(|more| (args, more))) {
        let output = run(&world, &[args, more].concat());
        assert_harmless(args[0], &output.stdout);
        assert!(String::from_utf8_lossy(&output.stdout).contains("big\\u"), "{output:?}");
    }
}
