//! The jobsender as Lambda runs it: what it compares, what it sends, and what it says of it.

mod failures;
mod gate;
mod held_back;
mod ignoring;
mod keys;
mod lab;
mod packing;
mod queue;
mod ranges;
mod reports;
mod routes;
