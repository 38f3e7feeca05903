//! What the file system says of one state of a file, and the tag made of it.
//!
//! A file that is written in place, to the same size, within one tick of the file system's clock (some milliseconds)
//! keeps its stamp: that one change a stamp cannot see. Whoever sets the modification time back moves the ctime.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use longhaul::object::{ETag, FileTag, Headers, ObjectInfo, Timestamp};
use rustix::fs::Stat;

const NANOS_PER_MILLI: i128 = 1_000_000;
const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// One state of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(FileTag);

impl Stamp {
    pub(crate) fn of(stat: &Stat) -> Self {
        Self(FileTag {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: i128::from(stat.st_mtime) * NANOS_PER_SECOND + i128::from(stat.st_mtime_nsec),
            inode: i128::from(stat.st_ino),
            ctime_ns: Some(i128::from(stat.st_ctime) * NANOS_PER_SECOND + i128::from(stat.st_ctime_nsec)),
        })
    }

    pub(crate) fn size(self) -> u64 {
        self.0.size
    }

    /// Whether both are of one file, whatever its state.
    pub(crate) fn is_same_file(self, other: Self) -> bool {
        self.0.inode == other.0.inode
    }

    pub(crate) fn to_text(self) -> String {
        self.etag().as_str().to_owned()
    }

    /// Reads what [`Self::to_text`] wrote.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        FileTag::of(&ETag::new(text)).map(Self)
    }

    pub(crate) fn etag(self) -> ETag {
        self.0.to_etag()
    }

    pub(crate) fn modified(self) -> Timestamp {
        Timestamp(i64::try_from(self.0.mtime_ns.div_euclid(NANOS_PER_MILLI)).unwrap_or(i64::MAX))
    }

    /// The file as an object; its type is guessed from the name.
    pub(crate) fn file_info(self, name: &str) -> ObjectInfo {
        let guess = mime_guess::from_path(Path::new(name)).first_raw();
        self.info(self.size(), self.etag(), guess.unwrap_or("application/octet-stream"))
    }

    /// The folder as an empty object, `dir/`.
    pub(crate) fn folder_info(self) -> ObjectInfo {
        self.info(0, folder_etag(), "application/x-directory")
    }

    fn info(self, size: u64, etag: ETag, content_type: &str) -> ObjectInfo {
        ObjectInfo {
            size,
            etag,
            version_id: None,
            modified: self.modified(),
            crc64nvme: None,
            headers: Headers { content_type: Some(content_type.to_owned()), ..Headers::default() },
            storage_class: None,
            tags: 0,
            not_carried: Vec::new(),
        }
    }
}

/// The tag of every folder: its content as an object is always empty, whatever comes and goes in it.
pub(crate) fn folder_etag() -> ETag {
    ETag::new("folder")
}

/// The system's form of a time.
pub(crate) fn system_time(time: Timestamp) -> SystemTime {
    let distance = Duration::from_millis(time.0.unsigned_abs());
    if time.0 < 0 { SystemTime::UNIX_EPOCH - distance } else { SystemTime::UNIX_EPOCH + distance }
}

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(mtime_ns: i128) -> Stamp {
        Stamp(FileTag { size: 0, mtime_ns, inode: 42, ctime_ns: Some(9) })
    }

    #[test]
    fn a_stamp_survives_its_text() {
        assert_eq!(Stamp::from_text(&stamp(-5).to_text()), Some(stamp(-5)));
        assert_eq!(Stamp::from_text("7-8"), None);
    }

    #[test]
    fn times_before_the_epoch_round_down() {
        assert_eq!(stamp(-1).modified(), Timestamp(-1));
        assert_eq!(system_time(Timestamp(-1)), SystemTime::UNIX_EPOCH - Duration::from_millis(1));
    }

    #[test]
    fn the_content_type_is_guessed_from_the_name() {
        assert_eq!(stamp(0).file_info("a.html").headers.content_type.as_deref(), Some("text/html"));
        assert_eq!(stamp(0).file_info("a").headers.content_type.as_deref(), Some("application/octet-stream"));
    }
}
