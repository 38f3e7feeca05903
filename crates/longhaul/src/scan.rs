//! Both listings, merged, and what differs.
//!
//! Read [`copy_differences`](mod@copy_differences), then `differences` and `parallel` (ranges side by side), [`copy_named`] (keys
//! from a list) and [`recheck`] (the comparison at the end). A [`listing`] is where a range is cut and where seams are checked, a
//! [`key_list`] reads lists of keys.
//!
//! Invariants: no listing is held in memory. The key at which one range stops is the first that the next one gets.

pub mod copy_differences;
pub mod copy_named;
pub(crate) mod differences;
pub mod key_list;
pub mod listing;
pub(crate) mod parallel;
pub mod recheck;
pub mod totals;
pub(crate) mod unordered;

pub use copy_named::{Hear, ListEvent, ListTotals};
pub use key_list::{
    BrokenRow, Columns, Encoding, Form, Gunzip, InventoryFile, KeyList, KeyListError, KeysFrom, ListPlace, ListedKey,
    MAGIC, MAX_ROW, Manifest, ManifestError, Passed, Row, Rows,
};
pub use listing::{Beginnings, Found, LOOKS, Lines, Lister, Merge, Pair, Probe, Wanted};
pub use recheck::Comparison;
pub use totals::{Event, Totals};
