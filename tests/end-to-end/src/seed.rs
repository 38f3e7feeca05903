//! Randomness that can be repeated, and sizes that can be changed by hand.

use std::{env, str::FromStr};

/// The seed of this test: `LONGHAUL_SEED`, or a random one. It is printed, and the test harness shows it on failure.
#[must_use]
pub fn seed() -> u64 {
    let seed = from_environment("LONGHAUL_SEED").unwrap_or_else(|| fastrand::u64(..));
    eprintln!("to repeat: LONGHAUL_SEED={seed}");
    seed
}

/// A number from the environment, if it is set.
///
/// # Panics
/// If it is set and is no number.
#[must_use]
pub fn from_environment<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
