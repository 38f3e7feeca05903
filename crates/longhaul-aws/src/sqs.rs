//! Queues: jobs, and what is parked.

pub(crate) mod parked_attributes;
pub mod parked_queue;
pub mod queue;

pub use parked_queue::{ParkedMessage, ParkedQueue};
pub use queue::{SqsQueue, arn_name};
