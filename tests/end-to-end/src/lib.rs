//! Runs the `longhaul` command as a process of its own, and looks from outside at what it leaves behind.
//!
//! A [`World`] is a test S3 with the buckets `src` and `dst` and a folder for everything else. [`World::copy`] makes a
//! [`Cli`], which is spawned as often as a test likes; a [`Running`] one is waited for, interrupted or killed, and a
//! [`Finished`] one tells what it said. The binary is not built from here: see [`binary`].

mod binary;
mod cli;
mod content;
mod finished;
mod parts;
mod running;
mod seed;
mod tree;
mod world;

pub use binary::binary;
pub use cli::Cli;
pub use content::{MIB, sha256, sha256_of_synthetic};
pub use finished::Finished;
pub use parts::{accepted_parts, arrived_parts};
pub use running::{LIMIT, Running, within};
pub use seed::{from_environment, seed};
pub use tree::{grow, read_tree};
pub use world::World;
