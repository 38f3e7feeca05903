//! One piece of a giant object, in parallel with others.
//!
//! Read [`copy_segment`](mod@copy_segment), then `fill` (its parts, and the mark), `finish` (the last one completes the object)
//! and `leave`.
//!
//! Invariants: all segments of one upload have one pin and one plan. The save of the last mark says who completes.

pub mod copy_segment;
pub(crate) mod fill;
pub(crate) mod finish;
pub(crate) mod leave;

pub use copy_segment::{Delivered, copy_segment};
