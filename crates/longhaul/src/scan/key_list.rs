//! Lists of keys: lines, CSV, JSON lines and inventories.
//!
//! Read [`open_list`] (from a bucket) and [`list_file`] (a text that comes in pieces), then [`rows`], `csv` and [`columns`],
//! [`inventory`] and [`gunzip`]. [`cursor`] says how far a list was read.
//!
//! Invariants: a row that cannot be read ends the list by name, with its line. Nothing is held but one row.

pub mod columns;
pub(crate) mod csv;
pub mod cursor;
pub mod gunzip;
pub mod inventory;
pub mod list_file;
pub mod open_list;
pub mod rows;

pub use columns::{BrokenRow, Columns, Encoding, ListedKey, MAX_ROW, Row};
pub use cursor::ListPlace;
pub use gunzip::{Gunzip, MAGIC};
pub use inventory::{InventoryFile, Manifest, ManifestError};
pub use list_file::{KeyList, KeyListError};
pub use open_list::KeysFrom;
pub use rows::{Form, Passed, Rows};

pub(crate) use cursor::ListCursor;
