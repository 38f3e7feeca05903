//! An emulator, the adapters' way to it, and the SDK's own clients, which make what adapters expect to be there.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use emulator::{ACCESS_KEY_ID, Emulator, REGION, SECRET_ACCESS_KEY};
use longhaul_aws::{Cloud, CloudOptions, DynamoLedger, Keys};

pub struct World {
    pub cloud: Cloud,
    pub sqs: aws_sdk_sqs::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub ssm: aws_sdk_ssm::Client,
    pub s3: aws_sdk_s3::Client,
    _emulator: Emulator,
}

impl World {
    /// Nothing, and a word about it, where the emulator cannot run.
    pub async fn start() -> Option<Self> {
        let emulator = emulator::required().await?;
        let keys = Keys {
            access_key_id: ACCESS_KEY_ID.into(),
            secret_access_key: SECRET_ACCESS_KEY.into(),
            session_token: None,
        };
        let options = CloudOptions {
            region: Some(REGION.into()),
            endpoint: Some(emulator.endpoint()),
            keys: Some(keys),
            ..CloudOptions::default()
        };
        let config = config(&emulator);
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        Some(Self {
            cloud: Cloud::connect(&options).await.unwrap(),
            sqs: aws_sdk_sqs::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            ssm: aws_sdk_ssm::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            _emulator: emulator,
        })
    }

    /// A queue that hides received messages for a minute; its address.
    pub async fn queue(&self, name: &str) -> String {
        let request = self.sqs.create_queue().queue_name(name).attributes(QueueAttributeName::VisibilityTimeout, "60");
        request.send().await.unwrap().queue_url.unwrap()
    }

    /// A table as the stack has it.
    pub async fn table(&self, name: &str) -> DynamoLedger {
        let attribute = |name: &str, kind: ScalarAttributeType| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
        };
        let key = |name: &str, kind: KeyType| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
        };
        let index = GlobalSecondaryIndex::builder()
            .index_name("open")
            .key_schema(key("Open", KeyType::Hash))
            .key_schema(key("Updated", KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::All).build())
            .build()
            .unwrap();
        let request = self.dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        let request = request
            .attribute_definitions(attribute("Key", ScalarAttributeType::S))
            .attribute_definitions(attribute("Open", ScalarAttributeType::S))
            .attribute_definitions(attribute("Updated", ScalarAttributeType::N))
            .key_schema(key("Key", KeyType::Hash))
            .global_secondary_indexes(index);
        request.send().await.unwrap();
        self.cloud.ledger(name)
    }
}

fn config(emulator: &Emulator) -> SdkConfig {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "emulator");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .endpoint_url(emulator.endpoint())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https())
        .build()
}
