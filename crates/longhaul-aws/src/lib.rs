//! Adapters for Amazon S3 and for what speaks its protocol.
//!
//! [`connect()`] makes an [`S3Bucket`], which is a source and a destination. What a provider does otherwise than Amazon
//! stands in [`provider`], and nowhere else. Nothing here retries: the engine does.

pub mod bucket;
pub mod connect;
pub mod provider;

mod body;
mod destination;
mod failure;
mod http;
mod source;
mod translate;

pub use bucket::S3Bucket;
pub use connect::{ConnectError, ConnectOptions, Keys, Sharing, connect};
pub use provider::Provider;
