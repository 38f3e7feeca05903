//! One comparison of two buckets, from the schedule to the queue.
//!
//! Read `entry`, `scheduled` (one run), `range_message` and `range_work` (a range that is compared, sent, saved and split),
//! [`send_range`], [`send_list`] and `candidates` (jobs), [`gate`] (when a scan may begin). [`process`] and `leg` are what they
//! share, [`run_report`] is what is told.
//!
//! Invariants: a range is closed only when all its jobs are in the queue. A scan counts as complete when every range is closed.

pub(crate) mod candidates;
pub(crate) mod entry;
pub mod error;
pub mod gate;
pub(crate) mod leg;
pub mod process;
pub(crate) mod range_message;
pub(crate) mod range_work;
pub mod run_report;
pub(crate) mod scheduled;
pub mod send_list;
pub mod send_range;

pub use error::SendError;
pub use gate::{Gate, GateError, OpenRanges, Ticket, Turn, Wish};
pub use process::{Jobsender, ScanQueues, ScanSettings, SendSettings};
pub use run_report::{RouteReport, RunReport};
pub use send_range::{RangeSender, Step};
