//! Reads many rows of the table at once.

use std::time::Duration;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use longhaul::{ledger::LedgerError, limits::RetryPolicy};

use crate::dynamodb::{
    item::{Item, KEY, RECORD, TOKEN, text},
    ledger::DynamoLedger,
};

/// The most keys of one BatchGetItem (DynamoDB API).
const MAX_KEYS: usize = 100;

/// How often, and after what pauses, the keys that the table left unread are asked for again: for half a minute at
/// most.
const AGAIN: RetryPolicy =
    RetryPolicy { max_retries: 10, base: Duration::from_millis(50), cap: Duration::from_secs(5) };

impl DynamoLedger {
    /// The rows that are there, in no order. A key may be named more than once.
    pub(crate) async fn items(&self, keys: &[String]) -> Result<Vec<Item>, LedgerError> {
        let mut keys: Vec<_> = keys.iter().map(String::as_str).collect();
        // BatchGetItem refuses keys that repeat.
        keys.sort_unstable();
        keys.dedup();
        let mut items = Vec::new();
        for chunk in keys.chunks(MAX_KEYS) {
            let keys = chunk.iter().map(|key| Item::from([(KEY.to_owned(), text(*key))]));
            self.read_batch(keys.collect(), &mut items).await?;
        }
        Ok(items)
    }

    async fn read_batch(&self, mut keys: Vec<Item>, items: &mut Vec<Item>) -> Result<(), LedgerError> {
        for retry in 0..=AGAIN.max_retries {
            if retry > 0 {
                tokio::time::sleep(AGAIN.delay(retry, None, fastrand::f64())).await;
            }
            let request = self.client.batch_get_item().request_items(&*self.table, asked(keys)?);
            let answer = request.send().await.map_err(|error| self.failed("BatchGetItem", error))?;
            // Only one table was asked, whatever it is called in the answer.
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            keys = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|left| left.keys).collect();
            if keys.is_empty() {
                return Ok(());
            }
        }
        let message = format!(
            "BatchGetItem on the table {}: {} keys were left unread time and again; it is asked too much",
            self.table,
            keys.len()
        );
        Err(LedgerError { message, retryable: true, source: None })
    }
}

fn asked(keys: Vec<Item>) -> Result<KeysAndAttributes, LedgerError> {
    let request = KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .consistent_read(true)
        .projection_expression("#key, #token, #record")
        .expression_attribute_names("#key", KEY)
        .expression_attribute_names("#token", TOKEN)
        .expression_attribute_names("#record", RECORD);
    request.build().map_err(|error| LedgerError {
        message: "BatchGetItem: the request could not be made".to_owned(),
        retryable: false,
        source: Some(Box::new(error)),
    })
}
