//! Local folders and the SQLite ledger, under the contract and under the engine.

mod contract;
mod resuming;
