//! One way to a store: an SDK client that serves all buckets reached with the same credentials.

use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::{
    Client,
    config::{
        Builder, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
        retry::RetryConfig, timeout::TimeoutConfig,
    },
};
use longhaul::object::Location;

use crate::{
    bucket::S3Bucket,
    connect::{ConnectError, ConnectOptions, check_endpoint, shared_config},
    failure, http,
    provider::Provider,
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
}

/// Prepares the way to a store. Nothing is asked for: a bucket of Amazon's in another region than the account's is not
/// found out here, as [`connect`](crate::connect()) does.
pub async fn account(options: &ConnectOptions) -> Result<Account, ConnectError> {
    check_endpoint(options)?;
    let http = http::client(options.ca_pem.as_deref())?;
    Ok(Account::of(&shared_config(options, http).await, options))
}

impl Account {
    /// `shared` must have been loaded for `options`.
    pub(crate) fn of(shared: &SdkConfig, options: &ConnectOptions) -> Self {
        let provider = options.provider();
        let given = options.region.clone().or_else(|| shared.region().map(|region| region.as_ref().to_owned()));
        let region = given.unwrap_or_else(|| provider.default_region().to_owned());
        let endpoint = options.endpoint.clone().unwrap_or_else(|| amazon_endpoint(&region));
        Self {
            client: client(shared, options, &region),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
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
            Err(error) => failure::header(&error, "x-amz-bucket-region"),
        }
    }
}

fn amazon_endpoint(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://s3.{region}.{suffix}")
}

fn client(shared: &SdkConfig, options: &ConnectOptions, region: &str) -> Client {
    // The engine repeats, paces and times out by itself: what the SDK repeats could not re-read a streamed body, and
    // its stalled-stream protection kills server-side copies (smithy-rs#4439).
    let mut config = Builder::from(shared)
        .region(Region::new(region.to_owned()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .force_path_style(options.force_path_style || options.provider().path_style());
    match &options.endpoint {
        Some(endpoint) => config = config.endpoint_url(endpoint),
        // Keys given by hand belong to another account than the environment's: an endpoint that the environment names,
        // of a VPC for instance, leads to the wrong region or partition.
        None if options.keys.is_some() => {
            config = config.endpoint_url(amazon_endpoint(region)).use_fips(false).use_dual_stack(false);
        }
        None => {}
    }
    if options.anonymous {
        config = config.allow_no_auth();
    }
    Client::from_conf(config.build())
}

#[cfg(test)]
mod tests {
    use aws_config::BehaviorVersion;

    use super::*;
    use crate::connect::Keys;

    fn keys() -> Option<Keys> {
        Some(Keys { access_key_id: "AKIDEXAMPLE".into(), secret_access_key: "secret".into(), session_token: None })
    }

    fn shared() -> SdkConfig {
        SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-west-1")).build()
    }

    #[test]
    fn all_buckets_of_an_account_are_at_one_endpoint() {
        let options = ConnectOptions { region: Some("cn-north-1".into()), keys: keys(), ..ConnectOptions::default() };
        let account = Account::of(&shared(), &options);
        for name in ["one", "two"] {
            let location = Location::new("https://s3.cn-north-1.amazonaws.com.cn", name);
            assert_eq!(account.bucket(name).location, location);
        }
        assert_eq!(account.provider(), Provider::Aws);
    }

    #[test]
    fn a_slash_at_the_end_of_an_endpoint_is_no_part_of_its_name() {
        let endpoint = Some("http://127.0.0.1:9000/".into());
        let account = Account::of(&shared(), &ConnectOptions { endpoint, keys: keys(), ..ConnectOptions::default() });
        assert_eq!(account.endpoint(), "http://127.0.0.1:9000");
        assert_eq!(account.provider(), Provider::Other);
    }
}
