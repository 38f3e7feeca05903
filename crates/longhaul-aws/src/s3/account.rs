//! One way to a store: an SDK client that serves all buckets reached with the same credentials.

use std::time::Duration;

use aws_config::Region;
use aws_sdk_s3::{
    Client,
    config::{
        Builder, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
        retry::RetryConfig, timeout::TimeoutConfig,
    },
};
use longhaul::object::Location;

use crate::{
    s3::{
        address::{ConnectError, Provider, Reach},
        bucket::S3Bucket,
        connect_options::ConnectOptions,
        error,
    },
    sdk::StoreGuard,
};

/// S3 closes idle connections; a new one that takes longer than this will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A store with credentials for it. Clones share connections.
#[derive(Clone, Debug)]
pub struct Account {
    client: Client,
    endpoint: String,
    provider: Provider,
    request_payer: bool,
    /// Whether requests go to Amazon itself, and not only to somebody whom the settings call so.
    is_amazon: bool,
}

/// Prepares the way to a store. Nothing is asked for: a bucket of Amazon's in another region than the account's is not
/// found out here, as [`connect`](crate::connect()) does.
pub async fn account(options: &ConnectOptions) -> Result<Account, ConnectError> {
    Ok(Account::of(&Reach::find(options).await?, options))
}

impl Account {
    /// `reach` must have been found for `options`.
    pub(crate) fn of(reach: &Reach, options: &ConnectOptions) -> Self {
        let named = reach.endpoint.as_ref();
        let provider =
            options.provider.unwrap_or_else(|| named.map_or(Provider::Aws, |named| Provider::of_host(named.host())));
        let given = options.region.clone().or_else(|| reach.services.region().map(|region| region.as_ref().to_owned()));
        let region = given.unwrap_or_else(|| provider.default_region().to_owned());
        let endpoint = named.map_or_else(|| amazon_endpoint(&region), |named| named.given().to_owned());
        Self {
            is_amazon: provider == Provider::Aws
                && named.is_none_or(|named| Provider::of_host(named.host()) == Provider::Aws),
            client: client(reach, options, provider, &region),
            endpoint,
            provider,
            request_payer: options.request_payer,
        }
    }

    /// A bucket of this store. Whether it exists is not asked.
    pub fn bucket(&self, name: &str) -> S3Bucket {
        S3Bucket {
            client: self.client.clone(),
            location: Location::new(self.endpoint.clone(), name),
            provider: self.provider,
            request_payer: self.request_payer,
            copies_from: None,
            refuses_wrong_checksums: self.is_amazon,
        }
    }

    /// Who runs the store.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The store's address, without a `/` at its end.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The region that Amazon names for a bucket; it does so even where it refuses everything else.
    pub(crate) async fn region_of(&self, bucket: &str) -> Option<String> {
        match self.client.head_bucket().bucket(bucket).send().await {
            Ok(answer) => answer.bucket_region,
            Err(error) => error::header(&error, "x-amz-bucket-region"),
        }
    }
}

fn amazon_endpoint(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://s3.{region}.{suffix}")
}

fn client(reach: &Reach, options: &ConnectOptions, provider: Provider, region: &str) -> Client {
    // The engine repeats, paces and times out by itself: what the SDK repeats could not re-read a streamed body, and
    // its stalled-stream protection kills server-side copies (smithy-rs#4439).
    let mut config = Builder::from(&reach.services)
        .http_client(reach.http.clone())
        .interceptor(StoreGuard)
        .region(Region::new(region.to_owned()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .force_path_style(options.force_path_style || provider.path_style());
    // Whatever the SDK finds by itself, the address is the one that was checked.
    config.set_endpoint_url(reach.endpoint.as_ref().map(|endpoint| endpoint.as_str().to_owned()));
    if reach.endpoint.is_none() && options.keys.is_some() {
        config = config.endpoint_url(amazon_endpoint(region)).use_fips(false).use_dual_stack(false);
    }
    if options.anonymous {
        config = config.allow_no_auth();
    }
    Client::from_conf(config.build())
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, SdkConfig};

    use super::*;
    use crate::s3::{address::Endpoint, connect_options::Keys, http};

    fn keys() -> Option<Keys> {
        Some(Keys { access_key_id: "AKIDEXAMPLE".into(), secret_access_key: "secret".into(), session_token: None })
    }

    fn reach(endpoint: Option<&str>) -> Reach {
        let services = SdkConfig::builder().behavior_version(BehaviorVersion::latest());
        let services = services.region(Region::new("eu-west-1")).build();
        let endpoint = endpoint.map(|text| Endpoint::parse(text).unwrap());
        Reach { services, http: http::client(None).unwrap(), endpoint }
    }

    #[test]
    fn all_buckets_of_an_account_are_at_one_endpoint() {
        let options = ConnectOptions { region: Some("cn-north-1".into()), keys: keys(), ..ConnectOptions::default() };
        let account = Account::of(&reach(None), &options);
        for name in ["one", "two"] {
            let location = Location::new("https://s3.cn-north-1.amazonaws.com.cn", name);
            assert_eq!(account.bucket(name).location, location);
        }
        assert_eq!(account.provider(), Provider::Aws);
    }

    #[test]
    fn a_store_is_amazon_by_its_address_and_not_by_what_it_is_called() {
        let refuses = |endpoint: Option<&str>| {
            let options = ConnectOptions { provider: Some(Provider::Aws), ..ConnectOptions::default() };
            Account::of(&reach(endpoint), &options).bucket("b").refuses_wrong_checksums
        };
        assert!(refuses(None));
        assert!(refuses(Some("https://bucket.vpce-1a.s3.us-east-1.vpce.amazonaws.com")));
        assert!(!refuses(Some("http://127.0.0.1:9000")));
    }

    #[test]
    fn a_slash_at_the_end_of_an_endpoint_is_no_part_of_its_name() {
        let options = ConnectOptions { keys: keys(), ..ConnectOptions::default() };
        let account = Account::of(&reach(Some("http://127.0.0.1:9000/")), &options);
        assert_eq!(account.endpoint(), "http://127.0.0.1:9000");
        assert_eq!(account.provider(), Provider::Other);
    }
}
