//! The ledger in one SQLite file.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use longhaul::{
    ledger::{Lease, Ledger, LedgerError, Record, RecordKey, Saved, Token},
    object::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use tokio::task::spawn_blocking;

use crate::{
    owner::Owner,
    sqlite_file::{self, OpenError, is_busy},
};

/// The table of records in a file, for any number of processes on one machine.
#[derive(Debug)]
pub struct SqliteLedger {
    path: PathBuf,
    connection: Arc<Mutex<Connection>>,
    owner: Owner,
}

impl SqliteLedger {
    /// Opens a ledger, or makes it if there is no file.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let path = &sqlite_file::resolve(path)?;
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let connection = sqlite_file::open(path)?;
        let owner = Owner::claim(path).map_err(io)?;
        Ok(Self { path: path.clone(), connection: Arc::new(Mutex::new(connection)), owner })
    }

    /// The ledger's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Does `work` with the connection where waiting holds up nobody.
    pub(crate) async fn with<T, W>(&self, work: W) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let connection = self.connection.clone();
        let done = spawn_blocking(move || {
            // A panic in between rolled its transaction back, so the connection is as good as before.
            work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        match done.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(LedgerError {
                message: format!("the file {:?} cannot be read or written", self.path),
                retryable: is_busy(&error),
                source: Some(error.into()),
            }),
            Err(error) => Err(LedgerError {
                message: "the thread that worked on it broke off".to_owned(),
                retryable: true,
                source: Some(error.into()),
            }),
        }
    }
}

impl Ledger for SqliteLedger {
    async fn load(&self, key: &RecordKey) -> Result<Option<(Record, Token)>, LedgerError> {
        let key = key.clone();
        self.with(move |connection| loaded(connection, &key)).await
    }

    async fn load_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<(Record, Token)>>, LedgerError> {
        let keys = keys.to_vec();
        self.with(move |connection| keys.iter().map(|key| loaded(connection, key)).collect()).await
    }

    async fn save(&self, record: &Record, expected: Option<&Token>, token: &Token) -> Result<Saved, LedgerError> {
        let (record, expected, token) = (record.clone(), expected.cloned(), token.clone());
        self.with(move |connection| save(connection, &record, expected.as_ref(), &token)).await
    }

    fn new_lease(&self, _: Timestamp) -> Lease {
        Lease { owner: self.owner.id().to_owned(), until: None }
    }

    fn is_held(&self, lease: &Lease, _: Timestamp) -> bool {
        lease.owner != self.owner.id() && self.owner.is_alive(&lease.owner)
    }
}

/// A record as the file has it.
struct Row {
    json: String,
    token: Token,
}

impl Row {
    fn parse(self) -> rusqlite::Result<(Record, Token)> {
        Ok((record_from(&self.json)?, self.token))
    }
}

/// Reads the JSON of a record.
pub(crate) fn record_from(json: &str) -> rusqlite::Result<Record> {
    serde_json::from_str(json)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}

fn loaded(connection: &Connection, key: &RecordKey) -> rusqlite::Result<Option<(Record, Token)>> {
    standing(connection, key)?.map(Row::parse).transpose()
}

fn standing(connection: &Connection, key: &RecordKey) -> rusqlite::Result<Option<Row>> {
    let sql = "SELECT json, token FROM record WHERE endpoint = ?1 AND bucket = ?2 AND key = ?3";
    let mut select = connection.prepare_cached(sql)?;
    let row = select
        .query_row(params![key.location.endpoint, key.location.bucket, key.key.as_str().as_bytes()], |row| {
            Ok(Row { json: row.get(0)?, token: Token(row.get(1)?) })
        });
    row.optional()
}

fn save(
    connection: &mut Connection,
    record: &Record,
    expected: Option<&Token>,
    token: &Token,
) -> rusqlite::Result<Saved> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let there = standing(&transaction, &record.key)?;
    let found = there.as_ref().map(|row| &row.token);
    if found == Some(token) {
        // This very save was made before, and its answer was lost.
        return Ok(Saved::Stored);
    }
    if found != expected {
        return Ok(Saved::Refused(there.map(Row::parse).transpose()?.map(Box::new)));
    }
    write(&transaction, record, token)?;
    transaction.commit()?;
    Ok(Saved::Stored)
}

fn write(connection: &Connection, record: &Record, token: &Token) -> rusqlite::Result<()> {
    let json =
        serde_json::to_string(record).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let sql =
        "INSERT INTO record (endpoint, bucket, key, state, token, updated_ms, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (endpoint, bucket, key) DO UPDATE
        SET state = excluded.state, token = excluded.token, updated_ms = excluded.updated_ms, json = excluded.json";
    let mut upsert = connection.prepare_cached(sql)?;
    upsert.execute(params![
        record.key.location.endpoint,
        record.key.location.bucket,
        record.key.key.as_str().as_bytes(),
        record.state.name(),
        token.0,
        record.updated.0,
        json,
    ])?;
    Ok(())
}
