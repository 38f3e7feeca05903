//! Opens both sides for a leg.

use std::future::Future;

use crate::{
    copy::attempt::engine::Engine,
    ledger::Ledger,
    object::{Location, Timestamp},
    store::{Destination, Source},
};

/// Opens the stores and the ledger for one leg.
pub trait OpenStores: Send + Sync + 'static {
    /// Where objects are read.
    type Source: Source;
    /// Where they are written.
    type Destination: Destination;
    /// What is remembered.
    type Ledger: Ledger;

    /// A source bucket. The error says in words why it cannot be reached; it is no fault of the object.
    fn source(&self, bucket: &str) -> impl Future<Output = Result<Self::Source, String>> + Send;

    /// A destination bucket.
    fn destination(&self, bucket: &str) -> impl Future<Output = Result<Self::Destination, String>> + Send;

    /// The ledger in the hands of `owner`, whose leases end at `until`.
    fn ledger(&self, owner: &str, until: Timestamp) -> Self::Ledger;

    /// Whether two places are one bucket: a store may have many addresses.
    fn is_one_bucket(&self, one: &Location, other: &Location) -> bool {
        one == other
    }

    /// The credentials were refused: whatever is remembered of them is to be read again.
    fn credentials_refused(&self);
}

/// What a worker's engines work with.
pub(crate) type BackendsOf<W, C> =
    (<W as OpenStores>::Source, <W as OpenStores>::Destination, <W as OpenStores>::Ledger, C);

pub(crate) type EngineOf<W, C> = Engine<BackendsOf<W, C>>;
