//! What is peculiar to Lambda: its log, its time, and its address on the internet.

pub mod checkip;
pub mod log;
pub mod time_left;

pub use time_left::time_left;
