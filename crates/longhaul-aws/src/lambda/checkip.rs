//! By which address this worker is seen from outside: for those who set up a NAT.

use std::time::Duration;

use aws_smithy_runtime_api::{client::http::HttpConnector, http::Request};
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};

use crate::s3::http;

/// An answer that takes longer will not be waited for.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An address, and what a service may write around it.
const MOST_BYTES: usize = 4096;

/// Asks `url` (any service that answers with the caller's address) and logs the answer. Without a URL, nothing happens; what
/// fails is logged and harms nothing.
pub async fn log_identity(url: Option<&str>) {
    let Some(url) = url else { return };
    match tokio::time::timeout(TIMEOUT, ask(url)).await {
        Ok(Ok(address)) => tracing::info!(event = "identity", address, "this worker is seen by this address"),
        Ok(Err(error)) => tracing::warn!(event = "identity", "{url} gave no address: {error}"),
        Err(_) => tracing::warn!(event = "identity", "{url} gave no address within {} s", TIMEOUT.as_secs()),
    }
}

async fn ask(url: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut request = Request::new(SdkBody::empty());
    request.set_uri(url)?;
    let response = http::bare()?.call(request).await?;
    let body = Limited::new(response.into_body(), MOST_BYTES).collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&body).trim().chars().take(100).collect())
}
