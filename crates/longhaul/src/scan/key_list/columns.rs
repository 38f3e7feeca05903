//! What stands in a row of a list of keys, and what a row says. Pure.

use std::{borrow::Cow, str};

use crate::object::{ETag, ObjectKey, VersionId, form_decoded};

/// Nobody can tell a key from a bucket or a size by what it looks like.
const UNNAMED: &str = "it has several columns, and no first row says what they are: begin the file with their names, such as \
    bucket,key,size; or put a key that has a comma in quotes";

/// One object that a list names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// Its key at the source, decoded.
    pub key: ObjectKey,
    /// Its bytes, where the list has them.
    pub size: Option<u64>,
    /// Its version, where the list has it. What is copied is the current version all the same.
    pub version_id: Option<VersionId>,
    /// Its tag, where the list has it.
    pub etag: Option<ETag>,
}

impl ListedKey {
    /// A key of which the list says nothing more.
    pub fn bare(key: ObjectKey) -> Self {
        Self { key, size: None, version_id: None, etag: None }
    }
}

/// How keys are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are.
    Plain,
    /// Form-encoded: `%2F` is a slash, `+` and `%20` are spaces.
    Form,
}

/// Where in a row what stands. Columns count from 0; those that are not named here are passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    width: Option<usize>,
    encoding: Encoding,
    key: usize,
    bucket: Option<usize>,
    size: Option<usize>,
    version_id: Option<usize>,
    etag: Option<usize>,
    is_latest: Option<usize>,
    is_delete_marker: Option<usize>,
    names: usize,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// An object.
    Entry(ListedKey),
    /// A version that is not the current one.
    NotCurrent,
    /// The mark of a deletion.
    DeleteMarker,
}

impl Columns {
    /// Columns of these names, whatever their case; `None` if none of them is `Key`.
    pub fn named<'a>(names: impl Iterator<Item = &'a str>, encoding: Encoding) -> Option<Self> {
        let names: Vec<String> = names.map(|name| name.replace(['_', ' '], "").to_ascii_lowercase()).collect();
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        Some(Self {
            width: None,
            encoding,
            key: place("key")?,
            bucket: place("bucket"),
            size: place("size"),
            version_id: place("versionid"),
            etag: place("etag"),
            is_latest: place("islatest"),
            is_delete_marker: place("isdeletemarker"),
            names: names.len(),
        })
    }

    /// The key alone, as it is.
    pub fn key_alone() -> Self {
        Self::key_first().of_exact_width()
    }

    fn key_first() -> Self {
        let none = None;
        let (bucket, size, version_id, etag, is_latest, is_delete_marker) = (none, none, none, none, none, none);
        let (width, encoding, key, names) = (None, Encoding::Plain, 0, 1);
        Self { width, encoding, key, bucket, size, version_id, etag, is_latest, is_delete_marker, names }
    }

    /// Bucket, encoded key and perhaps version, as a manifest of S3 Batch Operations has them (S3 User Guide, "Creating an
    /// S3 Batch Operations job").
    pub fn of_batch_operations() -> Self {
        Self { encoding: Encoding::Form, key: 1, bucket: Some(0), version_id: Some(2), names: 2, ..Self::key_first() }
    }

    /// Every row must have as many columns as have names.
    pub fn of_exact_width(self) -> Self {
        Self { width: Some(self.names), ..self }
    }

    /// Whether anything is asked for that stands in this column.
    pub fn has(&self, column: usize) -> bool {
        let others = [self.bucket, self.size, self.version_id, self.etag, self.is_latest, self.is_delete_marker];
        column == self.key || others.contains(&Some(column))
    }

    /// What the row of `fields` says. The error says what is wrong with it and quotes nothing: the file may be another than the
    /// one that was meant.
    pub fn read(&self, fields: &[&[u8]], bucket: &str) -> Result<Row, String> {
        match self.width {
            Some(1) if fields.len() > 1 => return Err(UNNAMED.to_owned()),
            Some(width) if width != fields.len() => {
                return Err(format!("it has {} columns and not {width}", fields.len()));
            }
            Some(_) | None => {}
        }
        let fields = Fields(fields);
        if fields.text(self.bucket)?.is_some_and(|named| named != bucket) {
            return Err(format!("it names another bucket, and objects are read from {bucket:?}"));
        }
        if fields.flag(self.is_delete_marker)? == Some(true) {
            return Ok(Row::DeleteMarker);
        }
        if fields.flag(self.is_latest)? == Some(false) {
            return Ok(Row::NotCurrent);
        }
        let key = fields.text(Some(self.key))?.ok_or("it has no key")?;
        Ok(Row::Entry(ListedKey {
            key: ObjectKey::new(self.decoded(key)?).map_err(|error| error.to_string())?,
            size: fields.number(self.size)?,
            version_id: fields.text(self.version_id)?.and_then(VersionId::new),
            etag: fields.text(self.etag)?.map(ETag::new),
        }))
    }

    fn decoded<'a>(&self, key: &'a str) -> Result<Cow<'a, str>, String> {
        match self.encoding {
            Encoding::Plain if key.contains('\n') => {
                Err("its key goes on over a line's end: a quote too many, or not closed".to_owned())
            }
            Encoding::Plain => Ok(Cow::Borrowed(key)),
            Encoding::Form => {
                form_decoded(key).map(Cow::Owned).ok_or_else(|| "its key is not form-encoded UTF-8".to_owned())
            }
        }
    }
}

/// The fields of one row. A field that is not there is an empty one.
struct Fields<'a>(&'a [&'a [u8]]);

impl<'a> Fields<'a> {
    fn text(&self, column: Option<usize>) -> Result<Option<&'a str>, String> {
        let Some(bytes) = column.and_then(|column| self.0.get(column)) else { return Ok(None) };
        let text = str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn number(&self, column: Option<usize>) -> Result<Option<u64>, String> {
        let Some(text) = self.text(column)? else { return Ok(None) };
        // The standard library would take a plus sign.
        let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        number.map(Some).ok_or_else(|| "its size is no number of bytes".to_owned())
    }

    fn flag(&self, column: Option<usize>) -> Result<Option<bool>, String> {
        match self.text(column)? {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err("a mark of it is neither true nor false".to_owned()),
        }
    }
}

/// The longest row in bytes, without columns that nobody asks for. A form-encoded key can have three times 1,024; what else is
/// asked for is short.
pub const MAX_ROW: usize = 16 * 1024;

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct BrokenRow {
    /// Counted from 1. A row of several lines is named by its first.
    pub line: u64,
    /// What is wrong with it.
    pub problem: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(columns: &Columns, row: &[&str]) -> Result<Row, String> {
        let fields: Vec<&[u8]> = row.iter().map(|field| field.as_bytes()).collect();
        columns.read(&fields, "b")
    }

    fn inventory() -> Columns {
        let names = ["Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "ETag"];
        Columns::named(names.into_iter(), Encoding::Form).unwrap().of_exact_width()
    }

    #[test]
    fn a_row_of_an_inventory_names_a_decoded_key() {
        let row = read(&inventory(), &["b", "a+b%2Bc/%E6%97%A5.txt", "v1", "true", "false", "12", "e1"]).unwrap();
        let Row::Entry(entry) = row else { panic!("{row:?}") };
        assert_eq!((entry.key.as_str(), entry.size), ("a b+c/日.txt", Some(12)));
        assert_eq!((entry.version_id, entry.etag), (VersionId::new("v1"), Some(ETag::new("e1"))));
    }

    #[test]
    fn what_is_not_current_is_told_apart() {
        let old = ["b", "k", "v1", "false", "false", "12", "e1"];
        assert_eq!(read(&inventory(), &old), Ok(Row::NotCurrent));
        let deleted = ["b", "k", "v2", "true", "true", "", ""];
        assert_eq!(read(&inventory(), &deleted), Ok(Row::DeleteMarker));
    }

    #[test]
    fn a_broken_row_says_what_is_wrong() {
        let words = |row: [&str; 7]| read(&inventory(), &row).unwrap_err();
        assert!(words(["c", "k", "", "true", "false", "1", "e"]).contains("another bucket"));
        assert!(words(["b", "%FF", "", "true", "false", "1", "e"]).contains("not form-encoded UTF-8"));
        assert!(words(["b", "", "", "true", "false", "1", "e"]).contains("no key"));
        assert!(words(["b", "k", "", "true", "false", "+1", "e"]).contains("size is no number"));
        assert!(words(["b", "k", "", "maybe", "false", "1", "e"]).contains("is neither true nor false"));
        assert!(read(&inventory(), &["b", "k"]).unwrap_err().contains("2 columns and not 7"));
    }

    proptest! {
        #[test]
        fn any_key_survives_the_encoding_of_an_inventory(key in "\\PC{1,40}", plus in any::<bool>()) {
            let encoded = percent_encoding::utf8_percent_encode(&key, percent_encoding::NON_ALPHANUMERIC).to_string();
            let encoded = if plus { encoded.replace("%20", "+") } else { encoded };
            let row = read(&inventory(), &["b", &encoded, "", "true", "false", "1", ""]).unwrap();
            let Row::Entry(entry) = row else { panic!("{row:?}") };
            prop_assert_eq!(entry.key.as_str(), key);
        }
    }
}
