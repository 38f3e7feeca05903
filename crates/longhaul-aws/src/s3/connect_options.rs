//! How a store is reached: address, region, keys.

use crate::s3::{address::Provider, bucket::Sharing};

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
