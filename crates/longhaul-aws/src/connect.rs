//! Finds out how to reach a bucket: credentials, region, endpoint.

use crate::{
    account::Account,
    bucket::S3Bucket,
    endpoint::EndpointError,
    provider::Provider,
    reach::{Named, Reach},
};

/// How to reach one side.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// A profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The store's address, if it is not Amazon's.
    pub endpoint: Option<String>,
    /// The region; found by itself when not given.
    pub region: Option<String>,
    /// Without credentials.
    pub anonymous: bool,
    /// The requester pays.
    pub request_payer: bool,
    /// The bucket in the path, whatever the provider's habit.
    pub force_path_style: bool,
    /// Plain HTTP to other machines. Loopback is always permitted.
    pub allow_http: bool,
    /// Certificates (PEM) to trust besides the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Who runs the store, if the endpoint does not tell.
    pub provider: Option<Provider>,
    /// Keys given by hand; otherwise the AWS configuration is asked.
    pub keys: Option<Keys>,
}

/// Access keys that were given by hand. They are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Access key id, or the id of an HMAC key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// Session token of temporary credentials.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl std::fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("profile", &self.profile)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("anonymous", &self.anonymous)
            .finish_non_exhaustive()
    }
}

/// Whether two sides are one store with the same credentials, so that it can copy by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// The store can copy from one side to the other.
    SameStore,
    /// Bytes must go through this machine.
    Apart,
}

impl ConnectOptions {
    /// Whether the other side is reached in the same way.
    pub fn sharing(&self, other: &Self) -> Sharing {
        let same = self.profile == other.profile
            && self.endpoint == other.endpoint
            && self.anonymous == other.anonymous
            && self.keys == other.keys;
        if same && !self.anonymous { Sharing::SameStore } else { Sharing::Apart }
    }
}

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

/// Prepares a bucket. Only the region of a bucket of Amazon's is asked for here, if it was not given.
pub async fn connect(bucket: &str, options: &ConnectOptions) -> Result<S3Bucket, ConnectError> {
    let reach = Reach::find(options).await?;
    let account = Account::of(&reach, options);
    if account.provider() != Provider::Aws || reach.endpoint.is_some() || options.region.is_some() {
        return Ok(account.bucket(bucket));
    }
    let account = match account.region_of(bucket).await {
        Some(region) => Account::of(&reach, &ConnectOptions { region: Some(region), ..options.clone() }),
        None => account,
    };
    Ok(account.bucket(bucket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_store_with_one_set_of_credentials_can_copy_by_itself() {
        let plain = ConnectOptions::default();
        assert_eq!(plain.sharing(&plain), Sharing::SameStore);
        let other = ConnectOptions { profile: Some("china".into()), ..ConnectOptions::default() };
        assert_eq!(plain.sharing(&other), Sharing::Apart);
    }

    #[test]
    fn options_do_not_print_keys() {
        let keys =
            Keys { access_key_id: "AKIDEXAMPLE".into(), secret_access_key: "very-secret".into(), session_token: None };
        assert_eq!(format!("{keys:?}"), "Keys(…)");
        let options = ConnectOptions { keys: Some(keys), ..ConnectOptions::default() };
        assert!(!format!("{options:?}").contains("very-secret"));
    }
}
