//! Lines of a listing in a temporary database, which gives them back in byte order of keys.

use longhaul::object::{ETag, Listed, ObjectKey, Timestamp};
use rusqlite::{Connection, Row, params};

/// Lines that are read back at a time.
const PAGE: i64 = 1000;

/// A table that is gone with the connection, also after a crash.
pub(crate) fn temporary_database(table: &str, columns: &str) -> rusqlite::Result<Connection> {
    // The empty name is SQLite's for a temporary file.
    let database = Connection::open("")?;
    database.execute_batch(&format!(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8192;
         CREATE TABLE {table} ({columns}) WITHOUT ROWID;"
    ))?;
    Ok(database)
}

pub(crate) struct Lines {
    database: Connection,
    last: String,
}

impl Lines {
    pub(crate) fn create() -> rusqlite::Result<Self> {
        let columns = "key TEXT NOT NULL PRIMARY KEY, size INTEGER NOT NULL, etag TEXT, modified INTEGER NOT NULL";
        Ok(Self { database: temporary_database("line", columns)?, last: String::new() })
    }

    /// Adds lines; of two with one key the later one stays. How many keys are new.
    pub(crate) fn add(&mut self, lines: &[Listed]) -> rusqlite::Result<usize> {
        let transaction = self.database.transaction()?;
        let mut new = 0;
        {
            let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO line VALUES (?1, ?2, ?3, ?4)")?;
            let mut update =
                transaction.prepare_cached("UPDATE line SET size = ?2, etag = ?3, modified = ?4 WHERE key = ?1")?;
            for line in lines {
                let etag = line.etag.as_ref().map(ETag::as_str);
                // The bits of a size are kept, whatever it is; no store has objects of 2^63 bytes.
                let values = params![line.key.as_str(), line.size.cast_signed(), etag, line.modified.0];
                let added = insert.execute(values)?;
                new += added;
                if added == 0 {
                    update.execute(values)?;
                }
            }
        }
        transaction.commit()?;
        Ok(new)
    }

    /// The next lines, behind a key if one is given. None left is the end.
    pub(crate) fn page(&mut self, after: Option<String>) -> rusqlite::Result<Vec<Listed>> {
        if let Some(after) = after {
            self.last = self.last.clone().max(after);
        }
        // Text compares byte by byte (collation BINARY), as keys do.
        let sql = "SELECT key, size, etag, modified FROM line WHERE key > ?1 ORDER BY key LIMIT ?2";
        let mut select = self.database.prepare_cached(sql)?;
        let page = select.query_map(params![self.last, PAGE], line)?.collect::<rusqlite::Result<Vec<_>>>()?;
        if let Some(line) = page.last() {
            line.key.as_str().clone_into(&mut self.last);
        }
        Ok(page)
    }
}

fn line(row: &Row<'_>) -> rusqlite::Result<Listed> {
    let key = ObjectKey::new(row.get::<_, String>(0)?).map_err(|_| rusqlite::Error::InvalidQuery)?;
    Ok(Listed {
        key,
        size: row.get::<_, i64>(1)?.cast_unsigned(),
        etag: row.get::<_, Option<String>>(2)?.map(|etag| ETag::new(&etag)),
        modified: Timestamp(row.get(3)?),
        version_id: None,
    })
}
