//! Listings of buckets.
//!
//! Read [`lister`] (one listing, across errors), [`merge`] (both, in pairs), [`split_range`] (where a long range is cut), [`seam`]
//! (whether two ranges join), [`head_both`] and `absence` (single keys).
//!
//! Invariants: keys come in byte order or the listing ends with an error. A page that fails is asked for again behind the last key.

pub(crate) mod absence;
pub mod head_both;
pub mod lister;
pub mod merge;
pub mod seam;
pub mod split_range;

pub use head_both::{Found, LOOKS, Wanted};
pub use lister::{Lines, Lister};
pub use merge::{Merge, Pair};
pub use seam::Beginnings;
pub use split_range::Probe;

pub(crate) use head_both::Looker;
