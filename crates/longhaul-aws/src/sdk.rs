//! What all clients of the SDK share: clocks, counts of requests, guarded answers and errors.
//!
//! Invariants: no answer takes more memory than its bound, and XML that ends early is an error.

pub(crate) mod answer;
pub(crate) mod answer_error;
pub(crate) mod cause;
pub mod clock;
pub(crate) mod error;
pub(crate) mod guard;
pub mod request_counts;
pub mod runtime;
pub(crate) mod service_time;
pub(crate) mod whole_xml;

pub use clock::SystemClock;
pub use request_counts::Requests;
pub use runtime::runtime;

pub(crate) use answer_error::AnswerError;
pub(crate) use cause::cause_of;
pub(crate) use error::{ServiceFailure, is_passing, service_failure, words_of};
pub(crate) use guard::StoreGuard;
pub(crate) use request_counts::{Counter, Service};
pub(crate) use service_time::ToldTime;
