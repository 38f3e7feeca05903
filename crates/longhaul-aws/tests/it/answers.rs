//! What a store may answer, byte for byte: cut, endless, in circles. Over real HTTP.

mod bounds;
mod canned;
mod listings;
mod operations;
mod whole;

use longhaul_aws::{S3Bucket, connect};

use crate::options;

/// The bucket behind a server.
async fn bucket(endpoint: &str) -> S3Bucket {
    connect("bucket", &options(endpoint.to_owned())).await.unwrap()
}
