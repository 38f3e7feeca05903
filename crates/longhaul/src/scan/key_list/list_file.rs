//! Reads one file of a list of keys as a stream: unpacks, checks, cuts into rows.
//!
//! Memory holds one chunk, one step of unpacking and one row, however long the file is. What was read before an error has
//! been handed on.

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};

use crate::{
    object::{Hasher, Md5, WithMd5},
    scan::key_list::{
        columns::{BrokenRow, ListedKey},
        gunzip::{Gunzip, MAGIC},
        inventory::ManifestError,
        rows::{Form, Passed, Rows},
    },
    store::StoreError,
};

/// A list that cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum KeyListError {
    /// The store of the list.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// One of its rows.
    #[error("the list {file}, {row}")]
    Row {
        /// Which file.
        file: String,
        /// Where, and what is wrong.
        row: BrokenRow,
    },
    /// It cannot be unpacked.
    #[error("the list {file} is a gzip file that is damaged or breaks off")]
    Gzip {
        /// Which file.
        file: String,
        /// What the decoder says.
        #[source]
        source: std::io::Error,
    },
    /// It is not the file that its manifest means.
    #[error(
        "the list {file} has the MD5 {found}, and its manifest names {named}: keys that it named may be wrong or missing"
    )]
    Checksum {
        /// Which file.
        file: String,
        /// The MD5 of the manifest.
        named: String,
        /// The MD5 of the bytes that were read.
        found: String,
    },
    /// It has not the length of the file that its manifest means.
    #[error("the list {file} has {found} bytes, and its manifest names {named}: it is another file")]
    Length {
        /// Which file.
        file: String,
        /// The bytes that the manifest names.
        named: u64,
        /// The bytes that it has.
        found: u64,
    },
    /// The manifest.
    #[error("the manifest {file} cannot be used")]
    Manifest {
        /// Which file.
        file: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// The manifest is about another bucket.
    #[error("the manifest {file} lists the bucket {listed:?}, and objects are read from {bucket:?}")]
    OtherBucket {
        /// Which file.
        file: String,
        /// The bucket that it lists.
        listed: String,
        /// The bucket that is meant.
        bucket: String,
    },
    /// The manifest is too large to be one.
    #[error(
        "{file} has {size} bytes: too many for a manifest of an S3 Inventory; name a CSV file .csv and a plain list .txt"
    )]
    TooLarge {
        /// Which file.
        file: String,
        /// Its bytes.
        size: u64,
    },
}

/// One file of keys that is being read.
pub struct KeyList<'a> {
    file: String,
    chunks: BoxStream<'a, Result<Bytes, StoreError>>,
    checksum: Option<(Hasher, Md5)>,
    raw: Bytes,
    text: Bytes,
    packing: Packing,
    rows: Rows,
    stage: Stage,
}

enum Packing {
    /// The first two bytes will tell.
    Unknown,
    Plain,
    Gzip(Box<Gunzip>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Chunks,
    /// All chunks are there.
    Rest,
    Ended,
}

impl<'a> KeyList<'a> {
    /// The list in `chunks`, about objects of `bucket`; `file` names it in errors.
    pub fn new(
        file: impl Into<String>,
        chunks: BoxStream<'a, Result<Bytes, StoreError>>,
        form: Form,
        bucket: &str,
    ) -> Self {
        Self {
            file: file.into(),
            chunks,
            checksum: None,
            raw: Bytes::new(),
            text: Bytes::new(),
            packing: Packing::Unknown,
            rows: Rows::new(form, bucket),
            stage: Stage::Chunks,
        }
    }

    /// The chunks must have this MD5, packed as they are. At the end it is an error if they have not.
    pub fn with_md5(self, md5: Md5) -> Self {
        Self { checksum: Some((Hasher::new(WithMd5::Yes), md5)), ..self }
    }

    /// What was passed over so far.
    pub fn passed(&self) -> Passed {
        self.rows.passed()
    }

    /// The next key, or the end. After an error there is nothing more.
    pub async fn next(&mut self) -> Result<Option<ListedKey>, KeyListError> {
        let next = self.read_on().await;
        if !matches!(next, Ok(Some(_))) {
            self.stage = Stage::Ended;
            (self.raw, self.text) = (Bytes::new(), Bytes::new());
        }
        next
    }

    async fn read_on(&mut self) -> Result<Option<ListedKey>, KeyListError> {
        loop {
            if let Some(entry) = self.row_of_text()? {
                return Ok(Some(entry));
            }
            if self.unpack()? {
                continue;
            }
            match self.stage {
                Stage::Ended => return Ok(None),
                Stage::Rest => {
                    self.stage = Stage::Ended;
                    let last = self.rows.finish().map_err(|row| self.broken(row))?;
                    self.check()?;
                    return Ok(last);
                }
                Stage::Chunks => match self.chunks.next().await.transpose()? {
                    Some(chunk) => self.take(chunk),
                    None => self.end()?,
                },
            }
        }
    }

    fn row_of_text(&mut self) -> Result<Option<ListedKey>, KeyListError> {
        let mut rest = &self.text[..];
        let taken = self.rows.take(&mut rest);
        let left = rest.len();
        let used = self.text.len() - left;
        let _ = self.text.split_to(used);
        taken.map_err(|row| self.broken(row))
    }

    /// Makes text of some of the bytes that are there; `false` if there are none.
    fn unpack(&mut self) -> Result<bool, KeyListError> {
        if self.raw.is_empty() {
            return Ok(false);
        }
        match &mut self.packing {
            Packing::Unknown => Ok(false),
            Packing::Plain => {
                self.text = std::mem::take(&mut self.raw);
                Ok(true)
            }
            Packing::Gzip(gunzip) => {
                let mut rest = &self.raw[..];
                let some = gunzip.step(&mut rest);
                let used = self.raw.len() - rest.len();
                let _ = self.raw.split_to(used);
                let file = &self.file;
                self.text = some.map_err(|source| KeyListError::Gzip { file: file.clone(), source })?.into();
                Ok(true)
            }
        }
    }

    fn take(&mut self, chunk: Bytes) {
        if let Some((hasher, _)) = &mut self.checksum {
            hasher.update(&chunk);
        }
        // Only a first chunk of one byte is still here.
        self.raw = if self.raw.is_empty() { chunk } else { [&self.raw[..], &chunk[..]].concat().into() };
        if matches!(self.packing, Packing::Unknown) && self.raw.len() >= MAGIC.len() {
            self.packing = if self.raw.starts_with(&MAGIC) { Packing::Gzip(Box::default()) } else { Packing::Plain };
        }
    }

    fn end(&mut self) -> Result<(), KeyListError> {
        self.stage = Stage::Rest;
        match std::mem::replace(&mut self.packing, Packing::Plain) {
            Packing::Unknown | Packing::Plain => {}
            Packing::Gzip(gunzip) => {
                let file = &self.file;
                self.text = gunzip.finish().map_err(|source| KeyListError::Gzip { file: file.clone(), source })?.into();
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), KeyListError> {
        let Some((hasher, named)) = &self.checksum else { return Ok(()) };
        match hasher.md5() {
            Some(found) if found != *named => {
                Err(KeyListError::Checksum { file: self.file.clone(), named: named.to_hex(), found: found.to_hex() })
            }
            _ => Ok(()),
        }
    }

    fn broken(&self, row: BrokenRow) -> KeyListError {
        KeyListError::Row { file: self.file.clone(), row }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use futures_util::stream;

    use super::*;
    use crate::store::{ErrorKind, chain};

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    pub(crate) fn list(bytes: &[u8], chunk: usize) -> KeyList<'static> {
        let chunks: Vec<_> = bytes.chunks(chunk).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        KeyList::new("keys.txt", stream::iter(chunks).boxed(), Form::Lines, "b")
    }

    async fn keys(mut list: KeyList<'_>) -> (Vec<String>, Option<String>) {
        let mut keys = Vec::new();
        loop {
            match list.next().await {
                Ok(Some(entry)) => keys.push(entry.key.into()),
                Ok(None) => return (keys, None),
                Err(error) => return (keys, Some(chain(&error))),
            }
        }
    }

    #[tokio::test]
    async fn a_packed_list_is_unpacked_whatever_its_name_and_its_chunks() {
        let text: String = (0..2000).map(|number| format!("photos/{number}\n")).collect();
        let expected: Vec<&str> = text.lines().collect();
        for chunk in [1, 2, 7, 100_000] {
            assert_eq!(
                keys(list(&packed(&text), chunk)).await,
                (expected.iter().map(ToString::to_string).collect(), None)
            );
            assert_eq!(keys(list(text.as_bytes(), chunk)).await.0, expected);
        }
    }

    #[tokio::test]
    async fn a_list_of_one_byte_or_none_is_read() {
        assert_eq!(keys(list(b"k", 1)).await, (vec!["k".to_owned()], None));
        assert_eq!(keys(list(b"", 1)).await, (vec![], None));
    }

    #[tokio::test]
    async fn bytes_with_another_md5_are_an_error_at_the_end() {
        let md5 = |text| Md5::from_hex(text).unwrap();
        let right = list(b"abc", 2).with_md5(md5("900150983cd24fb0d6963f7d28e17f72"));
        assert_eq!(keys(right).await, (vec!["abc".to_owned()], None));
        let (before, error) = keys(list(b"a\nb\n", 2).with_md5(md5("900150983cd24fb0d6963f7d28e17f72"))).await;
        assert_eq!(before, ["a", "b"]);
        assert!(error.unwrap().contains("its manifest names 900150983cd24fb0d6963f7d28e17f72"));
    }

    #[tokio::test]
    async fn a_packed_list_that_breaks_off_is_an_error() {
        let body = packed("a\nb\n");
        let error = keys(list(&body[..body.len() - 4], 5)).await.1.unwrap();
        assert!(error.contains("keys.txt is a gzip file that is damaged or breaks off"), "{error}");
    }

    #[tokio::test]
    async fn an_error_names_file_and_line_and_ends_the_list() {
        let mut list = list(b"a\n\xff\nb\n", 100);
        assert!(list.next().await.unwrap().is_some());
        assert_eq!(list.next().await.unwrap_err().to_string(), "the list keys.txt, line 2: it is not UTF-8");
        assert!(list.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn an_error_of_the_store_is_no_end() {
        let broken = StoreError::new(ErrorKind::Unavailable, "GetObject", "gone away");
        let chunks = stream::iter([Ok(Bytes::from_static(b"a\nb")), Err(broken)]);
        let (before, error) = keys(KeyList::new("keys.txt", chunks.boxed(), Form::Lines, "b")).await;
        assert_eq!(before, ["a"]);
        assert!(error.unwrap().contains("gone away"));
    }
}
