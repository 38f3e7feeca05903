//! Uploads and their parts, and the conditions of writes.

use crate::object::{Crc64, ETag, ObjectKey, PartNumber, Timestamp};

/// What a conditional write demands of the object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: whatever is there is replaced.
    None,
    /// There must be no object.
    IfAbsent,
    /// The object there must have this tag.
    IfMatch(ETag),
}

/// A multipart upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The key it will become.
    pub key: ObjectKey,
    /// The store's id of it.
    pub id: String,
}

/// An upload that a listing of uploads shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// Key and id.
    pub upload: Upload,
    /// When it was created, by the store's clock.
    pub initiated: Timestamp,
    /// Whether its checksum settings are ones that the engine can complete: CRC64NVME of the full object, or none.
    pub adoptable: bool,
}

/// Which uploads to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadFilter {
    /// Those of exactly this key.
    Key(ObjectKey),
    /// Those whose key begins with this text.
    Prefix(String),
}

/// A part as the destination holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedPart {
    /// Its number.
    pub number: PartNumber,
    /// Its bytes.
    pub size: u64,
    /// Its tag.
    pub etag: ETag,
    /// CRC64NVME of the bytes that the store received, where it says so.
    pub crc64nvme: Option<Crc64>,
}

/// The end of a multipart upload.
#[derive(Clone, Debug)]
pub struct Completion<'a> {
    /// All parts in order.
    pub parts: &'a [UploadedPart],
    /// Bytes of the whole.
    pub size: u64,
    /// CRC64NVME of the whole, for the store to check, where every part's is known.
    pub crc64nvme: Option<Crc64>,
    /// What must be there now.
    pub condition: Condition,
}
