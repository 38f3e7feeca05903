//! The SSM parameters that the functions read.

use aws_sdk_ssm::{Client, types::ParameterType};
use serde_json::Value;
use test_s3::Server;

use crate::cloud::account::other_credentials;

/// The SecureString with the credentials of the other account.
pub const CREDENTIALS: &str = "s3_migration_credentials";
/// The routes.
pub const BUCKET_PARA: &str = "s3_migration_bucket_para";
/// The ignore list.
pub const IGNORE_LIST: &str = "s3_migrate_ignore_list";

/// The parameters of an emulator. Its methods panic where SSM refuses.
#[derive(Clone, Debug)]
pub struct Parameters {
    client: Client,
}

impl Parameters {
    /// The parameters that this client reaches.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self { client: client.clone() }
    }

    /// Says that the other account's S3 is this server.
    pub async fn set_other_account(&self, server: &Server) {
        self.set_credentials(&other_credentials(server)).await;
    }

    /// Writes the credentials of the other account.
    pub async fn set_credentials(&self, credentials: &Value) {
        self.put(CREDENTIALS, ParameterType::SecureString, &credentials.to_string()).await;
    }

    /// Writes the routes: a list of `src_bucket`, `src_prefix`, `des_bucket`, `des_prefix`.
    pub async fn set_routes(&self, routes: &Value) {
        self.put(BUCKET_PARA, ParameterType::String, &routes.to_string()).await;
    }

    /// Writes the ignore list.
    pub async fn set_ignore_list(&self, lines: &str) {
        self.put(IGNORE_LIST, ParameterType::String, lines).await;
    }

    /// Writes any parameter, in place of any value it had.
    pub async fn put(&self, name: &str, of: ParameterType, value: &str) {
        let request = self.client.put_parameter().name(name).r#type(of).value(value).overwrite(true);
        request.send().await.expect("a parameter can be written");
    }

    /// The value of a parameter, decrypted.
    pub async fn get(&self, name: &str) -> Option<String> {
        let answer = self.client.get_parameter().name(name).with_decryption(true).send().await;
        match answer {
            Ok(answer) => answer.parameter.and_then(|parameter| parameter.value),
            Err(error) => {
                let error = error.into_service_error();
                assert!(error.is_parameter_not_found(), "{name}: {error:?}");
                None
            }
        }
    }
}
