//! Why a store cannot be reached.

use crate::s3::address::{endpoint::EndpointError, named::Named};

/// Why a side cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be used.
    #[error("the endpoint{named} cannot be used: {problem}")]
    Endpoint {
        /// Where it comes from.
        named: Named,
        /// What is wrong with it.
        problem: EndpointError,
    },
    /// Plain HTTP to another machine.
    #[error(
        "the endpoint {endpoint:?}{named} would send data and signatures without encryption; use https://, or permit it with --allow-http"
    )]
    PlainHttp {
        /// The address.
        endpoint: String,
        /// Where it comes from.
        named: Named,
    },
    /// The CA file is not usable.
    #[error("the CA bundle holds no usable certificates")]
    CaBundle(#[source] Box<dyn std::error::Error + Send + Sync>),
}
