//! Every wait, time-out and repeat.
//!
//! Read [`clock`], [`retry`] (when a request is repeated), [`deadline`] (when a leg ends), [`budget`] (how many parts are in flight,
//! how many bytes a second) and `pace` (how slowly a body may move).
//!
//! Invariants: nothing else in this crate repeats a request of a store. Time comes from the port only, and chance from seeds.

pub mod budget;
pub mod clock;
pub mod deadline;
pub(crate) mod pace;
pub mod retry;

pub use budget::{Bandwidth, Budget, Permit};
pub use clock::Clock;
pub use deadline::LegTime;
pub use retry::{OnRetry, RequestPolicy, RetryPolicy};

pub(crate) use deadline::copy_timeout;
