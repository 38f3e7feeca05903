//! Amazon S3, and what speaks its protocol.
//!
//! [`connect`](mod@connect) and [`account`](mod@account) make a [`bucket`], which is a `source` and a `destination`; its listings
//! are in `lists`, and how a store is reached in [`address`]. What a provider does otherwise than Amazon stands in
//! [`address::provider`] and nowhere else. `error` and `translate` put the SDK's words into ours.
//!
//! Invariants: nothing here repeats a request. Every answer but an object is bounded, and whole.

pub mod account;
pub mod address;
pub(crate) mod body;
pub mod bucket;
pub mod connect;
pub mod connect_options;
pub(crate) mod destination;
pub(crate) mod error;
pub(crate) mod http;
pub(crate) mod lists;
pub(crate) mod source;
pub(crate) mod translate;

pub use account::{Account, account};
pub use address::{EndpointError, Named, Provider, is_same_bucket};
pub use bucket::{S3Bucket, Sharing};
pub use connect::connect;
pub use connect_options::{ConnectOptions, Keys};

pub(crate) use error::store_error;
