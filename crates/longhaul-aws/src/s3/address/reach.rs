//! What the options, the environment and the configuration files say together of the way to a store.
//!
//! The address that comes out of it is the one that is checked, used, reported and recorded, wherever it was named.

use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::service_config::ServiceConfigKey;

use crate::{
    s3::{
        address::{connect_error::ConnectError, endpoint::Endpoint, named::Named},
        connect_options::ConnectOptions,
        http,
    },
    sdk::guard,
};

/// The way to a store.
pub(crate) struct Reach {
    /// For all clients but those of stores: none of their answers is an object.
    pub services: SdkConfig,
    /// The connections of clients of stores.
    pub http: SharedHttpClient,
    /// The store's address; without one it is Amazon's.
    pub endpoint: Option<Endpoint>,
}

impl Reach {
    /// Reads and checks all; no service is asked for anything yet.
    pub async fn find(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let check = |text: &str, named| checked(text, named, options.allow_http);
        let given = options.endpoint.as_deref().map(|text| check(text, Named::Directly)).transpose()?;
        let http = http::client(options.ca_pem.as_deref())?;
        let services = loader(options).http_client(guard::bounded(http.clone())).load().await;
        let endpoint = match given {
            Some(given) => Some(given),
            // Keys given by hand belong to another account than the environment's: an endpoint that the environment names,
            // of a VPC for instance, leads to the wrong region or partition.
            None if options.keys.is_some() => None,
            None => configured(&services, "S3").map(|text| check(&text, Named::InTheEnvironment)).transpose()?,
        };
        Ok(Self { services, http, endpoint })
    }

    /// Checks the address of another service, if it is not Amazon's: what goes there is signed too.
    pub fn check_service(&self, service: &str, given: Option<&str>) -> Result<(), ConnectError> {
        match given {
            Some(text) => checked(text, Named::Directly, false).map(drop),
            None => configured(&self.services, service)
                .map_or(Ok(()), |text| checked(&text, Named::InTheEnvironment, false).map(drop)),
        }
    }
}

fn checked(text: &str, named: Named, allow_http: bool) -> Result<Endpoint, ConnectError> {
    let endpoint = Endpoint::parse(text).map_err(|problem| ConnectError::Endpoint { named, problem })?;
    if endpoint.is_encrypted() || endpoint.is_loopback() || allow_http {
        return Ok(endpoint);
    }
    Err(ConnectError::PlainHttp { endpoint: endpoint.given().to_owned(), named })
}

/// The address that the SDK's client of a service would find by itself. The SDK does not tell, so it is asked for in the same
/// way.
fn configured(shared: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = key.ok().and_then(|key| shared.service_config()?.load_config(key));
    own.or_else(|| shared.endpoint_url().map(str::to_owned)).filter(|text| !text.is_empty())
}

fn loader(options: &ConnectOptions) -> ConfigLoader {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(keys) = options.keys.clone() {
        let token = keys.session_token;
        loader = loader.credentials_provider(Credentials::new(
            keys.access_key_id,
            keys.secret_access_key,
            token,
            None,
            "given by hand",
        ));
    }
    if options.anonymous { loader.no_credentials() } else { loader }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, allow_http: bool) -> Result<Endpoint, ConnectError> {
        checked(text, Named::Directly, allow_http)
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for text in ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]", "https://minio.example"] {
            assert!(check(text, false).is_ok(), "{text}");
        }
        for text in ["http://minio.example", "http://127.0.0.1.evil.com", "http://localhost.evil"] {
            assert!(matches!(check(text, false), Err(ConnectError::PlainHttp { .. })), "{text}");
            assert!(check(text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_address_is_refused_without_showing_what_may_be_secret_in_it() {
        for text in
            ["https://user:hunter2@host", "https://host/?token=hunter2", "hunter2", "http://localhost:hunter2@evil"]
        {
            let error = check(text, true).unwrap_err();
            assert!(matches!(error, ConnectError::Endpoint { .. }), "{text}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
