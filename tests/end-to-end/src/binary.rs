//! Finds the program under test.

use std::{env, path::PathBuf};

/// The `longhaul` binary: `LONGHAUL_BIN`, or the one beside the folder of this test's own executable.
///
/// # Panics
/// If there is none. Cargo builds the binaries of a package only for the tests of that package.
#[must_use]
pub fn binary() -> PathBuf {
    let path = env::var_os("LONGHAUL_BIN").map_or_else(beside_this_test, PathBuf::from);
    // The command runs in another folder than this test.
    path.canonicalize().unwrap_or_else(|error| {
        panic!("the binary {path:?} cannot be used ({error}); build it first: cargo build -p longhaul-cli")
    })
}

fn beside_this_test() -> PathBuf {
    let test = env::current_exe().expect("a process knows its own executable");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("a test lies in target/<profile>/deps");
    profile.join("longhaul")
}
