//! One object: what is resumed, what is proved, and what is left behind.

mod dropped_headers;
mod leftovers;
mod meanwhile;
mod proofs;
mod resuming;
