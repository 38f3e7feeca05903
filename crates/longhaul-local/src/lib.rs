//! Adapters for this machine: local folders as source and destination, and the ledger in an SQLite file.
//!
//! A folder's objects are its regular files; a key is the path below the folder. What is no regular file is not copied
//! and is logged by name ([`LocalFolder::skipped`]). Links below the folder are never followed, for reading or for
//! writing: every step is taken from an open folder, so that a path cannot be redirected while it is used. All waiting
//! for the disk happens in blocking threads.

mod call;
mod condition;
mod delete;
mod destination;
mod entries;
mod folder;
mod inflow;
mod lines;
mod locks;
mod name;
mod new_files;
mod owner;
mod pages;
mod part_file;
mod place;
mod put;
mod query;
mod read;
mod role;
mod seen_parts;
mod sidecar;
mod skipped;
mod sorted;
mod sqlite;
mod sqlite_file;
mod stamp;
mod uploads;
mod walk;

#[cfg(test)]
mod changed_tests;
#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod sorted_tests;
#[cfg(test)]
mod sqlite_tests;
#[cfg(test)]
mod staging_tests;
#[cfg(test)]
mod write_tests;

pub use folder::LocalFolder;
pub use query::{RecordFilter, StateSummary};
pub use role::Role;
pub use skipped::{SkipReason, SkippedEntry};
pub use sorted::sorted;
pub use sqlite::SqliteLedger;
pub use sqlite_file::OpenError;
