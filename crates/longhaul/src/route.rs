//! Which keys are copied, and where to.
//!
//! Read [`mapping`] (source key to destination key), [`key_range`] (a slice of the keys), [`ignore_list`] with its text in
//! [`ignore_text`], [`difference`] (when two listing lines differ), and [`scan_spec`], which puts them together.
//!
//! Invariants: everything here is pure. Keys are ordered by their bytes, whatever a store does.

pub mod difference;
pub mod ignore_error;
pub mod ignore_list;
pub mod ignore_text;
pub mod key_range;
pub mod mapping;
pub mod scan_spec;

pub use difference::{Compare, Decision, Difference};
pub use ignore_error::{IgnoreError, LineProblem};
pub use ignore_list::IgnoreList;
pub use ignore_text::IgnoreText;
pub use key_range::{KeyRange, LONG};
pub use mapping::{DestinationBounds, KeyListPlace, NamedRoute, Route};
pub use scan_spec::{Mode, ScanSpec, Selection};
