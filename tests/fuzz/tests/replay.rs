//! The parsers of the core, over their corpora and seeded mutations of them.

use fuzz::{TARGETS, replay};

fn run(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    replay(target.name, target.run);
}

#[test]
fn s3_events_hold() {
    run("event");
}

#[test]
fn ignore_lists_hold() {
    run("ignore_list");
}

#[test]
fn places_of_ignore_lists_hold() {
    run("ignore_place");
}

#[test]
fn key_lists_hold() {
    run("key_list");
}

#[test]
fn inventory_manifests_hold() {
    run("manifest");
}

#[test]
fn messages_hold() {
    run("message");
}

#[test]
fn messages_of_scans_hold() {
    run("scan_message");
}
