//! Opens the ledger's file, and refuses whatever is not one.
//!
//! Nothing is written to a file before it is known to be ours. Commits go to the write-ahead log without waiting for
//! the disk (WAL, NORMAL): they survive the death of the process, and a power cut costs at most the last of them, which
//! costs reading the stores again.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use rustix::fs::OFlags;

/// `LHL1`, in the file's header where SQLite keeps a place for it.
const APPLICATION_ID: i64 = 0x4c48_4c31;
/// The format that this version writes.
const FORMAT: i64 = 1;
/// Up to this size the whole file is checked when it is opened.
const CHECKED_BYTES: u64 = 64 * 1024 * 1024;
/// How long a call waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(30);

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS record (
    endpoint   TEXT    NOT NULL,
    bucket     TEXT    NOT NULL,
    key        BLOB    NOT NULL,
    state      TEXT    NOT NULL,
    token      TEXT    NOT NULL,
    updated_ms INTEGER NOT NULL,
    json       TEXT    NOT NULL,
    PRIMARY KEY (endpoint, bucket, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_not_done ON record (state) WHERE state <> 'done';
";

/// Why a ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file holds something else.
    #[error("{path:?} is not a ledger of longhaul but another file; name another with --ledger")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is no SQLite database.
    #[error("{path:?} is not a ledger of longhaul, not even a database; name another with --ledger")]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is a ledger that has been damaged.
    #[error(
        "the ledger {path:?} is damaged ({found}); \
         move it away or name another with --ledger: a lost ledger costs only reading"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check found.
        found: String,
    },
    /// A later version of longhaul wrote the file.
    #[error(
        "the ledger {path:?} has format {format}, and this longhaul knows {FORMAT}; \
         use the later version, or move it away or name another with --ledger: a lost ledger costs only reading"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: i64,
    },
    /// The name leads to another one.
    #[error(
        "the ledger {path:?} is a symbolic link, and nothing is written through links; \
         name the file that it leads to with --ledger"
    )]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The name leads to a device, a pipe or a folder.
    #[error("the ledger {path:?} is no file; name another with --ledger")]
    NotAFile {
        /// What is there.
        path: PathBuf,
    },
    /// The file or its folder cannot be made or opened.
    #[error("the ledger {path:?} cannot be opened; name another with --ledger")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// SQLite cannot work with the file.
    #[error(
        "the ledger {path:?} cannot be used; move it away or name another with --ledger: a lost ledger costs only reading"
    )]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: rusqlite::Error,
    },
}

/// Where a ledger is, with its folder made and the links on the way to it resolved: SQLite is told to follow none.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    // SQLite takes a relative name that begins with `file:` for something else.
    let absolute = std::path::absolute(path).map_err(io)?;
    let (Some(folder), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(OpenError::NotAFile { path: path.to_owned() });
    };
    fs::create_dir_all(folder).map_err(io)?;
    Ok(folder.canonicalize().map_err(io)?.join(name))
}

/// Makes or opens the ledger at a [resolved](resolve) path.
pub(crate) fn open(path: &Path) -> Result<Connection, OpenError> {
    let size = size(path)?;
    let sqlite = |source| sqlite_error(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    connection.busy_timeout(BUSY).map_err(sqlite)?;
    let is_new = identify(&mut connection, path)?;
    if !is_new && size < CHECKED_BYTES {
        check(&connection, path)?;
    }
    use_write_ahead_log(&connection).map_err(sqlite)?;
    if is_new {
        initialise(&mut connection).map_err(sqlite)?;
    }
    Ok(connection)
}

/// The bytes of the file, which is made if there is none.
fn size(path: &Path) -> Result<u64, OpenError> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::from_ne_bytes(flags.bits().to_ne_bytes());
    // SQLite would make the file readable for everybody; its own side files take over the mode of this one.
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
    let there = options.open(path).and_then(|file| file.metadata());
    match there {
        Ok(there) if there.is_file() => Ok(there.len()),
        Ok(_) => Err(OpenError::NotAFile { path: path.to_owned() }),
        Err(_) if path.is_symlink() => Err(OpenError::Link { path: path.to_owned() }),
        Err(_) if path.is_dir() => Err(OpenError::NotAFile { path: path.to_owned() }),
        Err(source) => Err(OpenError::Io { path: path.to_owned(), source }),
    }
}

/// Whether the file is empty and free to be a ledger; an error if it is anything but that or a ledger. It is read in one
/// transaction: between two, another process may make its ledger of it.
fn identify(connection: &mut Connection, path: &Path) -> Result<bool, OpenError> {
    let sqlite = |source| sqlite_error(path, source);
    let transaction = connection.transaction().map_err(sqlite)?;
    let number = |sql: &str| transaction.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(sqlite);
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (number("PRAGMA application_id")?, number("PRAGMA user_version")?) {
        (0, 0) if tables == 0 => Ok(true),
        (APPLICATION_ID, format) if format > FORMAT => Err(OpenError::Newer { path: path.to_owned(), format }),
        (APPLICATION_ID, _) => Ok(false),
        _ => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}

fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let sql = "PRAGMA quick_check(1)";
    let found: String = connection.query_row(sql, [], |row| row.get(0)).map_err(|source| sqlite_error(path, source))?;
    if found == "ok" { Ok(()) } else { Err(OpenError::Damaged { path: path.to_owned(), found }) }
}

/// Switches the log on. Two processes that make the same ledger at once get in each other's way here, and SQLite's own
/// waiting does not cover this switch.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let switch = || connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
    let mut tries = 0;
    while let Err(error) = switch() {
        tries += 1;
        if !is_busy(&error) || tries == 100 {
            return Err(error);
        }
        thread::sleep(Duration::from_millis(50));
    }
    connection.execute_batch("PRAGMA synchronous = NORMAL")
}

/// Makes the tables. In one transaction, so that there is no half-made ledger; another process may have been first.
fn initialise(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// Whether another process's transaction is in the way.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn sqlite_error(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { path },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, found: source.to_string() },
        _ => OpenError::Sqlite { path, source },
    }
}
