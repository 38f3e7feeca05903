//! longhaul's core: what is copied, in which order, and how it is proved.
//!
//! The modules read in the order of one object's way: a [`route`] names both sides, a [`listing`] of each is merged by
//! [`diff`], [`scan`] turns the differences into jobs, and [`copy`] brings one object across: [`small`](copy) in one
//! request each way, or as a multipart upload planned by [`part`], remembered by a [`record`] and settled with a
//! [`proof`]. Effects happen only behind the traits of [`ports`].
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
