//! How far a scan has come in a list of keys, as a text that the record of its range keeps. Pure.
//!
//! A list need not be in the order of its keys, so its place is counted: the files that are done, and the entries of the next
//! one. The tag tells which list that was, since in another one the same place is another one. A cursor that is further on is
//! greater as a text, by which the record goes; so a list that is begun anew counts how often it was.

use std::fmt;

use crate::object::ETag;

/// A place in a list, behind what is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListPlace {
    /// Files that are done.
    pub files: u32,
    /// Entries of the next file that are done.
    pub entries: u64,
}

/// A place in a list of this tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListCursor {
    /// How often the list was begun anew.
    pub begun_anew: u32,
    /// How far it is done.
    pub place: ListPlace,
    /// The tag of the list, or of its manifest.
    pub tag: ETag,
}

impl ListCursor {
    /// Reads a text; `None` is one of an earlier version, which tells of no tag.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(5, ' ');
        words.next().filter(|word| *word == "list")?;
        let begun_anew = words.next()?.parse().ok()?;
        let place = ListPlace { files: words.next()?.parse().ok()?, entries: words.next()?.parse().ok()? };
        Some(Self { begun_anew, place, tag: ETag::new(words.next()?) })
    }
}

impl fmt::Display for ListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { begun_anew, place: ListPlace { files, entries }, tag } = self;
        write!(f, "list {begun_anew:010} {files:010} {entries:020} {}", tag.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(begun_anew: u32, files: u32, entries: u64, tag: &str) -> ListCursor {
        ListCursor { begun_anew, place: ListPlace { files, entries }, tag: ETag::new(tag) }
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let written = cursor(1, 2, 300, "a tag-2");
        assert_eq!(written.to_string(), "list 0000000001 0000000002 00000000000000000300 a tag-2");
        assert_eq!(ListCursor::parse(&written.to_string()), Some(written));
    }

    #[test]
    fn what_is_further_on_is_greater_as_a_text() {
        let earlier_version = "00000000000000000900".to_owned();
        let further = [cursor(0, 0, 99, "z"), cursor(0, 0, 100, "z"), cursor(0, 10, 9, "z"), cursor(1, 0, 1, "a")];
        let texts: Vec<_> = std::iter::once(earlier_version).chain(further.map(|cursor| cursor.to_string())).collect();
        assert!(texts.is_sorted(), "{texts:?}");
        assert_eq!(ListCursor::parse(&texts[0]), None);
    }
}
