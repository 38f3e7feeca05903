//! What source objects were and are.

use std::time::Duration;

use bytes::Bytes;
use longhaul::object::{ETag, Headers};

/// A source object: bucket and key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

/// One content that a source object had.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its tag.
    pub etag: ETag,
    /// What travels with its bytes.
    pub headers: Headers,
    /// When it was written.
    pub written: Duration,
    /// When it was no more, by another write or a deletion.
    pub ended: Option<Duration>,
}

/// All that a source object ever was, in order.
#[derive(Clone, Debug, Default)]
pub struct History(Vec<Version>);

impl History {
    /// What it is now, if it is there.
    pub fn current(&self) -> Option<&Version> {
        self.0.last().filter(|version| version.ended.is_none())
    }

    /// Whether it was absent at some moment since `from`.
    pub fn was_absent_since(&self, from: Duration) -> bool {
        let Some(last) = self.0.last() else { return true };
        let gap = |pair: &[Version]| {
            let ended = pair[0].ended.unwrap_or(pair[1].written);
            ended < pair[1].written && pair[1].written >= from
        };
        last.ended.is_some() || self.0[0].written > from || self.0.windows(2).any(gap)
    }

    /// Whether it had this tag at some moment since `from`.
    pub fn was_since(&self, etag: &ETag, from: Duration) -> bool {
        self.0.iter().any(|version| version.etag == *etag && version.ended.is_none_or(|ended| ended >= from))
    }

    /// Whether a version before the current one had this tag.
    pub fn had_before(&self, etag: &ETag) -> bool {
        self.0.iter().rev().skip(1).any(|version| version.etag == *etag)
    }

    /// One of its versions, in order.
    pub fn version(&self, number: usize) -> Option<&Version> {
        self.0.get(number)
    }

    /// It is this from now on.
    pub(crate) fn begins(&mut self, version: Version) {
        self.ends(version.written);
        self.0.push(version);
    }

    /// It is no more what it was.
    pub(crate) fn ends(&mut self, now: Duration) {
        if let Some(last) = self.0.last_mut().filter(|last| last.ended.is_none()) {
            last.ended = Some(now);
        }
    }

    /// The latest version with this tag.
    pub(crate) fn tagged(&self, etag: &ETag) -> Option<&Version> {
        self.0.iter().rev().find(|version| version.etag == *etag)
    }

    /// The latest version with these bytes and headers.
    pub(crate) fn of(&self, bytes: &Bytes, headers: &Headers) -> Option<usize> {
        self.0.iter().rposition(|version| version.bytes == *bytes && version.headers == *headers)
    }

    pub(crate) fn has_bytes(&self, bytes: &Bytes) -> bool {
        self.0.iter().any(|version| version.bytes == *bytes)
    }
}
