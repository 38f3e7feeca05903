//! The entries of one folder in order, however many there are.
//!
//! A folder is read in the order of the file system. Up to a limit its entries are sorted in memory; beyond it they go
//! to a temporary database, which is read back in order, a page at a time.

use longhaul::store::{ErrorKind, StoreError};
use rusqlite::{Connection, params};

use crate::{call::Call, lines::temporary_database, stamp::Stamp};

/// Entries that are read back from the database at a time.
const PAGE: i64 = 1000;

/// A file or folder in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name; a folder's ends in `/`, and sorts so.
    pub(crate) name: String,
    pub(crate) stamp: Stamp,
}

/// Entries as they are met.
pub(crate) struct Gathering {
    limit: usize,
    held: Vec<Entry>,
    spill: Option<Spill>,
}

/// Entries in byte order of their names.
pub(crate) struct Entries {
    ready: std::vec::IntoIter<Entry>,
    spill: Option<Spill>,
}

struct Spill {
    database: Connection,
    last: String,
}

impl Gathering {
    /// Holds at most `limit` entries in memory.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), held: Vec::new(), spill: None }
    }

    pub(crate) fn push(&mut self, entry: Entry, call: &Call) -> Result<(), StoreError> {
        if self.held.len() == self.limit {
            self.spill_held().map_err(|error| failed(error, call))?;
        }
        self.held.push(entry);
        Ok(())
    }

    /// Sorts what was gathered.
    pub(crate) fn finish(mut self, call: &Call) -> Result<Entries, StoreError> {
        if self.spill.is_some() {
            self.spill_held().map_err(|error| failed(error, call))?;
        }
        self.held.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        // A folder that changes while it is read may show a name twice.
        self.held.dedup_by(|a, b| a.name == b.name);
        Ok(Entries { ready: self.held.into_iter(), spill: self.spill })
    }

    fn spill_held(&mut self) -> rusqlite::Result<()> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill::create()?),
        };
        spill.add(&self.held)?;
        self.held.clear();
        Ok(())
    }
}

impl Entries {
    /// The next entry, or the end.
    pub(crate) fn next_entry(&mut self, call: &Call) -> Result<Option<Entry>, StoreError> {
        if self.ready.as_slice().is_empty()
            && let Some(spill) = &mut self.spill
        {
            self.ready = spill.page().map_err(|error| failed(error, call))?.into_iter();
        }
        Ok(self.ready.next())
    }

    /// How many entries are in memory.
    pub(crate) fn held(&self) -> usize {
        self.ready.len()
    }
}

fn failed(error: rusqlite::Error, call: &Call) -> StoreError {
    call.error(ErrorKind::Io, "sorting a large folder in a temporary file failed").caused_by(error)
}

impl Spill {
    fn create() -> rusqlite::Result<Self> {
        let database = temporary_database("entry", "name TEXT NOT NULL PRIMARY KEY, stamp TEXT NOT NULL")?;
        Ok(Self { database, last: String::new() })
    }

    fn add(&mut self, entries: &[Entry]) -> rusqlite::Result<()> {
        let transaction = self.database.transaction()?;
        {
            let sql = "INSERT OR REPLACE INTO entry (name, stamp) VALUES (?1, ?2)";
            let mut insert = transaction.prepare_cached(sql)?;
            for entry in entries {
                insert.execute(params![entry.name, entry.stamp.to_text()])?;
            }
        }
        transaction.commit()
    }

    fn page(&mut self) -> rusqlite::Result<Vec<Entry>> {
        // Text compares byte by byte (collation BINARY), as keys do.
        let sql = "SELECT name, stamp FROM entry WHERE name > ?1 ORDER BY name LIMIT ?2";
        let mut select = self.database.prepare_cached(sql)?;
        let rows = select.query_map(params![self.last, PAGE], |row| {
            let stamp = Stamp::from_text(&row.get::<_, String>(1)?).ok_or(rusqlite::Error::InvalidQuery)?;
            Ok(Entry { name: row.get(0)?, stamp })
        })?;
        let page = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        if let Some(entry) = page.last() {
            self.last.clone_from(&entry.name);
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use longhaul::object::Location;

    use super::*;

    fn sorted(limit: usize, names: &[String]) -> Vec<String> {
        let call = Call::new("ListObjectsV2", &Location::new("file:", "/data"), None);
        let stamp = Stamp::from_text("1-2-3").unwrap();
        let mut gathering = Gathering::new(limit);
        for name in names {
            gathering.push(Entry { name: name.clone(), stamp }, &call).unwrap();
        }
        let mut entries = gathering.finish(&call).unwrap();
        std::iter::from_fn(|| entries.next_entry(&call).unwrap()).map(|entry| entry.name).collect()
    }

    #[test]
    fn entries_come_in_byte_order_from_memory_and_from_the_spill() {
        let mut names: Vec<String> = (0..3000_u64).map(|n| format!("n{}", n.wrapping_mul(2_654_435_761))).collect();
        names.extend(["é/", "e", "E", "a.b", "a/", "a-", "a0", "z\u{10ffff}"].map(str::to_owned));
        let mut expected = names.clone();
        expected.sort_unstable();
        assert_eq!(sorted(100_000, &names), expected);
        assert_eq!(sorted(7, &names), expected);
    }

    #[test]
    fn a_name_that_is_met_twice_comes_once() {
        let names = ["b", "a", "b", "c"].map(str::to_owned);
        assert_eq!(sorted(10, &names), ["a", "b", "c"]);
        assert_eq!(sorted(1, &names), ["a", "b", "c"]);
    }
}
