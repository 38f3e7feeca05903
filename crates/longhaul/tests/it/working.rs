//! The worker and the jobsender, message by message.

mod meanwhile;
mod messages;
mod routed;
mod scans;
mod segments;
mod two_stacks;
mod world;
