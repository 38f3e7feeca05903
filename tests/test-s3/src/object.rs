//! Objects and their versions.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use crate::{checksum::Checksum, data::Data};

/// The headers S3 keeps with an object and gives back unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContentHeaders {
    /// `Content-Type`
    pub content_type: Option<String>,
    /// `Cache-Control`
    pub cache_control: Option<String>,
    /// `Content-Disposition`
    pub content_disposition: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`
    pub content_encoding: Option<String>,
    /// `Content-Language`
    pub content_language: Option<String>,
    /// `Expires`, as an HTTP date
    pub expires: Option<String>,
}

/// Everything about an object but its bytes; what a PUT may say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// The content headers.
    pub headers: ContentHeaders,
    /// User metadata, without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    /// The storage class; `None` is STANDARD.
    pub storage_class: Option<String>,
    /// The object's tags.
    pub tags: Vec<(String, String)>,
}

/// One version of an object.
#[derive(Debug, Clone)]
pub struct Object {
    /// `null` unless the bucket is versioned.
    pub version_id: String,
    /// The bytes.
    pub data: Data,
    /// Without quotes.
    pub etag: String,
    /// The checksum S3 would give back, if any.
    pub checksum: Option<Checksum>,
    /// The CRC64NVME of all bytes, where it is known.
    pub crc64: Option<u64>,
    /// Headers, metadata, storage class and tags.
    pub options: PutOptions,
    /// When it was written.
    pub modified: SystemTime,
    /// The number of parts, when it was uploaded in parts.
    pub parts: Option<usize>,
}

impl Object {
    /// The number of bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.data.len()
    }

    /// The storage class, STANDARD if none was named.
    #[must_use]
    pub fn storage_class(&self) -> &str {
        self.options.storage_class.as_deref().unwrap_or("STANDARD")
    }

    /// Whether the object must be restored before it can be read.
    #[must_use]
    pub fn is_archived(&self) -> bool {
        matches!(self.storage_class(), "GLACIER" | "DEEP_ARCHIVE")
    }
}

/// A version as a bucket keeps it.
#[derive(Debug, Clone)]
pub(crate) enum Version {
    Object(Arc<Object>),
    Marker { version_id: String, modified: SystemTime },
}

impl Version {
    pub fn id(&self) -> &str {
        match self {
            Self::Object(object) => &object.version_id,
            Self::Marker { version_id, .. } => version_id,
        }
    }

    pub fn object(&self) -> Option<&Arc<Object>> {
        match self {
            Self::Object(object) => Some(object),
            Self::Marker { .. } => None,
        }
    }
}
