//! The words for an object: where it is, what it is called, and which version of it is meant.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{Hash, Hasher},
};

use serde::{Deserialize, Serialize};

use crate::checksum::{Crc64, Md5};

/// A store and a bucket in it, or a local folder (`file://` and its path).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// Scheme and host of the store, without a path: `https://s3.eu-west-1.amazonaws.com`, or `file:`.
    pub endpoint: String,
    /// The bucket's name, or the folder's absolute path.
    pub bucket: String,
}

impl Location {
    /// The endpoint of local folders.
    pub const LOCAL: &str = "file:";

    /// Names a place; nothing is checked.
    pub fn new(endpoint: impl Into<String>, bucket: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), bucket: bucket.into() }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.endpoint.as_str() {
            Self::LOCAL => f.write_str(&self.bucket),
            endpoint => write!(f, "{endpoint}/{}", self.bucket),
        }
    }
}

/// A decoded key, byte for byte as the store holds it.
///
/// Invariant: 1 to 1,024 bytes of UTF-8 (S3 User Guide, "Naming Amazon S3 objects").
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectKey(String);

/// A text that cannot be a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key has 1 to {max} bytes, this one has {length}", max = ObjectKey::MAX_BYTES)]
pub struct KeyError {
    /// Its length in bytes.
    pub length: usize,
}

impl ObjectKey {
    /// The longest key in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Takes a decoded key.
    pub fn new(key: impl Into<String>) -> Result<Self, KeyError> {
        let key = key.into();
        match key.len() {
            1..=Self::MAX_BYTES => Ok(Self(key)),
            length => Err(KeyError { length }),
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = KeyError;
    fn try_from(key: String) -> Result<Self, KeyError> {
        Self::new(key)
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entity tag without its quotes. Equal tags of one key mean equal content; nothing else is read into it.
///
/// Tags of hexadecimal digits are equal in either case of their letters: not all stores write them alike.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ETag {
    text: String,
    /// Whether the store itself says that the tag is no MD5.
    no_md5: bool,
}

impl ETag {
    /// Takes a tag with or without quotes.
    pub fn new(tag: &str) -> Self {
        Self { text: tag.trim_matches('"').to_owned(), no_md5: false }
    }

    /// The same tag, of which the store itself says that it is no MD5: that of an object under a key of KMS or of the customer.
    pub fn without_md5(self) -> Self {
        Self { no_md5: true, ..self }
    }

    /// The tag without quotes.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The tag as `If-Match` wants it.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.text)
    }

    /// The MD5 that the tag seems to be: it has the shape of one, as the tag of a single-part object has. It may be none all the
    /// same, so two equal ones prove equal content, but two different ones alone prove nothing.
    pub fn as_md5(&self) -> Option<Md5> {
        Md5::from_hex(&self.text).filter(|_| !self.no_md5)
    }

    /// Whether the tag has the shape of an MD5.
    pub fn looks_like_md5(&self) -> bool {
        self.as_md5().is_some()
    }

    /// Whether the tag has the shape of the MD5 of the MD5s of several parts, and their number.
    pub fn looks_like_multipart(&self) -> bool {
        let Some((md5, parts)) = self.text.split_once('-') else { return false };
        Md5::from_hex(md5).is_some() && !parts.is_empty() && parts.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn is_hexadecimal(&self) -> bool {
        self.text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    }
}

impl PartialEq for ETag {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text || (self.is_hexadecimal() && self.text.eq_ignore_ascii_case(&other.text))
    }
}

impl Eq for ETag {}

impl Hash for ETag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.to_ascii_lowercase().hash(state);
    }
}

impl From<String> for ETag {
    fn from(tag: String) -> Self {
        Self::new(&tag)
    }
}

impl From<ETag> for String {
    fn from(tag: ETag) -> Self {
        tag.text
    }
}

/// A version of an object. `null` (a bucket that never had versions) is represented by no id at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VersionId(String);

impl VersionId {
    /// Takes a store's answer; `null` and the empty text are no version.
    pub fn new(id: &str) -> Option<Self> {
        (!id.is_empty() && id != "null").then(|| Self(id.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

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

/// The one version of the source that a copy is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Entity tag that every read must meet.
    pub etag: ETag,
    /// Version, where known and permitted.
    pub version_id: Option<VersionId>,
    /// Bytes of the whole object.
    pub size: u64,
    /// CRC64NVME of the whole object, where the source knows it.
    pub crc64nvme: Option<Crc64>,
    /// When that version was written.
    pub modified: Timestamp,
}

impl Pin {
    /// Whether both name one write of one source key. The ETag alone is not enough: a key that is written again with the same
    /// bytes may have other headers. The version is left out, since not everybody may know it.
    pub fn same_write(&self, other: &Self) -> bool {
        self.etag.is_same_state(&other.etag) && self.size == other.size && self.modified == other.modified
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
