//! Everything that a store lists, page by page.
//!
//! `pages` is the frame; objects, versions, uploads and parts differ in their lines.
//!
//! Invariants: whether there is more is decided by the core's rule for all listings.

pub(crate) mod list_objects;
pub(crate) mod list_parts;
pub(crate) mod list_uploads;
pub(crate) mod list_versions;
pub(crate) mod pages;
