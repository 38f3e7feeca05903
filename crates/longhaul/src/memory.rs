//! A store, a ledger and a queue in memory, for tests.
//!
//! [`store`] and `destination` with `bucket`, `content` and `pending_upload`; [`ledger`]; [`queue`]; [`order`] for stores that
//! list otherwise.
//!
//! Invariants: they pass the contract suite, as the real adapters do.

pub(crate) mod bucket;
pub(crate) mod content;
pub(crate) mod destination;
pub mod ledger;
pub mod order;
pub(crate) mod pending_upload;
pub mod queue;
pub mod store;

pub use ledger::MemoryLedger;
pub use order::KeyOrder;
pub use queue::MemoryQueue;
pub use store::Memory;
