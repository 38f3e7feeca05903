//! A slice of a route's source keys.
//!
//! Bounds are any text in the byte order of UTF-8, which is the order of listings; they need not be keys. A key that
//! equals a bound belongs to the range that ends there, so two ranges with a common bound share no key and leave none
//! out. Nothing here performs I/O.

use serde::{Deserialize, Serialize};

use crate::object::ObjectKey;

/// A range of more source keys than this is long, and cut: a second or two of listing, so that less is done before others have
/// begun.
pub const LONG: u64 = 20_000;

/// The source keys behind `after`, up to and with `until`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRange {
    /// Only keys behind this text; the empty text is before all keys.
    pub after: String,
    /// The last key that may belong to the range; `None` is the end of the listing.
    pub until: Option<String>,
}

impl KeyRange {
    /// All keys.
    pub fn all() -> Self {
        Self::default()
    }

    /// Whether a key belongs to the range.
    pub fn contains(&self, key: &ObjectKey) -> bool {
        key.as_str() > self.after.as_str() && !self.ends_before(key)
    }

    /// Whether a key lies behind the range.
    pub fn ends_before(&self, key: &ObjectKey) -> bool {
        self.until.as_deref().is_some_and(|until| key.as_str() > until)
    }

    /// The part behind `cursor`, which must not lie before the range.
    pub fn behind(&self, cursor: &str) -> Self {
        Self { after: cursor.to_owned(), until: self.until.clone() }
    }

    /// The parts up to each of `cuts` and the rest. The cuts must be in order, and inside the range.
    pub fn cut_at(&self, cuts: impl IntoIterator<Item = String>) -> Vec<Self> {
        let mut rest = self.clone();
        let mut pieces = Vec::new();
        for cut in cuts {
            let behind = rest.behind(&cut);
            pieces.push(Self { until: Some(cut), ..rest });
            rest = behind;
        }
        pieces.push(rest);
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ObjectKey {
        ObjectKey::new(text).unwrap()
    }

    #[test]
    fn a_key_that_equals_a_cut_belongs_to_the_left_side() {
        let pieces = KeyRange::all().cut_at(["b".to_owned(), "d".to_owned()]);
        let holders = |text: &str| pieces.iter().filter(|piece| piece.contains(&key(text))).collect::<Vec<_>>();
        for (text, place) in [("a", 0), ("b", 0), ("b\u{1}", 1), ("d", 1), ("é", 2)] {
            assert_eq!(holders(text), [&pieces[place]], "{text:?}");
        }
    }

    #[test]
    fn what_is_behind_a_cursor_ends_where_the_range_ends() {
        let range = KeyRange { after: "a".into(), until: Some("m".into()) };
        assert_eq!(range.behind("c"), KeyRange { after: "c".into(), until: Some("m".into()) });
        assert!(range.ends_before(&key("m0")) && !range.ends_before(&key("m")));
    }
}
