//! longhaul's core: what is copied, in which order, and how it is proved.
//!
//! The folders, from the lowest floor to the highest: [`object`] (what an object is), [`store`] (the port to stores) and
//! [`route`] (which keys, and where to), [`ledger`] (what is remembered), [`limits`] (every wait and repeat), [`queue`] (the
//! messages) and [`copy`](mod@copy) (one object), [`scan`] (both listings, merged), [`worker`] (one message) and [`memory`]
//! (adapters for tests), [`jobsender`] (one comparison). A lower one never imports a higher one. Begin with
//! [`copy`](mod@copy). Effects happen only behind the ports in [`store`], [`ledger`], [`queue`] and [`limits`].
//!
//! Nothing here knows AWS, files, the environment or the clock.

pub mod copy;
pub mod jobsender;
pub mod ledger;
pub mod limits;
pub mod memory;
pub mod object;
pub mod planted;
pub mod queue;
pub mod route;
pub mod scan;
pub mod store;
pub mod text;
pub mod worker;
