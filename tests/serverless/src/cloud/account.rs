//! The S3 of both accounts: a test S3 for each, with faults, holds and records of its own.
//!
//! Regions and keys differ, so that no request gets through with what belongs to the other side.

use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region};
use emulator::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use serde_json::{Value, json};
use test_s3::{Options, Server};

use crate::cloud::clients::http_client;

/// The access key of the other account.
pub const OTHER_ACCESS_KEY_ID: &str = "other";
/// Its secret.
pub const OTHER_SECRET_ACCESS_KEY: &str = "othersecret";
/// Its region.
pub const OTHER_REGION: &str = "cn-northwest-1";

/// The S3 of the account that the functions run in. Keys and region of `options` are not looked at.
///
/// # Panics
/// If it does not start.
pub async fn own_account(options: Options) -> Server {
    start(options, ACCESS_KEY_ID, SECRET_ACCESS_KEY, REGION).await
}

/// The S3 of the account that the functions have credentials for. Keys and region of `options` are not looked at.
///
/// # Panics
/// If it does not start.
pub async fn other_account(options: Options) -> Server {
    start(options, OTHER_ACCESS_KEY_ID, OTHER_SECRET_ACCESS_KEY, OTHER_REGION).await
}

async fn start(options: Options, access_key: &str, secret_key: &str, region: &str) -> Server {
    let options = Options {
        access_key: access_key.to_owned(),
        secret_key: secret_key.to_owned(),
        region: Some(region.to_owned()),
        ..options
    };
    Server::start(options).await.expect("a test S3 starts")
}

/// What the SecureString says of the other account, whose S3 is this server.
#[must_use]
pub fn other_credentials(server: &Server) -> Value {
    json!({
        "aws_access_key_id": OTHER_ACCESS_KEY_ID,
        "aws_secret_access_key": OTHER_SECRET_ACCESS_KEY,
        "region": OTHER_REGION,
        "endpoint_url": server.endpoint(),
        "provider": "aws",
    })
}

/// The SDK's client of the other account, whose S3 is this server.
#[must_use]
pub fn other_client(server: &Server) -> aws_sdk_s3::Client {
    let credentials = Credentials::new(OTHER_ACCESS_KEY_ID, OTHER_SECRET_ACCESS_KEY, None, None, "other account");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(OTHER_REGION))
        .endpoint_url(server.endpoint())
        .credentials_provider(credentials)
        .http_client(http_client())
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
