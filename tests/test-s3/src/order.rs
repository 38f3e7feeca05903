//! Orders in which stores list that are not Amazon's.

/// In which order a bucket lists its keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// By the bytes of UTF-8.
    #[default]
    Bytes,
    /// Folder by folder, as a file system is walked: `p/x` before `p (1)/x`. SeaweedFS does.
    Tree,
    /// By the units of UTF-16.
    Utf16,
    /// Without regard to upper and lower case, which only decides between what is else the same.
    CaseBlind,
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Bytes, Self::Tree, Self::Utf16, Self::CaseBlind];

    /// What stands in the order of bytes where the key stands in this one.
    pub(crate) fn place(self, key: &str) -> Vec<u8> {
        match self {
            Self::Bytes => key.as_bytes().to_vec(),
            Self::Tree => key.bytes().map(|byte| if byte == b'/' { 0 } else { byte }).collect(),
            Self::Utf16 => key.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::CaseBlind => format!("{}\0{key}", key.to_lowercase()).into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_has_its_own_mind_about_some_keys() {
        let keys = ["P", "p (1)/x", "p/x", "p0", "\u{e000}", "\u{10000}"];
        let listed = |order: Order| {
            let mut keys = keys.to_vec();
            keys.sort_by_key(|key| order.place(key));
            keys
        };
        assert_eq!(listed(Order::Bytes), keys);
        assert_eq!(listed(Order::Tree), ["P", "p/x", "p (1)/x", "p0", "\u{e000}", "\u{10000}"]);
        assert_eq!(listed(Order::Utf16), ["P", "p (1)/x", "p/x", "p0", "\u{10000}", "\u{e000}"]);
        let small = ["b", "A", "a", "B"].map(|key| (Order::CaseBlind.place(key), key));
        assert_eq!(std::collections::BTreeMap::from(small).into_values().collect::<Vec<_>>(), ["A", "a", "B", "b"]);
    }
}
