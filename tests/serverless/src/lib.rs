//! Runs the Lambdas as Lambda runs them, and looks from outside at what they do.
//!
//! Two ways, from small to whole:
//! - A [`Function`] is one process of a binary, beside a fake of Lambda's Runtime API, with any deadline, any event,
//!   and a kill at any time. A [`Cloud`] around it holds its queues, table and parameters, and both accounts' S3.
//!   [`deliver`] does what the mapping from a queue to a function does.
//! - A [`Stack`] is the template of `infra/`, deployed in an emulator: schedules, notifications and mappings are its
//!   own.
//!
//! A [`FaultProxy`] in front of one of the emulator's services remembers what a function asks of it, and treats chosen
//! requests badly. [`Metrics`] says what CloudWatch would have counted in log lines. The binaries are not built from
//! here: see [`Program`].

mod cloud;
mod cloudwatch;
mod lambda;
mod stack;
mod waiting;

pub use cloud::*;
pub use cloudwatch::*;
pub use lambda::*;
pub use stack::*;
pub use waiting::{LIMIT, found_within, until, within};
