//! The port to queues, and the messages in them.
//!
//! Read [`port`], then [`message`], which tells the kinds of messages apart: [`object_job`], [`segment_job`], [`range_job`] and
//! [`s3_event`]. [`packer`] and `outbox` send them, [`settle`] says what becomes of a delivery.
//!
//! Invariants: a message is acknowledged only when the outcome of all that it asks for is durable. What cannot be read is
//! [`Malformed`], and never guessed.

pub mod format;
pub mod message;
pub mod object_job;
pub(crate) mod outbox;
pub mod packer;
pub mod port;
pub mod range_job;
pub mod s3_event;
pub mod segment_job;
pub mod settle;

pub use format::Malformed;
pub use message::{Entry, Message};
pub use object_job::{DestinationSeen, Job, Jobs};
pub use packer::{Packer, Packing};
pub use port::{Depth, JobQueue, MAX_BATCH, MAX_BYTES, QueueError, QueueMessage};
pub use range_job::RangeJob;
pub use s3_event::{EventKind, ObjectEvent, Sequencer};
pub use segment_job::{Segment, SegmentJob};
pub use settle::Verdict;

pub(crate) use outbox::Outbox;
pub(crate) use port::keep_refused;
pub(crate) use settle::{LONGEST_WAIT, wait};
