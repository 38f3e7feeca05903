//! What an object is called: its store, bucket and key.

use std::{borrow::Cow, fmt, hash::Hash, str};

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// The text that a form-encoded one stands for; `None` if it is not UTF-8.
pub fn form_decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

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
pub struct ObjectKey(pub(crate) String);

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

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
