//! A large object, in parts.
//!
//! Read `copy_in_parts` from claim to close, then `find_upload`, `adopt` and `create` (where the upload comes from),
//! `parts_in_hand` and `copy_part` (where a part is repeated), `complete` and `lost_complete` (how it ends).
//!
//! Invariants: what counts as there is what the store lists, with the right size, and not what anybody remembers. Complete is looked
//! up when its answer is lost.

pub(crate) mod adopt;
pub(crate) mod complete;
pub(crate) mod copy_in_parts;
pub(crate) mod copy_part;
pub(crate) mod create;
pub(crate) mod find_upload;
pub(crate) mod lost_complete;
pub(crate) mod parts_in_hand;
pub(crate) mod reread;

pub(crate) use copy_part::copy_missing;
pub(crate) use parts_in_hand::{PartsInHand, fitting, of_an_earlier_leg};
