//! The stores and the ledger of a deployed stack, as the worker asks for them.

use std::sync::{Arc, Mutex, PoisonError};

use longhaul::{
    copy::OpenStores,
    object::{Location, Timestamp},
    store::error::chain,
};

use crate::{
    dynamodb::DynamoLedger,
    s3::{Account, S3Bucket, address::is_same_bucket},
    settings::JobType,
    stack::clients::Cloud,
};

/// The two accounts and the table. The other account's credentials are read once, and again when they were refused.
#[derive(Debug)]
pub struct StackStores {
    cloud: Cloud,
    ledger: DynamoLedger,
    job_type: JobType,
    credentials_parameter: String,
    other: Mutex<Option<Arc<Account>>>,
}

impl StackStores {
    /// Prepares; nothing is asked for yet.
    pub fn new(cloud: Cloud, table: &str, job_type: JobType, credentials_parameter: &str) -> Self {
        Self {
            ledger: cloud.ledger(table),
            cloud,
            job_type,
            credentials_parameter: credentials_parameter.to_owned(),
            other: Mutex::new(None),
        }
    }

    /// The ledger's table.
    pub fn table(&self) -> &DynamoLedger {
        &self.ledger
    }

    async fn other(&self) -> Result<Arc<Account>, String> {
        let known = self.other.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let name = &self.credentials_parameter;
        let credentials = self.cloud.parameters().credentials(name).await.map_err(|error| chain(&error))?;
        let account = Arc::new(self.cloud.other_store(&credentials).await.map_err(|error| chain(&error))?);
        *self.other.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&account));
        Ok(account)
    }

    async fn bucket(&self, side: Side, name: &str) -> Result<S3Bucket, String> {
        match (side, self.job_type) {
            (Side::Source, JobType::Put) | (Side::Destination, JobType::Get) => Ok(self.cloud.own_store().bucket(name)),
            (Side::Source, JobType::Get) | (Side::Destination, JobType::Put) => Ok(self.other().await?.bucket(name)),
        }
    }
}

#[derive(Clone, Copy)]
enum Side {
    Source,
    Destination,
}

impl OpenStores for StackStores {
    type Source = S3Bucket;
    type Destination = S3Bucket;
    type Ledger = DynamoLedger;

    async fn source(&self, bucket: &str) -> Result<S3Bucket, String> {
        self.bucket(Side::Source, bucket).await
    }

    async fn destination(&self, bucket: &str) -> Result<S3Bucket, String> {
        self.bucket(Side::Destination, bucket).await
    }

    fn ledger(&self, owner: &str, until: Timestamp) -> DynamoLedger {
        self.ledger.for_leg(owner.to_owned(), until)
    }

    fn is_one_bucket(&self, one: &Location, other: &Location) -> bool {
        is_same_bucket(one, other)
    }

    fn credentials_refused(&self) {
        self.cloud.parameters().forget(&self.credentials_parameter);
        *self.other.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
