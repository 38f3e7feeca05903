//! An S3 server for tests: the real protocol over real HTTP, with real signatures, in the process of the test.
//!
//! [`Server::start`] serves a [`Store`], which tests also read and write directly. [`Faults`] go wrong by seed,
//! [`Hold`]s stop requests at exact points, and [`Server::requests`] tells what was asked. Nothing is written to disk.

pub mod connections;

mod auth;
mod body;
mod bucket;
mod buckets;
mod checksum;
mod conditions;
mod data;
mod faults;
mod front;
mod hold;
mod ingest;
mod listing;
mod lists;
mod multipart;
mod object;
mod operation;
mod order;
mod reading;
mod record;
mod server;
mod service;
mod store;
mod synthetic;
mod tags;
mod tls;
mod upload_lists;
mod upload_rules;
mod uploading;
mod wire;
mod writing;

pub use bucket::Versioning;
pub use checksum::{Algorithm, Checksum, ChecksumKind, crc64_base64};
pub use data::{BytesDiscarded, Data, DataReader};
pub use faults::{FaultCounter, FaultKind, FaultRule, Faults};
pub use hold::{Hold, When};
pub use object::{ContentHeaders, Object, PutOptions};
pub use order::Order;
pub use record::RequestRecord;
pub use server::{Dialect, Options, Server};
pub use store::{Access, Store, StoreOptions};
pub use synthetic::{KeyShape, SyntheticKeys, fill, synthetic_bytes, synthetic_chunks};
pub use tags::Tags;
