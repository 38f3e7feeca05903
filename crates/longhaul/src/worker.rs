//! One message, from its receipt to its end.
//!
//! Read `message` from top to bottom, then [`rules`] (what an entry asks for), `open_engines`, [`decide`] (from outcomes to a
//! verdict), `follow_up` (messages that carry an object on) and [`log`]. [`process`] is what all messages share.
//!
//! Invariants: a message is acknowledged, given back or sent on, and never dropped; what is parked has its reason. A message orders
//! only what a route allows.

pub mod decide;
pub(crate) mod follow_up;
pub mod log;
pub(crate) mod message;
pub(crate) mod open_engines;
pub mod process;
pub mod rules;

pub use decide::{Ending, Plan, Progress, Retry};
pub use log::Journal;
pub use process::{Queues, WorkSettings, Worker};
pub use rules::{BucketRoute, Buckets, DeletePolicy, Rules, Task};

pub(crate) use open_engines::into_itself;
