//! The ledger in a table of DynamoDB.
//!
//! Reads are consistent, saves conditional on the token of the last one. The SDK repeats calls that failed in passing:
//! a save that was stored and whose answer was lost is then refused, and recognised by its own token.

use std::{collections::HashMap, sync::Arc};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::put_item::{PutItemError, builders::PutItemFluentBuilder},
    types::ReturnValuesOnConditionCheckFailure,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use longhaul::{
    ledger::{Lease, Ledger, LedgerError, Record, RecordKey, Saved, ScanLedger, ScanRecord, Token},
    object::Timestamp,
};

use crate::{
    dynamodb::item::{Item, KEY, TOKEN, key_text, read, read_text, record_item, scan_item, scan_key, text},
    sdk::service_failure,
};

/// The table of records and scans. Clones are cheap.
#[derive(Clone, Debug)]
pub struct DynamoLedger {
    pub(crate) client: Client,
    pub(crate) table: Arc<str>,
    lease: Lease,
}

/// What became of a conditional write.
enum Put {
    Stored,
    Refused(Option<Item>),
}

/// A Lambda's leg at its longest.
const LONGEST_LEASE_MS: i64 = 15 * 60 * 1000 + 5_000;

impl DynamoLedger {
    /// The table, for readers: a lease of theirs is over at once. Who works names itself with
    /// [`for_leg`](Self::for_leg).
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table: String = table.into();
        let lease = Lease { owner: "reader".to_owned(), until: Some(Timestamp(0)) };
        Self { client, table: Arc::from(table), lease }
    }

    /// The same table in the hands of one leg: its leases end at `until`, or after fifteen minutes. A longer leg renews them, so
    /// that one that died does not hold the next one up for hours.
    pub fn for_leg(&self, owner: String, until: Timestamp) -> Self {
        Self { lease: Lease { owner, until: Some(until) }, ..self.clone() }
    }

    pub(crate) fn failed<E>(&self, operation: &'static str, error: SdkError<E, HttpResponse>) -> LedgerError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let failure = service_failure(error);
        let message = format!("{operation} on the table {}: {}", self.table, failure.message);
        LedgerError { message, retryable: failure.retryable, source: failure.source }
    }

    async fn item(&self, key: &str) -> Result<Option<Item>, LedgerError> {
        let request = self.client.get_item().table_name(&*self.table).key(KEY, text(key)).consistent_read(true);
        let answer = request.send().await.map_err(|error| self.failed("GetItem", error))?;
        Ok(answer.item)
    }

    /// Writes a row, if the one that stands there is as expected.
    async fn put(&self, item: Item, expected: Option<&Token>, token: &Token) -> Result<Put, LedgerError> {
        let key = read_text(&item, KEY)?.to_owned();
        let request = self
            .client
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match only_over(request, expected).send().await {
            Ok(_) => return Ok(Put::Stored),
            Err(error) => error,
        };
        let refusal = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => Some(refusal.item.clone()),
            _ => None,
        };
        let standing = match refusal {
            None => return Err(self.failed("PutItem", error)),
            Some(Some(item)) => Some(item),
            // A refusal need not show what stands there, and shows nothing where nothing stands.
            Some(None) => self.item(&key).await?,
        };
        let standing_token = standing.as_ref().map(|item| read_text(item, TOKEN)).transpose()?;
        // With our own token this very save was made before, and its answer was lost.
        let is_ours = standing_token == Some(token.0.as_str());
        Ok(if is_ours { Put::Stored } else { Put::Refused(standing) })
    }
}

/// A write that happens only over the expected save, or where there is no row.
fn only_over(request: PutItemFluentBuilder, expected: Option<&Token>) -> PutItemFluentBuilder {
    match expected {
        None => request.condition_expression("attribute_not_exists(#key)").expression_attribute_names("#key", KEY),
        Some(expected) => request
            .condition_expression("#token = :expected")
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_values(":expected", text(&expected.0)),
    }
}

impl Ledger for DynamoLedger {
    async fn load(&self, key: &RecordKey) -> Result<Option<(Record, Token)>, LedgerError> {
        self.item(&key_text(key)).await?.map(read).transpose()
    }

    async fn load_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<(Record, Token)>>, LedgerError> {
        let keys: Vec<_> = keys.iter().map(key_text).collect();
        let mut records = HashMap::new();
        for item in self.items(&keys).await? {
            records.insert(read_text(&item, KEY)?.to_owned(), read(item)?);
        }
        Ok(keys.iter().map(|key| records.get(key).cloned()).collect())
    }

    async fn save(&self, record: &Record, expected: Option<&Token>, token: &Token) -> Result<Saved, LedgerError> {
        match self.put(record_item(record, token)?, expected, token).await? {
            Put::Stored => Ok(Saved::Stored),
            Put::Refused(standing) => Ok(Saved::Refused(standing.map(read).transpose()?.map(Box::new))),
        }
    }

    fn new_lease(&self, now: Timestamp) -> Lease {
        let longest = Timestamp(now.0.saturating_add(LONGEST_LEASE_MS));
        Lease { until: self.lease.until.map(|until| until.min(longest)), ..self.lease.clone() }
    }

    fn is_held(&self, lease: &Lease, now: Timestamp) -> bool {
        lease.owner != self.lease.owner && lease.until.is_some_and(|until| until > now)
    }
}

impl ScanLedger for DynamoLedger {
    async fn load_scan(&self, route: &str) -> Result<Option<(ScanRecord, Token)>, LedgerError> {
        self.item(&scan_key(route)).await?.map(read).transpose()
    }

    async fn save_scan(
        &self,
        route: &str,
        record: &ScanRecord,
        expected: Option<&Token>,
        token: &Token,
    ) -> Result<bool, LedgerError> {
        let put = self.put(scan_item(route, record, token)?, expected, token).await?;
        Ok(matches!(put, Put::Stored))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{Config, config::BehaviorVersion};

    use super::*;

    #[test]
    fn a_lease_is_held_until_its_end_and_never_against_its_owner() {
        let client = Client::from_conf(Config::builder().behavior_version(BehaviorVersion::latest()).build());
        let table = DynamoLedger::new(client, "table");
        let (one, other) = (table.for_leg("one".into(), Timestamp(10)), table.for_leg("other".into(), Timestamp(20)));
        let lease = one.new_lease(Timestamp(5));
        assert_eq!(lease, Lease { owner: "one".into(), until: Some(Timestamp(10)) });
        assert!(other.is_held(&lease, Timestamp(9)) && !other.is_held(&lease, Timestamp(10)));
        assert!(!one.is_held(&lease, Timestamp(9)));
        let endless = Lease { until: None, ..lease };
        assert!(!other.is_held(&endless, Timestamp(9)), "nobody could ever take over from it");
    }
}
