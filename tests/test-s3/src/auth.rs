//! Who may do what: one key pair, public buckets, denied operations; and where a bucket's name may stand.

use std::sync::Arc;

use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
    auth::{S3Auth, SecretKey},
    host::{S3Host, VirtualHost},
    s3_error,
};

use crate::{operation::bucket_of_host, store::Store};

/// The one key pair that is known.
pub(crate) struct KeyPair {
    pub access_key: String,
    pub secret_key: String,
}

#[async_trait::async_trait]
impl S3Auth for KeyPair {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key {
            return Ok(SecretKey::from(self.secret_key.as_str()));
        }
        Err(s3_error!(InvalidAccessKeyId, "The AWS Access Key Id you provided does not exist in our records."))
    }
}

/// The rules that tests set on buckets.
pub(crate) struct BucketRules {
    pub store: Arc<Store>,
}

#[async_trait::async_trait]
impl S3Access for BucketRules {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let operation = context.s3_op().name();
        let anonymous = context.credentials().is_none();
        let Some(bucket) = context.s3_path().get_bucket_name() else {
            return if anonymous { Err(s3_error!(AccessDenied, "Access Denied")) } else { Ok(()) };
        };
        let (public, denied) = self.store.with_buckets(|buckets| match buckets.get(bucket) {
            Some(bucket) => (bucket.is_public, bucket.denied.contains(operation)),
            None => (false, false),
        });
        let reads = operation.starts_with("Get") || operation.starts_with("List") || operation.starts_with("Head");
        if denied || (anonymous && !(public && reads)) {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        Ok(())
    }
}

/// Takes `bucket.localhost` as a bucket and every other host as path style.
pub(crate) struct LocalHost;

impl S3Host for LocalHost {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let virtual_host = VirtualHost::new(host);
        Ok(match bucket_of_host(host) {
            Some(bucket) => virtual_host.with_bucket(bucket),
            None => virtual_host,
        })
    }
}
