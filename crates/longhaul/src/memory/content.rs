//! Bytes of objects in memory, and what a store knows of them.

use bytes::Bytes;

use crate::{
    object::{Crc64, ETag, Hasher, Headers, ObjectKey, Timestamp, VersionId, WithMd5},
    store::{ChecksumSupport, NewObject},
};

/// How much a store checks when an upload is completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    /// Tags of the parts, size and checksum of the whole.
    All,
    /// The numbers of the parts.
    Numbers,
}

/// Bytes and what the store says of them.
#[derive(Clone)]
pub(crate) struct Content {
    pub bytes: Bytes,
    pub etag: ETag,
    /// `None` in a store that does not offer it.
    pub crc64nvme: Option<Crc64>,
}

impl Content {
    pub fn of(bytes: Bytes, checksums: ChecksumSupport) -> Self {
        let mut hasher = Hasher::new(WithMd5::Yes);
        hasher.update(&bytes);
        let md5 = hasher.md5().expect("the hasher was asked for the MD5");
        let crc64nvme = (checksums == ChecksumSupport::Crc64Nvme).then(|| hasher.crc());
        Self { bytes, etag: ETag::new(&md5.to_hex()), crc64nvme }
    }
}

/// What is kept of a [`NewObject`] until its bytes are there.
#[derive(Clone)]
pub(crate) struct Envelope {
    pub key: ObjectKey,
    pub headers: Headers,
    pub storage_class: Option<String>,
}

impl Envelope {
    /// `headers` are those that the store keeps.
    pub fn of(object: &NewObject<'_>, headers: Headers) -> Self {
        // S3 does not name its standard class.
        let storage_class = object.storage_class.filter(|class| *class != "STANDARD").map(str::to_owned);
        Self { key: object.key.clone(), headers, storage_class }
    }
}

/// When something was written, and as which version.
pub(crate) struct Stamp {
    pub modified: Timestamp,
    pub version_id: Option<VersionId>,
    /// The tag, where it says nothing of the bytes.
    pub tag: Option<ETag>,
}
