//! The tag of a local file, and what two of them tell. Pure.
//!
//! `size-mtime-inode-cctime`, times in nanoseconds since the epoch. Anybody can set the mtime back; the ctime moves with
//! every change of the bytes, and also where only the mode, the owner or the number of names changed. Tags that the first
//! version of longhaul made have no ctime: what they do not say is not held against them.

use crate::object::version::{ETag, Pin};

/// One state of a local file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileTag {
    /// Bytes.
    pub size: u64,
    /// When the bytes changed last, as anybody may say.
    pub mtime_ns: i128,
    /// The file's number in its file system.
    pub inode: i128,
    /// When anything of the file changed last, as the system says.
    pub ctime_ns: Option<i128>,
}

impl FileTag {
    /// The tag.
    pub fn to_etag(self) -> ETag {
        let Self { size, mtime_ns, inode, ctime_ns } = self;
        let ctime = ctime_ns.map(|ctime| format!("-c{ctime}")).unwrap_or_default();
        ETag::new(&format!("{size}-{mtime_ns}-{inode}{ctime}"))
    }

    /// Reads what [`Self::to_etag`] wrote. A time before 1970 has a minus of its own.
    pub fn of(tag: &ETag) -> Option<Self> {
        let text = tag.as_str();
        let (text, ctime_ns) = match text.split_once("-c") {
            Some((text, ctime)) => (text, Some(ctime.parse().ok()?)),
            None => (text, None),
        };
        let (size, rest) = text.split_once('-')?;
        let (mtime, inode) = rest.rsplit_once('-')?;
        Some(Self { size: size.parse().ok()?, mtime_ns: mtime.parse().ok()?, inode: inode.parse().ok()?, ctime_ns })
    }

    fn without_ctime(self) -> Self {
        Self { ctime_ns: None, ..self }
    }
}

impl ETag {
    /// Whether both name the same state, as far as both know of it.
    pub fn is_same_state(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        let (Some(a), Some(b)) = (FileTag::of(self), FileTag::of(other)) else { return false };
        (a.ctime_ns.is_none() || b.ctime_ns.is_none()) && a.without_ctime() == b.without_ctime()
    }
}

impl Pin {
    /// Whether it is the state of a local file.
    pub(crate) fn is_of_file(&self) -> bool {
        FileTag::of(&self.etag).is_some()
    }

    /// Whether both are states of a file between which nothing but the ctime moved. Its bytes may be the same, or may have been
    /// rewritten and the time set back: only reading tells.
    pub(crate) fn is_touched(&self, other: &Self) -> bool {
        let (Some(a), Some(b)) = (FileTag::of(&self.etag), FileTag::of(&other.etag)) else { return false };
        let moved = a.ctime_ns.zip(b.ctime_ns).is_some_and(|(a, b)| a != b);
        moved && a.without_ctime() == b.without_ctime()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> ETag {
        ETag::new(text)
    }

    #[test]
    fn a_tag_survives_its_text_also_before_1970() {
        for (mtime_ns, ctime_ns) in [(1_700_000_000_123_456_789, Some(5)), (0, None), (-5, Some(-7)), (-5, None)] {
            let state = FileTag { size: 7, mtime_ns, inode: 42, ctime_ns };
            assert_eq!(FileTag::of(&state.to_etag()), Some(state));
        }
        for text in ["7-8", "", "d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e-2", "7-8-9-cx"] {
            assert_eq!(FileTag::of(&tag(text)), None, "{text}");
        }
    }

    #[test]
    fn a_tag_without_ctime_is_the_same_state_and_one_with_another_is_not() {
        assert!(tag("7-8-9").is_same_state(&tag("7-8-9-c1")));
        assert!(tag("7-8-9-c1").is_same_state(&tag("7-8-9")));
        assert!(!tag("7-8-9-c1").is_same_state(&tag("7-8-9-c2")));
        assert!(!tag("7-8-9").is_same_state(&tag("7-8-8-c1")));
        assert!(!tag("abc").is_same_state(&tag("abd")));
    }
}
