//! How a store is reached, and whose it is.
//!
//! [`endpoint`] is a checked address, `reach` what options, environment and profiles say together, [`provider`] what a provider
//! does otherwise than Amazon, [`same_bucket`] whether two addresses are one bucket.

pub mod connect_error;
pub mod endpoint;
pub mod named;
pub mod provider;
pub(crate) mod reach;
pub mod same_bucket;

pub use connect_error::ConnectError;
pub use endpoint::EndpointError;
pub use named::Named;
pub use provider::Provider;
pub use same_bucket::is_same_bucket;

pub(crate) use endpoint::Endpoint;
pub(crate) use reach::Reach;
