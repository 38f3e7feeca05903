//! The core on adapters in memory: no store, no network, and no time but what a test brings.

mod contract;
mod copying;
mod guarded;
mod ignore;
mod listing;
mod lists;
mod scanning;
mod shared;
mod working;
