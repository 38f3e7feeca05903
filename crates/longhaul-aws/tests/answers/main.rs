//! What a store may answer, byte for byte: cut, endless, in circles. Over real HTTP.

mod bounds;
mod canned;
mod listings;
mod operations;
mod whole;

use longhaul_aws::{ConnectOptions, Keys, S3Bucket, connect};

/// The bucket behind a server.
async fn bucket(endpoint: &str) -> S3Bucket {
    let options = ConnectOptions {
        endpoint: Some(endpoint.to_owned()),
        region: Some("us-east-1".into()),
        keys: Some(Keys { access_key_id: "test".into(), secret_access_key: "testsecret".into(), session_token: None }),
        ..ConnectOptions::default()
    };
    connect("bucket", &options).await.unwrap()
}
