//! What these tests have in common: outputs of commands, and looks at copies.

use std::process::Output;

use end_to_end::World;

/// Runs a command of `longhaul` that is no copy of the world's own.
pub fn run(world: &World, args: &[&str]) -> Output {
    world.command(args).output().expect("the command runs")
}

/// All that a command said, behind how it ended.
pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{:?}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// It ended with this code, and in no panic.
pub fn assert_ends(output: &Output, code: i32, what: &str) {
    assert_eq!(output.status.code(), Some(code), "{what}: {}", said(output));
    assert!(!said(output).contains("panicked"), "{what}: {}", said(output));
}

/// The object is there once, with these bytes, and nothing lies around.
pub fn assert_copied_once(world: &World, key: &str, sha256: &str) {
    assert_eq!(world.store().sha256("dst", key).as_deref(), Some(sha256), "the bytes of the copy");
    assert_eq!(world.store().versions("dst", key).len(), 1, "versions of the copy");
    assert_eq!(world.store().uploads("dst"), [], "unfinished uploads");
}
