//! What a test does when this machine lacks what it needs: it says so by name, and never passes in silence.

use std::{
    env,
    fs::OpenOptions,
    io::{self, Write as _},
};

use crate::{
    environment::{self, NoPython},
    process::Emulator,
    python::Python,
};

/// Set to 1 where every test must run.
const MUST_RUN: &str = "LONGHAUL_REQUIRE_EMULATOR";
/// Names a file that gets a line for every test that did not run.
const NOT_RUN_FILE: &str = "LONGHAUL_NOT_RUN_FILE";

/// An emulator for the test of this name. Without Python there is none: it is said that the test did not run, and the
/// test returns.
///
/// # Panics
/// If the emulator fails to start for any other reason, or if `LONGHAUL_REQUIRE_EMULATOR=1` and there is no Python.
pub async fn required(test: &str) -> Option<Emulator> {
    given_or_said(test, Emulator::start().await)
}

/// The same for a test that needs only Python and its packages.
///
/// # Panics
/// As [`required`].
pub async fn required_python(test: &str) -> Option<Python> {
    given_or_said(test, Python::prepare().await)
}

/// Installs the packages before the tests, whose time is limited. Where there is no Python it does nothing: the tests
/// will say that.
///
/// # Panics
/// If the packages cannot be installed, or if `LONGHAUL_REQUIRE_EMULATOR=1` and there is no Python.
pub fn install() {
    match environment::interpreter() {
        Err(error) if must_run() => panic!("the emulator must be installed: {error}"),
        Ok(_) | Err(_) => {}
    }
}

fn must_run() -> bool {
    env::var_os(MUST_RUN).is_some_and(|value| value == "1")
}

fn given_or_said<T>(test: &str, given: Result<T, NoPython>) -> Option<T> {
    match given {
        Ok(given) => Some(given),
        Err(error) if must_run() => panic!("{test} must run: {error}"),
        Err(error) => {
            say(&format!("NOT RUN: {test}: python3 is needed ({error})\n"));
            None
        }
    }
}

/// Not by a macro: what those print is hidden when a test passes.
fn say(line: &str) {
    let _ = io::stderr().write_all(line.as_bytes());
    if let Some(path) = env::var_os(NOT_RUN_FILE) {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the list of tests that did not run");
    }
}
