//! What a test does when this machine lacks what it needs: it says so by name, and never passes in silence.

use std::{
    env,
    fs::OpenOptions,
    io::{self, Write as _},
    thread,
};

use crate::environment::NotHere;

/// Set to 1 where every test must run.
const MUST_RUN: &str = "LONGHAUL_REQUIRE_EMULATOR";
/// Names a file that gets a line for every test that did not run.
const NOT_RUN_FILE: &str = "LONGHAUL_NOT_RUN_FILE";

/// What a test was given. Where it cannot be had there is nothing: it is said that the test did not run, and the test
/// returns. It is named by its thread, which has its name: this is called where the test itself runs, and in no task of it.
///
/// # Panics
/// If it cannot be had and `LONGHAUL_REQUIRE_EMULATOR=1`.
pub fn given_or_said<T>(given: Result<T, NotHere>) -> Option<T> {
    let thread = thread::current();
    let test = thread.name().filter(|name| *name != "main").unwrap_or("this program");
    match given {
        Ok(given) => Some(given),
        Err(error) if must_run() => panic!("{test} must run: {error}"),
        Err(error) => {
            say(&format!("NOT RUN: {test}: {error}\n"));
            None
        }
    }
}

pub(crate) fn must_run() -> bool {
    env::var_os(MUST_RUN).is_some_and(|value| value == "1")
}

/// Not by a macro: what those print is hidden when a test passes.
fn say(line: &str) {
    let _ = io::stderr().write_all(line.as_bytes());
    if let Some(path) = env::var_os(NOT_RUN_FILE) {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("the list of tests that did not run");
    }
}
