//! The defects of the original, by their numbers: each is shown to be gone.
//!
//! Every test stands for itself, with the real processes; where another test looks deeper, the short one stands here
//! all the same.

mod carried;
mod grants;
mod keys;
mod lab;
mod messages;
mod mixing;
mod refusals;
mod resuming;
mod scanning;
mod small;
mod switches;
mod table;
mod wire;
