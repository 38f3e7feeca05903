//! What an object is.
//!
//! Read in this order: [`key`] (what it is called), [`version`] (which write of it is meant), [`info`] (what a store says of it),
//! [`parts`] (how it is cut), [`checksum`], [`proof`] and [`trusts`] (what was proved of its bytes). [`mark`] and `carried` are
//! about what travels with the bytes.
//!
//! Invariants: everything here is pure. Tags are compared without regard to case, and a [`Pin`] names one write of one object.

pub mod bucket_name;
pub(crate) mod carried;
pub mod checksum;
pub mod file_tag;
pub mod info;
pub mod key;
pub mod mark;
pub mod parts;
pub mod proof;
pub mod trusts;
pub mod version;

pub use checksum::{Crc64, Hasher, Md5, WithMd5};
pub use file_tag::FileTag;
pub use info::{Headers, Listed, ObjectInfo};
pub use key::{KeyError, Location, ObjectKey};
pub use mark::NAME;
pub use parts::{
    ByteRange, DEFAULT_PART_SIZE, GIB, MAX_OBJECT_SIZE, MAX_PART_SIZE, MAX_PARTS, MIB, MIN_PART_SIZE, PartNumber,
    PartPlan, PartSpec, PlanError,
};
pub use proof::{Proof, ProofLevel, Verify};
pub use trusts::Trusts;
pub use version::{ETag, Pin, Timestamp, VersionId};

pub(crate) use bucket_name::problem_of_bucket;
pub(crate) use carried::Carried;
pub(crate) use checksum::multipart_etag;
pub(crate) use key::form_decoded;
pub(crate) use mark::{is_from, marked, names};
pub(crate) use trusts::Trust;
