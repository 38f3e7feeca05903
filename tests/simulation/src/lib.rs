//! Many workers, jobsenders and users of the buckets in one thread, under virtual time and one seed.
//!
//! A seed decides everything: what the stores can do, what users do when, which request fails before or after its effect,
//! which process is killed or frozen where, and which of the ready tasks goes on next. The product's own code runs on top, and
//! the [`oracle`] and the [`judge`] hold it to the promises of the README.
//!
//! Read it in this order: [`executor`] and [`clock`] are time, [`faults`] and [`world`] what goes wrong, [`store`],
//! [`ledger`] and [`queue`] the services, [`scenario`] and [`users`] what happens, [`actors`] who calls the product, and
//! [`run`](mod@run) one seed from beginning to end.

pub mod actors;
pub mod clock;
pub mod counts;
pub mod executor;
pub mod faults;
pub mod history;
pub mod judge;
pub mod ledger;
pub mod many;
pub mod oracle;
pub mod pages;
pub mod proofs;
pub mod queue;
pub mod run;
pub mod scanning;
pub mod scenario;
pub mod shrink;
pub mod stage;
pub mod steps;
pub mod store;
pub mod synthetic;
pub mod teeth;
pub mod telling;
pub mod trace;
pub mod two_way;
pub mod uploads;
pub mod users;
pub mod world;

mod chunks;
mod effects;
mod owned;
