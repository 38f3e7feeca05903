//! Listings, in whatever order they come, and the ranges that they are cut into.

mod bisecting;
mod lister;
mod orders;
