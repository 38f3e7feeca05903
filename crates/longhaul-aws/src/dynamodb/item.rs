//! The rows of the table: which key a record has, which attributes, and how it is read again.
//!
//! `Record` holds all of a record, and nothing else is ever read from a row but its key and token. The other attributes
//! repeat what people want to see and what the index of open records needs. Nothing here performs I/O.

use std::{collections::HashMap, error::Error};

use aws_sdk_dynamodb::types::AttributeValue;
use longhaul::ledger::{LedgerError, Record, RecordKey, ScanRecord, State, Token};
use serde::{Serialize, de::DeserializeOwned};

/// A row.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The partition key.
pub(crate) const KEY: &str = "Key";

/// What distinguishes one save from every other.
pub(crate) const TOKEN: &str = "Token";

/// The whole record.
pub(crate) const RECORD: &str = "Record";

/// The partition key of the index of open records; absent where a record is not open.
pub(crate) const OPEN: &str = "Open";

/// The sort key of that index: milliseconds since the epoch.
pub(crate) const UPDATED: &str = "Updated";

/// The states that the index of open records shows.
pub(crate) const OPEN_STATES: [State; 4] = [State::Copying, State::Completing, State::Restarting, State::Parked];

/// The index keeps each state in so many partitions, so that none takes all the writes.
pub(crate) const SHARDS: u64 = 10;

/// The table's key of a destination object: `<endpoint>/<bucket>/<key>`.
///
/// A `/` in the bucket's place is written `%2F`, so that no two objects share a row. Names of buckets have none.
pub fn key_text(key: &RecordKey) -> String {
    let bucket = key.location.bucket.replace('%', "%25").replace('/', "%2F");
    format!("{}/{bucket}/{}", key.location.endpoint, key.key)
}

/// The table's key of a route's scans. No record has such a key: an endpoint begins otherwise.
pub(crate) fn scan_key(route: &str) -> String {
    format!("scan#{route}")
}

/// A partition of the index of open records.
pub(crate) fn open_key(state: State, shard: u64) -> String {
    format!("{}#{shard}", state.name())
}

/// A text as an attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The row of a record.
pub(crate) fn record_item(record: &Record, token: &Token) -> Result<Item, LedgerError> {
    let key = key_text(&record.key);
    let pin = &record.source.pin;
    let mut item = row(&key, record, token)?;
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
    set("State", text(record.state.name()));
    set("srcBucket", text(&record.source.location.bucket));
    set("srcKey", text(record.source.key.as_str()));
    set("desBucket", text(&record.key.location.bucket));
    set("desKey", text(record.key.key.as_str()));
    set("ETag", text(pin.etag.as_str()));
    set("Size", number(pin.size));
    set(UPDATED, number(record.updated.0));
    if OPEN_STATES.contains(&record.state) {
        set(OPEN, text(open_key(record.state, shard(&key))));
    }
    if let Some(version) = &pin.version_id {
        set("versionId", text(version.as_str()));
    }
    if let Some(reason) = &record.reason {
        set("Reason", text(&reason.code));
        set("Message", text(&reason.message));
    }
    if let Some(lease) = &record.lease {
        set("LeaseOwner", text(&lease.owner));
        if let Some(until) = lease.until {
            set("LeaseUntil", number(until.0));
        }
    }
    Ok(item)
}

/// The row of a route's scans.
pub(crate) fn scan_item(route: &str, record: &ScanRecord, token: &Token) -> Result<Item, LedgerError> {
    let mut item = row(&scan_key(route), record, token)?;
    let times = [("Started", record.started), ("Finished", record.finished)];
    for (name, time) in times {
        if let Some(time) = time {
            item.insert(name.to_owned(), number(time.0));
        }
    }
    Ok(item)
}

fn row(key: &str, record: &impl Serialize, token: &Token) -> Result<Item, LedgerError> {
    let record = serde_dynamo::to_attribute_value(record)
        .map_err(|error| broken(format!("the record of {key:?} cannot be written"), error))?;
    Ok(HashMap::from([(KEY.to_owned(), text(key)), (TOKEN.to_owned(), text(&token.0)), (RECORD.to_owned(), record)]))
}

/// What a row holds.
pub(crate) fn read<T: DeserializeOwned>(mut item: Item) -> Result<(T, Token), LedgerError> {
    let token = read_text(&item, TOKEN)?.to_owned();
    let record = item.remove(RECORD).ok_or_else(|| lacks(&item, RECORD))?;
    let record = serde_dynamo::from_attribute_value(record)
        .map_err(|error| broken(format!("the row {:?} cannot be read", name_of(&item)), error))?;
    Ok((record, Token(token)))
}

/// An attribute that every row has.
pub(crate) fn read_text<'a>(item: &'a Item, name: &str) -> Result<&'a str, LedgerError> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).ok_or_else(|| lacks(item, name))
}

fn lacks(item: &Item, name: &str) -> LedgerError {
    let message = format!("the row {:?} has no {name}: longhaul did not write it", name_of(item));
    LedgerError { message, retryable: false, source: None }
}

fn name_of(item: &Item) -> &str {
    item.get(KEY).and_then(|key| key.as_s().ok()).map_or("", String::as_str)
}

fn broken(message: String, source: impl Error + Send + Sync + 'static) -> LedgerError {
    LedgerError { message, retryable: false, source: Some(Box::new(source)) }
}

/// The same for a key today and in every later version: FNV-1a.
fn shard(key: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    key.bytes().fold(0xcbf2_9ce4_8422_2325, step) % SHARDS
}

#[cfg(test)]
mod tests {
    use longhaul::{
        ledger::{Lease, Reason, RecordSource},
        object::{ETag, Location, ObjectKey, Pin, Timestamp, VersionId},
    };

    use super::*;

    fn record(bucket: &str, key: &str) -> Record {
        let key = ObjectKey::new(key).unwrap();
        let version_id = VersionId::new("v1");
        let pin = Pin { etag: ETag::new("e"), version_id, size: u64::MAX, crc64nvme: None, modified: Timestamp(-1) };
        let source = RecordSource { location: Location::new("https://s3.source", "源"), key: key.clone(), pin };
        let key = RecordKey { location: Location::new("https://s3.example", bucket), key };
        Record::begin(key, source, Timestamp(5))
    }

    fn token() -> Token {
        Token("t".into())
    }

    fn value<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
        match item.get(name)? {
            AttributeValue::S(text) | AttributeValue::N(text) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn a_record_comes_back_from_its_row() {
        let lease = Some(Lease { owner: "o".into(), until: Some(Timestamp(9)) });
        let record = Record { lease, reason: Some(Reason::new("why", "")), ..record("b", "a//b") };
        let item = record_item(&record, &token()).unwrap();
        assert_eq!(read::<Record>(item).unwrap(), (record, token()));
        let scan = ScanRecord { started: Some(Timestamp(1)), ..ScanRecord::default() };
        let item = scan_item("r", &scan, &token()).unwrap();
        assert_eq!(value(&item, KEY), Some("scan#r"));
        assert_eq!(read::<ScanRecord>(item).unwrap(), (scan, token()));
    }

    #[test]
    fn people_find_a_record_by_its_attributes() {
        let item = record_item(&record("b", "a//b"), &token()).unwrap();
        assert_eq!(value(&item, KEY), Some("https://s3.example/b/a//b"));
        assert_eq!((value(&item, "desBucket"), value(&item, "desKey")), (Some("b"), Some("a//b")));
        assert_eq!((value(&item, "srcBucket"), value(&item, "versionId")), (Some("源"), Some("v1")));
        assert_eq!((value(&item, "Size"), value(&item, UPDATED)), (Some("18446744073709551615"), Some("5")));
    }

    #[test]
    fn only_what_is_not_done_is_in_the_index() {
        for state in State::ALL {
            let item = record_item(&Record { state, ..record("b", "k") }, &token()).unwrap();
            let open = value(&item, OPEN);
            assert_eq!(open.is_some(), state.is_open() || state == State::Parked, "{state:?}");
            assert!(open.is_none_or(|open| open.starts_with(&format!("{}#", state.name()))), "{open:?}");
        }
    }

    #[test]
    fn no_two_objects_share_a_row() {
        assert_ne!(key_text(&record("a/b", "c").key), key_text(&record("a", "b/c").key));
        assert_ne!(key_text(&record("a%2Fb", "c").key), key_text(&record("a/b", "c").key));
    }

    #[test]
    fn keys_spread_over_all_shards() {
        let shards: std::collections::BTreeSet<_> = (0..200).map(|number| shard(&format!("k{number}"))).collect();
        assert_eq!(shards, (0..SHARDS).collect::<std::collections::BTreeSet<_>>());
    }

    #[test]
    fn a_foreign_row_is_named() {
        let item = HashMap::from([(KEY.to_owned(), text("some/key")), (TOKEN.to_owned(), text("t"))]);
        let error = read::<Record>(item).unwrap_err();
        assert_eq!(error.message, "the row \"some/key\" has no Record: longhaul did not write it");
    }
}
