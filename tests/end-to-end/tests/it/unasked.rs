//! What nobody asked for sets nothing and overwrites nothing: settings that lie in the folder, files that others wrote, links.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Output,
};

use end_to_end::World;
use serde_json::Value;

use crate::shared::{assert_ends, run, said};

const DEAR: &str = "export PATH=$HOME/bin:$PATH\n";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG";

async fn world() -> World {
    let world = World::with_objects(&["a.txt", "b.txt"]).await;
    fs::write(world.path("dear"), DEAR).expect("a file");
    world
}

fn copy(world: &World, more: &[&str]) -> Output {
    let endpoint = world.server.endpoint();
    let sides =
        ["--from-endpoint", &endpoint, "--from-provider", "aws", "--to-endpoint", &endpoint, "--to-provider", "aws"];
    let ledger = world.ledger().display().to_string();
    let mut args = vec!["copy", "s3://src/", "s3://dst/"];
    args.extend(sides);
    if !more.contains(&"--ledger") {
        args.extend(["--ledger", &ledger]);
    }
    run(world, &[&args[..], more].concat())
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settings_file_that_nobody_named_sets_nothing_and_is_mentioned() {
    let world = world().await;
    let planted = "report = \"../dear\"\nkeys-from = \"../dear\"\ndry-run = true\nexclude = [\"*\"]\nno such setting";
    fs::write(world.work().join("longhaul.toml"), planted).expect("a file");
    let output = copy(&world, &[]);
    assert_ends(&output, 0, "");
    assert_eq!(world.there(), ["a.txt", "b.txt"]);
    assert_eq!(text(&world.path("dear")), DEAR);
    let mention = "longhaul.toml in this folder is not used; name it with --config longhaul.toml";
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(stderr.lines().filter(|line| *line == mention).count(), 1, "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_file_that_is_no_settings_file_or_list_quotes_nothing_of_it() {
    let world = world().await;
    let settings = [
        format!("[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = {SECRET}\n"),
        format!("[default]\naws_secret_access_key = \"{SECRET}\"\n"),
        format!("objects = 3\n\"{SECRET}\" = 1\n"),
        format!("compare = \"{SECRET}\"\n"),
        format!("{{\"{SECRET}\": \"{SECRET}\"}}"),
    ];
    let lists = [
        format!("key,size\na.txt,{SECRET}\n"),
        format!("{SECRET},{SECRET}\n{SECRET},2,3\n"),
        format!("bucket,key\n{SECRET},a.txt\n"),
    ];
    let as_settings = settings.iter().map(|content| ("--config", "c", content));
    let as_manifest = settings.iter().map(|content| ("--keys-from", "c.json", content));
    let as_list = lists.iter().map(|content| ("--keys-from", "c.csv", content));
    for (flag, name, content) in as_settings.chain(as_manifest).chain(as_list) {
        fs::write(world.path(name), content).expect("a file");
        let output = copy(&world, &[flag, &format!("../{name}")]);
        assert_ends(&output, 1, "");
        assert!(!said(&output).contains(SECRET), "{flag}: {}", said(&output));
        assert!(said(&output).contains("line "), "{flag}: {}", said(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_is_no_report_no_log_and_no_ledger() {
    let world = world().await;
    for flag in ["--report", "--log-file", "--ledger"] {
        let output = copy(&world, &[flag, "../dear"]);
        assert_ends(&output, 1, "");
        assert_eq!(text(&world.path("dear")), DEAR, "{flag}");
        assert!(said(&output).contains("dear") && said(&output).contains(flag), "{}", said(&output));
    }
    assert!(world.there().is_empty(), "something was copied before the file was looked at");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_is_followed_to_what_lies_behind_it() {
    let world = world().await;
    fs::write(world.path("empty"), "").expect("a file");
    for (target, is_there) in [("dear", true), ("empty", true), ("absent", false)] {
        for flag in ["--report", "--log-file", "--ledger"] {
            let link = world.work().join("link");
            symlink(world.path(target), &link).expect("a link");
            let output = copy(&world, &[flag, "link"]);
            assert_ends(&output, 1, "");
            assert!(said(&output).contains("symbolic link"), "{flag}: {}", said(&output));
            assert_eq!(world.path(target).exists(), is_there, "{flag} {target}");
            fs::remove_file(&link).expect("the link is still there");
        }
    }
    assert_eq!((text(&world.path("dear")).as_str(), text(&world.path("empty")).as_str()), (DEAR, ""));
    assert!(world.there().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn links_beside_a_ledger_are_not_followed_either() {
    let world = world().await;
    for end in ["-wal", "-shm"] {
        world.lose_ledger();
        assert_ends(&copy(&world, &["--compare", "none"]), 0, "");
        let side = world.path(&format!("ledger.sqlite{end}"));
        let _ = fs::remove_file(&side);
        symlink(world.path("dear"), &side).expect("a link");
        copy(&world, &["--compare", "none"]);
        assert_eq!(text(&world.path("dear")), DEAR, "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_adds_to_the_report_of_the_first_and_only_its_owner_reads_it() {
    let world = world().await;
    let report = world.path("report.jsonl");
    let log = world.path("log.jsonl");
    let flags = ["--report", "../report.jsonl", "--log-file", "../log.jsonl", "--log-level", "debug"];
    assert_ends(&copy(&world, &flags), 0, "");
    world.put("src", "c.txt", "new");
    assert_ends(&copy(&world, &flags), 0, "");
    let lines: Vec<Value> = text(&report).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut sources: Vec<&str> = lines.iter().filter_map(|line| line["source"].as_str()).collect();
    sources.sort_unstable();
    assert_eq!(sources, ["s3://src/a.txt", "s3://src/b.txt", "s3://src/c.txt"]);
    for path in [&report, &log, &world.ledger()] {
        assert_eq!(fs::metadata(path).expect("a file").permissions().mode() & 0o777, 0o600, "{path:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_may_go_into_a_pipe_or_nowhere() {
    let world = world().await;
    assert_ends(&copy(&world, &["--report", "/dev/null", "--compare", "none"]), 0, "");
    let to_stdout = copy(&world, &["--report", "/dev/stdout", "--compare", "none"]);
    assert_ends(&to_stdout, 0, "");
    assert_eq!(said(&to_stdout).matches("\"outcome\":\"copied\"").count(), 2, "{}", said(&to_stdout));
}
