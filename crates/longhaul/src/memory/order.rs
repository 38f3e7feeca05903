//! Orders in which stores list, for a bucket in memory.

use std::cmp::Ordering;

use crate::object::Timestamp;

/// An order of keys. Stores of all these kinds are met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyOrder {
    /// Bytes of UTF-8, as Amazon S3.
    #[default]
    Bytes,
    /// Folder by folder, as a file system is walked: `p/x` before `p (1)/x`.
    Tree,
    /// Units of UTF-16: characters of the supplementary planes before U+E000.
    Utf16,
    /// Without regard to upper and lower case, which only decides between what is else the same.
    CaseBlind,
    /// As keys were written.
    Insertion,
}

impl KeyOrder {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Bytes, Self::Tree, Self::Utf16, Self::CaseBlind, Self::Insertion];

    /// Which key is listed first; each is given with the time when it was written.
    pub(crate) fn compare(self, one: (&str, Timestamp), other: (&str, Timestamp)) -> Ordering {
        let (a, b) = (one.0, other.0);
        match self {
            Self::Bytes => a.cmp(b),
            Self::Tree => a.split('/').cmp(b.split('/')),
            Self::Utf16 => a.encode_utf16().cmp(b.encode_utf16()),
            Self::CaseBlind => a.to_lowercase().cmp(&b.to_lowercase()).then_with(|| a.cmp(b)),
            Self::Insertion => one.1.cmp(&other.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(order: KeyOrder, keys: &[&'static str]) -> Vec<&'static str> {
        let mut keys: Vec<_> = keys.iter().zip(1..).map(|(key, time)| (*key, Timestamp(time))).collect();
        keys.sort_by(|a, b| order.compare(*a, *b));
        keys.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn orders_differ_where_stores_do() {
        let keys = ["p0", "p/x", "p (1)/x", "P", "\u{e000}", "\u{10000}"];
        assert_eq!(sorted(KeyOrder::Bytes, &keys), ["P", "p (1)/x", "p/x", "p0", "\u{e000}", "\u{10000}"]);
        assert_eq!(sorted(KeyOrder::Tree, &keys), ["P", "p/x", "p (1)/x", "p0", "\u{e000}", "\u{10000}"]);
        assert_eq!(sorted(KeyOrder::Utf16, &keys), ["P", "p (1)/x", "p/x", "p0", "\u{10000}", "\u{e000}"]);
        assert_eq!(sorted(KeyOrder::CaseBlind, &keys)[..2], ["P", "p (1)/x"]);
        assert_eq!(sorted(KeyOrder::Insertion, &keys), keys);
    }
}
