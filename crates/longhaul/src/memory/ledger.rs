//! A ledger in memory, held to the transitions that a record may take.
//!
//! Several owners can share one table, each through a handle of its own, as processes share a database. A lease lasts
//! as long as its owner lives.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    ledger::{Lease, Ledger, LedgerError, Record, RecordKey, Saved, ScanLedger, ScanRecord, State, Token},
    object::Timestamp,
};

#[derive(Default)]
struct Table {
    records: HashMap<RecordKey, (Record, Token)>,
    scans: HashMap<String, (ScanRecord, Token)>,
    living: HashSet<String>,
}

/// One owner's handle of a table of records. Clones are the same owner.
#[derive(Clone)]
pub struct MemoryLedger {
    owner: String,
    table: Arc<Mutex<Table>>,
}

impl MemoryLedger {
    /// A new table and its first owner.
    pub fn new(owner: &str) -> Self {
        let ledger = Self { owner: owner.to_owned(), table: Arc::default() };
        ledger.table().living.insert(owner.to_owned());
        ledger
    }

    /// The same table in the hands of another process.
    pub fn another_owner(&self, name: &str) -> Self {
        self.table().living.insert(name.to_owned());
        Self { owner: name.to_owned(), table: Arc::clone(&self.table) }
    }

    /// Ends all leases of an owner, as the death of its process would.
    pub fn kill_owner(&self, name: &str) {
        self.table().living.remove(name);
    }

    /// All records, in no order.
    pub fn records(&self) -> Vec<Record> {
        self.table().records.values().map(|(record, _)| record.clone()).collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a save is a step that a record may take. A first record begins as a finished one would begin again.
fn check_transition(standing: Option<State>, next: State) -> Result<(), LedgerError> {
    if standing.unwrap_or(State::Done).may_become(next) {
        return Ok(());
    }
    let from = standing.map_or("nothing", State::name);
    let message = format!("a record may not go from {from} to {}", next.name());
    Err(LedgerError { message, retryable: false, source: None })
}

impl Ledger for MemoryLedger {
    async fn load(&self, key: &RecordKey) -> Result<Option<(Record, Token)>, LedgerError> {
        Ok(self.table().records.get(key).cloned())
    }

    async fn load_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<(Record, Token)>>, LedgerError> {
        let table = self.table();
        Ok(keys.iter().map(|key| table.records.get(key).cloned()).collect())
    }

    async fn save(&self, record: &Record, expected: Option<&Token>, token: &Token) -> Result<Saved, LedgerError> {
        let mut table = self.table();
        let standing = table.records.get(&record.key);
        if standing.map(|(_, token)| token) != expected {
            return Ok(Saved::Refused(standing.cloned().map(Box::new)));
        }
        check_transition(standing.map(|(record, _)| record.state), record.state)?;
        table.records.insert(record.key.clone(), (record.clone(), token.clone()));
        Ok(Saved::Stored)
    }

    fn new_lease(&self, _now: Timestamp) -> Lease {
        Lease { owner: self.owner.clone(), until: None }
    }

    fn is_held(&self, lease: &Lease, now: Timestamp) -> bool {
        let is_over = lease.until.is_some_and(|until| until <= now);
        lease.owner != self.owner && !is_over && self.table().living.contains(&lease.owner)
    }
}

impl ScanLedger for MemoryLedger {
    async fn load_scan(&self, route: &str) -> Result<Option<(ScanRecord, Token)>, LedgerError> {
        Ok(self.table().scans.get(route).cloned())
    }

    async fn save_scan(
        &self,
        route: &str,
        record: &ScanRecord,
        expected: Option<&Token>,
        token: &Token,
    ) -> Result<bool, LedgerError> {
        let mut table = self.table();
        let standing = table.scans.get(route).map(|(_, token)| token);
        if standing == Some(token) {
            return Ok(true);
        }
        if standing != expected {
            return Ok(false);
        }
        table.scans.insert(route.to_owned(), (record.clone(), token.clone()));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::RecordSource,
        object::{ETag, Location, ObjectKey, Pin},
    };

    const NOW: Timestamp = Timestamp(1);

    fn record(state: State) -> Record {
        let location = Location::new("memory://a", "a");
        let key = ObjectKey::new("k").unwrap();
        let pin = Pin { etag: ETag::new("e"), version_id: None, size: 1, crc64nvme: None, modified: NOW };
        let source = RecordSource { location: location.clone(), key: key.clone(), pin };
        Record { state, ..Record::begin(RecordKey { location, key }, source, NOW) }
    }

    #[tokio::test]
    async fn a_step_that_no_record_may_take_is_an_error() {
        let (ledger, first, second) = (MemoryLedger::new("one"), Token("1".into()), Token("2".into()));
        ledger.save(&record(State::Restarting), None, &first).await.unwrap_err();
        ledger.save(&record(State::Copying), None, &first).await.unwrap();
        ledger.save(&record(State::Restarting), Some(&first), &second).await.unwrap();
        let refused = ledger.save(&record(State::Done), Some(&second), &first).await.unwrap_err();
        assert!(!refused.retryable);
        assert_eq!(refused.message, "a record may not go from restarting to done");
        assert_eq!(ledger.records(), [record(State::Restarting)]);
    }

    #[test]
    fn a_lease_is_held_while_its_owner_lives() {
        let one = MemoryLedger::new("one");
        let other = one.another_owner("other");
        let lease = other.new_lease(NOW);
        assert!(one.is_held(&lease, NOW));
        assert!(!other.is_held(&lease, NOW), "an owner does not stand in its own way");
        one.kill_owner("other");
        assert!(!one.is_held(&lease, NOW));
    }

    #[tokio::test]
    async fn owners_share_the_table() {
        let one = MemoryLedger::new("one");
        let other = one.another_owner("other");
        one.save(&record(State::Copying), None, &Token("1".into())).await.unwrap();
        assert!(other.load(&record(State::Copying).key).await.unwrap().is_some());
    }
}
