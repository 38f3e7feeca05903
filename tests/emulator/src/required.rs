//! What tests ask for, and what is said where it cannot be had.

use python_tools::given_or_said;

use crate::{
    process::Emulator,
    python::{PACKAGES, Python},
};

/// An emulator for a test. Without Python there is none: it is said that the test did not run, and the test returns.
///
/// # Panics
/// If the emulator fails to start for any other reason, or if `LONGHAUL_REQUIRE_EMULATOR=1` and there is no Python.
pub async fn required() -> Option<Emulator> {
    given_or_said(Emulator::start().await)
}

/// The same for a test that needs only Python and its packages.
///
/// # Panics
/// As [`required`].
pub async fn required_python() -> Option<Python> {
    given_or_said(Python::prepare().await)
}

/// Installs the packages before the tests, whose time is limited. Where there is no Python it does nothing: the tests
/// will say that.
///
/// # Panics
/// If the packages cannot be installed, or if `LONGHAUL_REQUIRE_EMULATOR=1` and there is no Python.
pub fn install() {
    PACKAGES.install();
}
