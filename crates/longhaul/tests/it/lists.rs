//! Lists of keys.

mod named;
mod refusals;
