//! A reader that goes away, and a disk that is full: nothing panics, and no copy ends in the middle.

use std::{
    fs::{self, File},
    io::pipe,
    process::{Command, Stdio},
};

use end_to_end::World;
use test_s3::Options;

use crate::shared::{assert_ends, said};

const OBJECTS: usize = 40;

/// A source of which one object has no place in a folder, so that there is something to say on both streams.
async fn world() -> World {
    let world = World::start(Options::default()).await;
    for number in 0..OBJECTS {
        world.put("src", &format!("object {number}"), "text");
    }
    world.put("src", "has no//place", "text");
    world
}

/// A stream whose reader has gone.
fn unread() -> Stdio {
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

fn full_disk() -> Stdio {
    File::options().write(true).open("/dev/full").expect("the device that is always full").into()
}

fn copy(world: &World, there: &str, more: &[&str]) -> Command {
    let (endpoint, ledger) = (world.server.endpoint(), world.ledger().display().to_string());
    let there = world.path(there).display().to_string();
    let args =
        ["copy", "s3://src/", &there, "--from-endpoint", &endpoint, "--from-provider", "aws", "--ledger", &ledger];
    world.command(&[&args[..], more].concat())
}

fn files(world: &World, folder: &str) -> usize {
    fs::read_dir(world.path(folder)).map_or(0, Iterator::count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_goes_on_to_its_end_when_nobody_reads_what_it_says() {
    let world = world().await;
    let manners: [&[&str]; 4] = [&[], &["--json"], &["--log-level", "debug"], &["--json", "--log-level", "trace"]];
    for (number, more) in manners.into_iter().enumerate() {
        let folders = ["out", "err", "both"].map(|stream| format!("{stream}{number}"));
        let out = copy(&world, &folders[0], more).stdout(unread()).output().expect("it runs");
        let err = copy(&world, &folders[1], more).stderr(unread()).output().expect("it runs");
        let both = copy(&world, &folders[2], more).stdout(unread()).stderr(unread()).output().expect("it runs");
        for (output, folder) in [out, err, both].iter().zip(&folders) {
            assert_ends(output, 2, &format!("{folder} {more:?}"));
            assert_eq!(files(&world, folder), OBJECTS, "{folder} {more:?}: {}", said(output));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_shows_ends_quietly_when_its_reader_goes_away() {
    let world = world().await;
    assert_ends(&copy(&world, "there", &[]).output().expect("it runs"), 2, "a copy, so that there is a ledger");
    let (endpoint, ledger) = (world.server.endpoint(), world.ledger().display().to_string());
    let shows: [&[&str]; 9] = [
        &["ls", "s3://src/", "--endpoint", &endpoint],
        &["ls", "s3://src/", "--endpoint", &endpoint, "--json"],
        &[
            "copy",
            "s3://src/",
            "there",
            "--from-endpoint",
            &endpoint,
            "--ledger",
            &ledger,
            "--compare",
            "none",
            "--dry-run",
            "--exclude",
            "*//*",
        ],
        &["status", "--ledger", &ledger],
        &["status", "--ledger", &ledger, "--json"],
        &["uploads", "list", "s3://dst/", "--endpoint", &endpoint, "--ledger", &ledger],
        &["completions", "bash"],
        &["copy", "--help"],
        &["--version"],
    ];
    for args in shows {
        let output = world.command(args).stdout(unread()).output().expect("it runs");
        assert_ends(&output, 0, &args.join(" "));
        let output = world.command(args).stdout(unread()).stderr(unread()).output().expect("it runs");
        assert_ends(&output, 0, &args.join(" "));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_has_its_exit_code_also_when_nobody_reads_about_it() {
    let world = world().await;
    for args in [
        &["ls", "ftp://nowhere"][..],
        &["status", "--ledger", "absent"],
        &["copy", "--no-such-flag"],
        &["ls", "-", "--json"],
    ] {
        let output = world.command(args).stdout(unread()).stderr(unread()).output().expect("it runs");
        assert_ends(&output, 1, &args.join(" "));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_behind_standard_output_is_an_error_and_loses_no_copy() {
    let world = world().await;
    let endpoint = world.server.endpoint();
    for args in [&["ls", "s3://src/", "--endpoint", &endpoint][..], &["completions", "zsh"]] {
        let output = world.command(args).stdout(full_disk()).output().expect("it runs");
        assert_ends(&output, 1, &args.join(" "));
        assert!(said(&output).contains("standard output is not complete"), "{}", said(&output));
    }
    let output = copy(&world, "there", &["--json", "--exclude", "*//*"]).stdout(full_disk()).output().expect("it runs");
    assert_ends(&output, 1, "a copy for a program that cannot hear of it");
    assert_eq!(files(&world, "there"), OBJECTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_behind_the_log_is_said_once_and_loses_no_copy() {
    let world = world().await;
    let more = ["--exclude", "*//*", "--log-file", "/dev/full", "--log-level", "debug"];
    let output = copy(&world, "there", &more).output().expect("it runs");
    assert_ends(&output, 0, "a copy without its log");
    assert_eq!(said(&output).matches("the log file is not complete").count(), 1, "{}", said(&output));
    let blind = copy(&world, "again", &more).stderr(unread()).output().expect("it runs");
    assert_ends(&blind, 0, "a copy without its log and without a reader");
    assert_eq!((files(&world, "there"), files(&world, "again")), (OBJECTS, OBJECTS));
}
