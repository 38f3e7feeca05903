//! Finds the programs under test.

use std::{env, path::PathBuf};

/// One of the two Lambdas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Copies what the queues ask for.
    Worker,
    /// Compares buckets and sends jobs.
    Jobsender,
}

impl Program {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Worker, Self::Jobsender];

    /// The name of its package and of its binary.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Jobsender => "jobsender",
        }
    }

    /// Its binary, beside this process's own executable, or beside its folder: programs lie in `target/<profile>`, tests
    /// one deeper.
    ///
    /// # Panics
    /// If there is none. Cargo builds the binaries of a package only for the tests of that package.
    #[must_use]
    pub fn binary(self) -> PathBuf {
        beside(self.name(), self.name())
    }
}

/// The `longhaul` command, found as the Lambdas are.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn longhaul() -> PathBuf {
    beside("longhaul", "longhaul-cli")
}

/// The binary `name` of `package`, beside this process's own executable, or beside its folder.
pub(crate) fn beside(name: &str, package: &str) -> PathBuf {
    let own = env::current_exe().expect("a process knows its own executable");
    let mut places = own.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    // The program runs in another folder than this process.
    let found = places.find(|path| path.is_file()).and_then(|path| path.canonicalize().ok());
    found.unwrap_or_else(|| panic!("{name} is not built beside {own:?}; build it first: cargo build -p {package}"))
}
