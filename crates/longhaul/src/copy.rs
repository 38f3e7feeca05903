//! One object's way from its source to its destination.
//!
//! [`copy_object`](mod@copy_object) tells all of it on one screen. Then read the folders in their order: [`attempt`] (what a leg of
//! a copy works with), `claim` (whose work it is), then a small object in `single_request`, or a large one in `multipart`, or
//! a piece of a giant in [`segment`]. `server_side` lets the store copy by itself, [`delete_copy`](mod@delete_copy) follows a
//! deletion.
//!
//! Invariants: pin, claim, save, in this order. A leg reads only the version that it has pinned. Nothing is said to be done before
//! it is proved and recorded, and every end is in the report.

pub mod attempt;
pub(crate) mod claim;
pub mod copy_object;
pub mod delete_copy;
pub(crate) mod multipart;
pub mod segment;
pub(crate) mod server_side;
pub(crate) mod single_request;
pub(crate) mod single_tries;

pub use attempt::{
    Backends, Collisions, CopyJob, Engine, Follow, Known, ObjectReport, Observer, OpenStores, Outcome, Recorded,
    Settings, Silent,
};
pub use copy_object::copy_object;
pub use delete_copy::delete_copy;
pub use segment::{Delivered, copy_segment};
