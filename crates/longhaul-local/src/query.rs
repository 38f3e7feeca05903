//! What operators ask of the ledger.

use longhaul::{
    ledger::{LedgerError, Record, RecordKey, State},
    object::Location,
};
use rusqlite::{params_from_iter, types::Value};

use crate::sqlite::{SqliteLedger, record_from};

/// Records in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSummary {
    /// The state.
    pub state: State,
    /// How many records are in it.
    pub records: u64,
    /// Bytes of their sources.
    pub size_bytes: u64,
    /// Bytes that were sent for them, repeats included.
    pub sent_bytes: u64,
}

/// Which records to show.
#[derive(Clone, Debug, Default)]
pub struct RecordFilter {
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those of this destination.
    pub location: Option<Location>,
    /// Only destination keys that begin with this text.
    pub prefix: String,
    /// Only those behind this one, in the order of destination and key: the last of the page before.
    pub after: Option<RecordKey>,
}

impl SqliteLedger {
    /// Counts records by state; states without records are left out.
    pub async fn summary(&self) -> Result<Vec<StateSummary>, LedgerError> {
        let sql = "
            SELECT state, count(*), total(json_extract(json, '$.source.pin.size')), total(json_extract(json, '$.bytes'))
            FROM record GROUP BY state ORDER BY state";
        self.with(move |connection| {
            let mut select = connection.prepare_cached(sql)?;
            let mut rows = select.query([])?;
            let mut summary = Vec::new();
            while let Some(row) = rows.next()? {
                let name: String = row.get(0)?;
                let Some(state) = State::ALL.into_iter().find(|state| state.name() == name) else { continue };
                // `total` answers a real number, which does not overflow.
                let bytes = |column: usize| row.get::<_, f64>(column).map(|bytes| bytes as u64);
                let records = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
                summary.push(StateSummary { state, records, size_bytes: bytes(2)?, sent_bytes: bytes(3)? });
            }
            Ok(summary)
        })
        .await
    }

    /// A page of records in the order of destination and key; at most `limit`.
    pub async fn records(&self, filter: &RecordFilter, limit: u32) -> Result<Vec<Record>, LedgerError> {
        let (sql, values) = select(filter, limit);
        self.with(move |connection| {
            let mut select = connection.prepare_cached(&sql)?;
            let rows = select.query_map(params_from_iter(values), |row| record_from(row.get_ref(0)?.as_str()?))?;
            rows.collect()
        })
        .await
    }
}

fn select(filter: &RecordFilter, limit: u32) -> (String, Vec<Value>) {
    let mut sql = "SELECT json FROM record WHERE 1".to_owned();
    let mut values = Vec::new();
    if let Some(state) = filter.state {
        sql += " AND state = ?";
        values.push(Value::Text(state.name().to_owned()));
        // SQLite uses the index of what is not done only where the query repeats its condition.
        if state != State::Done {
            sql += " AND state <> 'done'";
        }
    }
    if let Some(location) = &filter.location {
        sql += " AND endpoint = ? AND bucket = ?";
        values.extend([Value::Text(location.endpoint.clone()), Value::Text(location.bucket.clone())]);
    }
    if let Some(end) = behind(filter.prefix.as_bytes()) {
        sql += " AND key >= ? AND key < ?";
        values.extend([Value::Blob(filter.prefix.clone().into_bytes()), Value::Blob(end)]);
    }
    if let Some(after) = &filter.after {
        sql += " AND (endpoint, bucket, key) > (?, ?, ?)";
        let location = after.location.clone();
        let key = after.key.as_str().as_bytes().to_vec();
        values.extend([Value::Text(location.endpoint), Value::Text(location.bucket), Value::Blob(key)]);
    }
    sql += " ORDER BY endpoint, bucket, key LIMIT ?";
    values.push(Value::Integer(limit.into()));
    (sql, values)
}

/// The first bytes behind all texts that begin with `prefix`; none for the empty prefix. No byte of UTF-8 is 255.
fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let (last, rest) = prefix.split_last()?;
    Some([rest, &[last.saturating_add(1)]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_behind_all_that_begin_with_it() {
        assert_eq!(behind(b""), None);
        let end = behind("aé".as_bytes()).unwrap();
        assert!("aé\u{10ffff}".as_bytes() < &end[..]);
        assert!("aê".as_bytes() >= &end[..]);
    }
}
