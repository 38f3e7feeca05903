//! The ledger in DynamoDB: items, conditional saves, batches, and the open records that operators ask for.

pub(crate) mod batch_get;
pub mod item;
pub mod ledger;
pub mod open_records;

pub use item::key_text;
pub use ledger::DynamoLedger;
pub use open_records::{OpenRecords, Order};
