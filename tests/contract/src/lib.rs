//! What every store, every ledger and every queue must do, as suites that every adapter passes.
//!
//! [`source_and_destination`] takes an empty bucket, [`ledger`](ledger()) and [`scan_ledger`](scan_ledger()) a table
//! without records, and [`queue`](queue()) a queue without messages. Each check is a function named for what it proves,
//! keeps to keys of its own and panics with what was found. Checks of what an adapter cannot do are left out by its
//! [capabilities](Destination::capabilities); everything else in which it differs must be said in [`Expectations`], so
//! that nothing is skipped unnoticed.

use longhaul::store::Destination;

pub mod conditions;
pub mod copies;
pub mod deletes;
pub mod keys;
pub mod ledger;
pub mod listing;
pub mod multipart;
pub mod objects;
pub mod queue;
pub mod reads;
pub mod scan_ledger;
pub mod told;
pub mod uploads;
pub mod versions;

mod clock;
mod patience;
mod steps;

pub use clock::TestClock;
pub use ledger::ledger;
pub use patience::{POLICY, TIMEOUT, after, patience, stopped_after};
pub use queue::queue;
pub use scan_ledger::scan_ledger;
pub use told::Told;

/// In what an adapter legitimately differs. The default is a bucket of Amazon S3 that keeps no versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectations {
    /// Every write is a version that stays readable by its id.
    pub versions: bool,
    /// Current versions can be listed; their ids are shown where there are `versions`.
    pub versions_listed: bool,
    /// The store copies inside itself.
    pub server_side_copy: bool,
    /// Bytes whose checksum is not the one that came with them are refused.
    pub wrong_checksums_refused: bool,
    /// A part, but the last, below the smallest part size is refused at completion.
    pub small_parts_refused: bool,
    /// Folders that keys lie in are listed as keys of their own, ending in `/`.
    pub folders_listed: bool,
    /// Those of [`keys::AWKWARD`] that cannot be stored.
    pub refused_keys: Vec<&'static str>,
}

impl Default for Expectations {
    fn default() -> Self {
        Self {
            versions: false,
            versions_listed: true,
            server_side_copy: true,
            wrong_checksums_refused: true,
            small_parts_refused: true,
            folders_listed: false,
            refused_keys: Vec::new(),
        }
    }
}

/// The whole suite for a store; `store` must be empty.
pub async fn source_and_destination<D: Destination>(store: &D, expectations: Expectations) {
    listing::an_empty_bucket_lists_nothing(store).await;
    keys::all(store, &expectations).await;
    objects::all(store, &expectations).await;
    reads::all(store, &expectations).await;
    conditions::all(store).await;
    multipart::all(store, &expectations).await;
    uploads::all(store).await;
    copies::all(store, &expectations).await;
    deletes::all(store, &expectations).await;
    versions::all(store, &expectations).await;
    listing::all(store).await;
}
