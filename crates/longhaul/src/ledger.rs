//! The port to the ledger, and its records.
//!
//! Read [`port`], then [`record`] (one destination object and its transitions), [`lease`] (in whose hands it is) and [`reason`] (why
//! it stands where it stands); [`segments`], `segment_state` and [`proved`] for objects that many workers copy; [`scan_record`] and
//! [`scan_counts`] for comparisons.
//!
//! Invariants: every save is conditional on the token that was loaded. A record never goes back to an older state, and what is
//! parked or gone has a reason.

pub mod lease;
pub mod port;
pub mod proved;
pub mod reason;
pub mod record;
pub mod scan_counts;
pub mod scan_record;
pub(crate) mod segment_state;
pub mod segments;

pub use lease::{Lease, Token};
pub use port::{Ledger, LedgerError, Saved, ScanLedger};
pub use proved::Proved;
pub use reason::{NO_ROUTE, Reason};
pub use record::{DestinationIdentity, Expected, Record, RecordKey, RecordSource, RecordUpload, State};
pub use scan_counts::{MISSING_NAMED, ScanTotals, SendReport};
pub use scan_record::{Holder, MAX_RANGES, RangeMessage, RangeRow, ScanRecord, Sweep, Taken};
pub use segments::{Begun, DEFAULT_SEGMENT_SIZE, Filled, MAX_SEGMENTS, Run, SegmentRef, Segments};

pub(crate) use lease::{holds, lease_from};
pub(crate) use proved::of_tags;
pub(crate) use reason::{COLLISION, INTO_ITSELF, RETURNED, SOURCE_CHANGES, SOURCE_TOUCHED, UPLOAD_VANISHED};
pub(crate) use scan_record::ROW;
pub(crate) use segment_state::{SegmentState, answers, plan_of, standing};
