//! Where an ignore list is found: in its parameter, or in the object that the parameter names. Pure.

use longhaul::object::{KeyError, ObjectKey};

/// The beginning of the one line that names an object.
const SCHEME: &str = "s3://";

/// An ignore list, or the place of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IgnoreText<'a> {
    /// The list itself, one pattern a line.
    Lines(&'a str),
    /// An object that holds the list: a list can be longer than a parameter.
    Object { bucket: &'a str, key: ObjectKey },
}

/// Takes a parameter's text for what it is. Only a text of one line can name an object; a pattern never begins with
/// `s3://`, since patterns are matched on `bucket/key`.
pub(crate) fn find(text: &str) -> Result<IgnoreText<'_>, KeyError> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next().and_then(|line| line.strip_prefix(SCHEME)), lines.next()) {
        (Some(place), None) => {
            let (bucket, key) = place.split_once('/').unwrap_or((place, ""));
            Ok(IgnoreText::Object { bucket, key: ObjectKey::new(key)? })
        }
        _ => Ok(IgnoreText::Lines(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_with_a_scheme_names_an_object() {
        let key = ObjectKey::new("lists/ignore a.txt").unwrap();
        let object = IgnoreText::Object { bucket: "bucket", key };
        assert_eq!(find("s3://bucket/lists/ignore a.txt"), Ok(object.clone()));
        assert_eq!(find("\n  s3://bucket/lists/ignore a.txt \n\n"), Ok(object));
        assert!(find("s3://bucket").is_err() && find("s3://bucket/").is_err());
    }

    #[test]
    fn anything_else_is_the_list() {
        for text in ["", "*.tmp\n# s3://bucket/list\n", "s3://bucket/list\n*.tmp", "bucket/s3://x"] {
            assert_eq!(find(text), Ok(IgnoreText::Lines(text)));
        }
    }

    /// Only one line that begins with the scheme names an object, and it names it byte for byte.
    fn hold(bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        match find(text) {
            Ok(IgnoreText::Lines(lines)) => assert_eq!(lines, text),
            Ok(IgnoreText::Object { bucket, key }) => {
                assert_eq!(text.trim(), format!("s3://{bucket}/{key}"));
                assert!(!bucket.contains('/'));
            }
            Err(error) => fuzz::has_words(&error, text.len()),
        }
    }

    #[test]
    fn hostile_texts_hold() {
        fuzz::replay("ignore_place", hold);
    }
}
