//! Decides from two listing lines whether an object must be copied.

use crate::object::Listed;

/// What a scan compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    /// Absent, or of another size. A change of equal size is not seen.
    #[default]
    Size,
    /// As by size, and also where the source was written after the destination.
    Newer,
    /// By checksum, asking both sides where the listings do not tell.
    Checksum,
    /// Nothing: everything is copied.
    None,
}

/// What two lines tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Copy.
    Differs(Difference),
    /// Leave alone.
    Same,
    /// The lines do not tell; ask the stores.
    AskChecksums,
}

/// Why an object is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The destination has no such key.
    Absent,
    /// The sizes differ.
    Size,
    /// The source was written later.
    Newer,
    /// The checksums differ, or cannot be compared.
    Checksum,
    /// The ledger has another version as copied, or none.
    Version,
    /// It could not be looked at.
    Unseen,
    /// A message told of it.
    Told,
    /// It was asked for.
    Forced,
}

impl Difference {
    /// The word for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Size => "size",
            Self::Newer => "newer",
            Self::Checksum => "checksum",
            Self::Version => "version",
            Self::Unseen => "unseen",
            Self::Told => "told",
            Self::Forced => "forced",
        }
    }

    /// The difference of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        let by_comparison = [Self::Absent, Self::Size, Self::Newer, Self::Checksum, Self::Version];
        let otherwise = [Self::Unseen, Self::Told, Self::Forced];
        by_comparison.into_iter().chain(otherwise).find(|difference| difference.name() == name)
    }
}

impl Compare {
    /// Compares one source line with its counterpart.
    pub fn decide(self, source: &Listed, destination: Option<&Listed>) -> Decision {
        let Some(destination) = destination else { return Decision::Differs(Difference::Absent) };
        if self == Self::None {
            return Decision::Differs(Difference::Forced);
        }
        if source.size != destination.size {
            return Decision::Differs(Difference::Size);
        }
        match self {
            Self::Newer if source.modified > destination.modified => Decision::Differs(Difference::Newer),
            Self::Checksum if !same_md5(source, destination) => Decision::AskChecksums,
            Self::Size | Self::Newer | Self::Checksum | Self::None => Decision::Same,
        }
    }
}

fn same_md5(source: &Listed, destination: &Listed) -> bool {
    match (&source.etag, &destination.etag) {
        (Some(source), Some(destination)) => source.looks_like_md5() && source == destination,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{ETag, ObjectKey, Timestamp};

    fn line(size: u64, modified: i64, etag: &str) -> Listed {
        Listed {
            key: ObjectKey::new("k").unwrap(),
            size,
            etag: Some(ETag::new(etag)),
            modified: Timestamp(modified),
            version_id: None,
        }
    }

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

    #[test]
    fn by_size_alone_a_change_of_equal_size_is_not_seen() {
        assert_eq!(Compare::Size.decide(&line(1, 9, "a"), Some(&line(1, 5, "b"))), Decision::Same);
        assert_eq!(Compare::Size.decide(&line(1, 9, "a"), Some(&line(2, 5, "a"))), Decision::Differs(Difference::Size));
        assert_eq!(Compare::Size.decide(&line(1, 9, "a"), None), Decision::Differs(Difference::Absent));
    }

    #[test]
    fn newer_also_copies_what_was_written_later() {
        assert_eq!(
            Compare::Newer.decide(&line(1, 9, "a"), Some(&line(1, 5, "b"))),
            Decision::Differs(Difference::Newer)
        );
        assert_eq!(Compare::Newer.decide(&line(1, 5, "a"), Some(&line(1, 9, "b"))), Decision::Same);
    }

    #[test]
    fn checksums_are_asked_for_unless_both_lines_show_one_md5() {
        assert_eq!(Compare::Checksum.decide(&line(1, 9, MD5), Some(&line(1, 5, MD5))), Decision::Same);
        assert_eq!(Compare::Checksum.decide(&line(1, 9, "x-2"), Some(&line(1, 5, "x-2"))), Decision::AskChecksums);
    }

    #[test]
    fn none_copies_everything() {
        assert_eq!(
            Compare::None.decide(&line(1, 1, MD5), Some(&line(1, 1, MD5))),
            Decision::Differs(Difference::Forced)
        );
    }
}
