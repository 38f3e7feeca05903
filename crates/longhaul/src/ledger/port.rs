//! The port to the ledger: what is remembered of each destination object, and of each scan.

use std::{error::Error, future::Future};

use crate::{
    ledger::{
        lease::{Lease, Token},
        record::{Record, RecordKey},
        scan_record::ScanRecord,
    },
    object::Timestamp,
};

/// A failed call to the ledger. Nothing is copied without a ledger, so it ends the object's leg.
#[derive(Debug, thiserror::Error)]
#[error("the ledger failed: {message}")]
pub struct LedgerError {
    /// What failed, in words.
    pub message: String,
    /// Whether the same call may succeed when repeated.
    pub retryable: bool,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// The answer to a conditional save.
#[derive(Clone, Debug)]
pub enum Saved {
    /// The record is durable under this token.
    Stored,
    /// Somebody else was first; this is what stands there now.
    Refused(Option<Box<(Record, Token)>>),
}

/// The table of records: one for each destination object.
pub trait Ledger: Send + Sync + 'static {
    /// The record of a destination object and the token of its last save.
    fn load(&self, key: &RecordKey) -> impl Future<Output = Result<Option<(Record, Token)>, LedgerError>> + Send;

    /// The records of many destination objects, in the order of `keys`. What cannot be read in one request is read in several.
    fn load_many(
        &self,
        keys: &[RecordKey],
    ) -> impl Future<Output = Result<Vec<Option<(Record, Token)>>, LedgerError>> + Send;

    /// Saves durably, if the record still carries `expected` (`None`: if there is no record). `token` is new for each
    /// save, so that a refused save that shows it is an earlier success of the same call.
    fn save(
        &self,
        record: &Record,
        expected: Option<&Token>,
        token: &Token,
    ) -> impl Future<Output = Result<Saved, LedgerError>> + Send;

    /// A lease for this process.
    fn new_lease(&self, now: Timestamp) -> Lease;

    /// Whether the holder of a lease that is not ours is still alive.
    fn is_held(&self, lease: &Lease, now: Timestamp) -> bool;
}

/// Where scans are remembered, so that two never run on one route at once and a new one waits for the last one's jobs.
pub trait ScanLedger: Send + Sync + 'static {
    /// What is known of the scans of `route` (any text that names it).
    fn load_scan(&self, route: &str) -> impl Future<Output = Result<Option<(ScanRecord, Token)>, LedgerError>> + Send;

    /// Saves as [`Ledger::save`] does. Whether it was stored: a refused save whose token stands in the ledger was an earlier
    /// success of this call, and counts as stored.
    fn save_scan(
        &self,
        route: &str,
        record: &ScanRecord,
        expected: Option<&Token>,
        token: &Token,
    ) -> impl Future<Output = Result<bool, LedgerError>> + Send;
}
