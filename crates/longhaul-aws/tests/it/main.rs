//! The adapters: of S3 over real HTTP, and of SQS, DynamoDB and the parameter store on an emulator.

mod account;
mod answers;
mod contract;
mod emulated;

use longhaul_aws::{ConnectOptions, Keys};

/// How the store at this address is reached.
fn options(endpoint: String) -> ConnectOptions {
    ConnectOptions {
        endpoint: Some(endpoint),
        region: Some("us-east-1".into()),
        keys: Some(Keys { access_key_id: "test".into(), secret_access_key: "testsecret".into(), session_token: None }),
        ..ConnectOptions::default()
    }
}
