//! An emulator, the adapters' way to it, and the SDK's own clients, which make what adapters expect to be there.

use aws_sdk_sqs::types::QueueAttributeName;
use emulator::{ACCESS_KEY_ID, Emulator, REGION, SECRET_ACCESS_KEY};
use longhaul_aws::{Cloud, CloudOptions, DynamoLedger, Keys};
use serverless::{Clients, Queue, Table};

pub struct World {
    pub cloud: Cloud,
    pub clients: Clients,
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
        let cloud = Cloud::connect(&options).await.unwrap();
        Some(Self { cloud, clients: Clients::new(&emulator), _emulator: emulator })
    }

    /// A queue that hides received messages for a minute; its address.
    pub async fn queue(&self, name: &str) -> String {
        let hidden = [(QueueAttributeName::VisibilityTimeout, "60".to_owned())];
        Queue::create(&self.clients.sqs, name, &hidden).await.url().to_owned()
    }

    /// A table as the stack has it.
    pub async fn table(&self, name: &str) -> DynamoLedger {
        Table::create(&self.clients.dynamodb, name).await;
        self.cloud.ledger(name)
    }
}
