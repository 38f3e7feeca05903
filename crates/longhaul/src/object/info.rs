//! The words for an object: where it is, what it is called, and which version of it is meant.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::object::{
    checksum::Crc64,
    key::ObjectKey,
    version::{ETag, Pin, Timestamp, VersionId},
};

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.0
    }
}

impl From<ETag> for String {
    fn from(tag: ETag) -> Self {
        tag.text
    }
}

/// What travels with an object's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`, which belongs to a request and not to an object.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Expires`, as an HTTP date.
    pub expires: Option<String>,
    /// User metadata (`x-amz-meta-*`) with lower-case names.
    pub metadata: BTreeMap<String, String>,
}

/// What a HEAD or a GET says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Bytes of the whole object.
    pub size: u64,
    /// Its entity tag.
    pub etag: ETag,
    /// Its version, where the bucket keeps versions.
    pub version_id: Option<VersionId>,
    /// When it was last written.
    pub modified: Timestamp,
    /// CRC64NVME of the whole object, where the store knows it.
    pub crc64nvme: Option<Crc64>,
    /// Headers and user metadata.
    pub headers: Headers,
    /// Storage class; `None` is the store's standard class.
    pub storage_class: Option<String>,
    /// Number of tags.
    pub tags: u32,
    /// What the store says of the object and [`Headers`] cannot carry, by name.
    pub not_carried: Vec<&'static str>,
}

impl ObjectInfo {
    /// What a listing would show of it.
    pub fn as_line(&self, key: &ObjectKey) -> Listed {
        Listed {
            key: key.clone(),
            size: self.size,
            etag: Some(self.etag.clone()),
            modified: self.modified,
            version_id: self.version_id.clone(),
        }
    }

    /// The identity to which one copy is bound.
    pub fn pin(&self) -> Pin {
        Pin {
            etag: self.etag.clone(),
            version_id: self.version_id.clone(),
            size: self.size,
            crc64nvme: self.crc64nvme,
            modified: self.modified,
        }
    }
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The key, decoded.
    pub key: ObjectKey,
    /// Bytes.
    pub size: u64,
    /// Entity tag, where the listing has it.
    pub etag: Option<ETag>,
    /// When it was last written.
    pub modified: Timestamp,
    /// Its version, where versions were listed and the bucket keeps them.
    pub version_id: Option<VersionId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::key::KeyError;

    #[test]
    fn a_key_has_1_to_1024_bytes() {
        assert!(ObjectKey::new("").is_err());
        assert!(ObjectKey::new("k".repeat(1024)).is_ok());
        assert_eq!(ObjectKey::new("é".repeat(513)), Err(KeyError { length: 1026 }));
    }

    #[test]
    fn null_is_no_version() {
        assert_eq!(VersionId::new("null"), None);
        assert_eq!(VersionId::new(""), None);
        assert!(VersionId::new("3sL4kq").is_some());
    }

    #[test]
    fn a_multipart_tag_does_not_look_like_an_md5() {
        assert!(ETag::new("\"d41d8cd98f00b204e9800998ecf8427e\"").looks_like_md5());
        assert!(!ETag::new("d41d8cd98f00b204e9800998ecf8427e-2").looks_like_md5());
        assert!(ETag::new("d41d8cd98f00b204e9800998ecf8427e-2").looks_like_multipart());
        assert!(!ETag::new("+41d8cd98f00b204e9800998ecf8427e").looks_like_md5());
    }

    #[test]
    fn hexadecimal_tags_are_equal_in_either_case_and_others_are_not() {
        let lower = ETag::new("d41d8cd98f00b204e9800998ecf8427e-2");
        let upper = ETag::new("\"D41D8CD98F00B204E9800998ECF8427E-2\"");
        assert_eq!(lower, upper);
        assert_eq!(std::collections::HashSet::from([lower, upper]).len(), 1);
        assert_ne!(ETag::new("AbCx"), ETag::new("abcx"));
    }

    #[test]
    fn a_tag_that_the_store_calls_no_md5_is_none() {
        let tag = ETag::new("d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(tag.clone().without_md5(), tag);
        assert_eq!(tag.without_md5().as_md5(), None);
    }
}
