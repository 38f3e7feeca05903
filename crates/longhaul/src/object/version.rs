//! Which write of an object is meant: its tag, its version, its time.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::object::checksum::{Crc64, Md5};

/// An entity tag without its quotes. Equal tags of one key mean equal content; nothing else is read into it.
///
/// Tags of hexadecimal digits are equal in either case of their letters: not all stores write them alike.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ETag {
    pub(crate) text: String,
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
