//! The HTTP client: rustls, the system's or a given CA, proxies of the environment.

use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient};

use crate::s3::address::ConnectError;

/// `ca_pem` is trusted in addition to the system's certificates.
pub(crate) fn client(ca_pem: Option<&[u8]>) -> Result<SharedHttpClient, ConnectError> {
    let tls = tls(ca_pem)?;
    // The builder of plain clients has no proxy setting; its connector has (smithy-rs documents this way for proxies).
    Ok(Builder::new().build_with_connector_fn(move |settings, _| connector(&tls, settings)))
}

/// One connector for requests that are no SDK's.
pub(crate) fn bare() -> Result<Connector, ConnectError> {
    Ok(connector(&tls(None)?, None))
}

fn tls(ca_pem: Option<&[u8]>) -> Result<TlsContext, ConnectError> {
    let mut trust = TrustStore::default();
    if let Some(pem) = ca_pem {
        trust.add_pem_certificate(pem);
    }
    TlsContext::builder().with_trust_store(trust).build().map_err(|error| ConnectError::CaBundle(error.into()))
}

fn connector(tls: &TlsContext, settings: Option<&HttpConnectorSettings>) -> Connector {
    let mut connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .proxy_config(ProxyConfig::from_env())
        .tls_context(tls.clone());
    if let Some(settings) = settings {
        connector = connector.connector_settings(settings.clone());
    }
    connector.build()
}
