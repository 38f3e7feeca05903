//! Turns a key into a path below a folder, or says why it cannot be one.
//!
//! A key is refused by name and never changed: two keys never become one path, and no path leaves the folder. Nothing
//! here performs I/O.

use longhaul::object::ObjectKey;

/// What begins the names of longhaul's own files, which are no objects.
pub(crate) const OWN_PREFIX: &str = ".longhaul-";

/// The longest name of a file or folder (`NAME_MAX`).
const MAX_SEGMENT: usize = 255;
/// The longest path that programs can open (`PATH_MAX`, with its NUL). Longhaul itself walks step by step and could go
/// on.
const MAX_PATH: usize = 4096;
/// Bytes of the longest own name, which is made beside the object: its path must fit too.
const OWN_NAME_ROOM: usize = 80;

/// A key as folders and a last name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    parents: Vec<String>,
    last: String,
    is_folder: bool,
}

/// Why a key is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the key begins with `/` or contains `//`, and a folder cannot hold an empty name")]
    EmptySegment,
    #[error("the key contains the segment {0:?}, which means another folder")]
    DotSegment(String),
    #[error("the key contains a NUL character")]
    Nul,
    #[error("the key contains a segment of {0} bytes, and a file name has at most {MAX_SEGMENT}")]
    LongSegment(usize),
    #[error("the key contains a segment that begins with `{OWN_PREFIX}`, which longhaul keeps for its own files")]
    OwnName,
    #[error("the path would have {0} bytes, more than programs can open")]
    LongPath(usize),
}

impl Name {
    /// Takes a key apart; `root_bytes` is the length of the folder's own path.
    pub(crate) fn parse(key: &ObjectKey, root_bytes: usize) -> Result<Self, Refusal> {
        let text = key.as_str();
        let (path, is_folder) = match text.strip_suffix('/') {
            Some(path) => (path, true),
            None => (text, false),
        };
        path.split('/').try_for_each(check_segment)?;
        let bytes = root_bytes + 1 + path.len();
        if bytes + OWN_NAME_ROOM >= MAX_PATH {
            return Err(Refusal::LongPath(bytes));
        }
        let (parents, last) = path.rsplit_once('/').unwrap_or(("", path));
        Ok(Self { parents: segments(parents).map(str::to_owned).collect(), last: last.to_owned(), is_folder })
    }

    /// The folders above the last name.
    pub(crate) fn parents(&self) -> &[String] {
        &self.parents
    }

    /// The file's or folder's own name.
    pub(crate) fn last(&self) -> &str {
        &self.last
    }

    /// Whether the key ends in `/` and so means the folder itself.
    pub(crate) fn is_folder(&self) -> bool {
        self.is_folder
    }
}

/// The names in `a/b/`; none in the empty text.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split_terminator('/')
}

/// Whether `segment` can be the name of a file or folder that is an object or leads to one.
pub(crate) fn check_segment(segment: &str) -> Result<(), Refusal> {
    match segment {
        "" => Err(Refusal::EmptySegment),
        "." | ".." => Err(Refusal::DotSegment(segment.to_owned())),
        _ if segment.contains('\0') => Err(Refusal::Nul),
        _ if segment.len() > MAX_SEGMENT => Err(Refusal::LongSegment(segment.len())),
        _ if segment.starts_with(OWN_PREFIX) => Err(Refusal::OwnName),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(key: &str) -> Result<Name, Refusal> {
        Name::parse(&ObjectKey::new(key).unwrap(), 10)
    }

    #[test]
    fn a_key_is_its_folders_and_a_name() {
        let name = parse("a/b c/d.txt").unwrap();
        assert_eq!((name.parents(), name.last()), (&["a".to_owned(), "b c".to_owned()][..], "d.txt"));
        assert!(!name.is_folder());
        assert!(parse("a").unwrap().parents().is_empty());
    }

    #[test]
    fn a_key_that_ends_in_a_slash_means_the_folder() {
        let name = parse("a/b/").unwrap();
        assert_eq!((name.parents(), name.last(), name.is_folder()), (&["a".to_owned()][..], "b", true));
    }

    #[test]
    fn empty_segments_are_refused() {
        for key in ["/", "//", "/a", "a//b", "a//", "//a"] {
            assert_eq!(parse(key), Err(Refusal::EmptySegment), "{key}");
        }
    }

    #[test]
    fn segments_that_mean_another_folder_are_refused() {
        for key in [".", "..", "a/../b", "../a", "a/.", "a/..", "./a", "a/../", "./"] {
            assert!(matches!(parse(key), Err(Refusal::DotSegment(_))), "{key}");
        }
        assert!(parse("...").is_ok());
        assert!(parse("a/..b/c..").is_ok());
    }

    #[test]
    fn names_that_a_file_system_cannot_hold_are_refused() {
        assert_eq!(parse("a\0b"), Err(Refusal::Nul));
        assert_eq!(parse(&"é".repeat(128)), Err(Refusal::LongSegment(256)));
        assert!(parse(&"a".repeat(255)).is_ok());
        let key = ObjectKey::new("a/".repeat(500) + "b").unwrap();
        assert_eq!(Name::parse(&key, 3100), Err(Refusal::LongPath(4102)));
    }

    #[test]
    fn own_names_are_refused_anywhere_in_the_key() {
        for key in [".longhaul-x", "a/.longhaul-", ".longhaul-x/a", ".longhaul-x/"] {
            assert_eq!(parse(key), Err(Refusal::OwnName), "{key}");
        }
        assert!(parse(".longhaul").is_ok());
        assert!(parse("a.longhaul-b").is_ok());
    }

    #[test]
    fn no_two_accepted_keys_become_one_path_and_none_leaves_the_folder() {
        let pieces = ["a", "b", "/", ".", "..", "\0", ".longhaul-", "é"];
        let mut keys = vec![String::new()];
        for _ in 0..4 {
            let longer = keys.iter().flat_map(|key| pieces.iter().map(move |piece| format!("{key}{piece}")));
            keys = longer.chain([String::new()]).collect();
        }
        for key in keys.iter().filter(|key| !key.is_empty()) {
            let Ok(name) = parse(key) else { continue };
            let mut path = name.parents().to_vec();
            path.push(name.last().to_owned());
            assert!(path.iter().all(|segment| check_segment(segment).is_ok()), "{key}");
            let end = if name.is_folder() { "/" } else { "" };
            assert_eq!(path.join("/") + end, *key);
        }
    }
}
