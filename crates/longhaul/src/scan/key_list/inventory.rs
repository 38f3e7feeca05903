//! The manifest of an S3 Inventory: which files list a bucket's objects, and in which columns. Pure.
//!
//! S3 writes `manifest.json` beside the files of each inventory. (S3 User Guide, "Locating your inventory list".) Only
//! inventories in CSV are read: a reader of Parquet or ORC brings two dozen crates with it, and wants a file at random
//! places, while CSV is read as a stream.

use serde::Deserialize;

use crate::{
    object::{Md5, ObjectKey},
    scan::key_list::columns::{Columns, Encoding},
};

/// The version of the format that is understood, and the only one there is.
const VERSION: &str = "2016-11-30";

/// What an inventory consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The bucket whose objects are listed.
    pub source_bucket: String,
    /// What stands in a row of the files.
    pub columns: Columns,
    /// The files, in the manifest's order.
    pub files: Vec<InventoryFile>,
}

/// One file of an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryFile {
    /// Its key in the bucket that the files were written to.
    pub key: ObjectKey,
    /// Its bytes, compressed as it is.
    pub size: u64,
    /// The MD5 of these bytes.
    pub md5: Md5,
}

/// A manifest that cannot be used. The words say what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is no JSON, or other JSON. Nothing of it is quoted: it may be another file than the one that was meant.
    #[error("it is no manifest of an S3 Inventory (line {line}, column {column})")]
    NotAManifest {
        /// Where it is none.
        line: usize,
        /// And in which column.
        column: usize,
    },
    /// A format that did not exist when this was written.
    #[error("it has version {0:?}, and only version {VERSION:?} is understood")]
    Version(String),
    /// The files are not CSV.
    #[error(
        "the inventory is in {0}, which is not read: configure an inventory in CSV, or name a CSV or text file of keys"
    )]
    Format(String),
    /// The rows do not say which objects they are about.
    #[error("its fileSchema {0:?} has no column Key")]
    Schema(String),
    /// A file without a checksum could be any file.
    #[error("the MD5checksum of its file {file:?} is {value:?}, which is no MD5")]
    Checksum {
        /// Which file.
        file: ObjectKey,
        /// What stands there.
        value: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawManifest {
    source_bucket: String,
    version: String,
    file_format: String,
    file_schema: String,
    files: Vec<RawFile>,
}

#[derive(Deserialize)]
struct RawFile {
    key: ObjectKey,
    size: u64,
    #[serde(rename = "MD5checksum")]
    md5: String,
}

impl Manifest {
    /// Reads `manifest.json`. Fields that are not known are passed over: S3 adds some from time to time.
    pub fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        let raw: RawManifest = serde_json::from_slice(text)
            .map_err(|error| ManifestError::NotAManifest { line: error.line(), column: error.column() })?;
        if raw.version != VERSION {
            return Err(ManifestError::Version(raw.version));
        }
        if !raw.file_format.eq_ignore_ascii_case("CSV") {
            return Err(ManifestError::Format(raw.file_format));
        }
        let names = raw.file_schema.split(',').map(str::trim);
        let columns = Columns::named(names, Encoding::Form).ok_or(ManifestError::Schema(raw.file_schema))?;
        Ok(Self {
            source_bucket: raw.source_bucket,
            columns: columns.of_exact_width(),
            files: raw.files.into_iter().map(RawFile::checked).collect::<Result<_, _>>()?,
        })
    }
}

impl RawFile {
    fn checked(self) -> Result<InventoryFile, ManifestError> {
        let Self { key, size, md5 } = self;
        match Md5::from_hex(&md5) {
            Some(md5) => Ok(InventoryFile { key, size, md5 }),
            None => Err(ManifestError::Checksum { file: key, value: md5 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The example of the S3 User Guide.
    fn example() -> Value {
        json!({
            "sourceBucket": "example-source-bucket",
            "destinationBucket": "arn:aws:s3:::example-inventory-destination-bucket",
            "version": "2016-11-30",
            "creationTimestamp": "1514944800000",
            "fileFormat": "CSV",
            "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass",
            "files": [{
                "key": "Inventory/example-source-bucket/2016-11-06T21-32Z/files/939c6d46-85a9-4ba8-87bd-9db705a579ce.csv.gz",
                "size": 2_147_483_647,
                "MD5checksum": "f11166069f1990abeb9c97ace9cdfabc"
            }]
        })
    }

    fn with(field: &str, value: Value) -> Result<Manifest, ManifestError> {
        let mut manifest = example();
        manifest[field] = value;
        Manifest::parse(manifest.to_string().as_bytes())
    }

    #[test]
    fn the_example_of_the_user_guide_is_read() {
        let manifest = Manifest::parse(example().to_string().as_bytes()).unwrap();
        assert_eq!(manifest.source_bucket, "example-source-bucket");
        assert_eq!(manifest.files[0].md5.to_hex(), "f11166069f1990abeb9c97ace9cdfabc");
        assert!(manifest.files[0].key.as_str().ends_with(".csv.gz"));
    }

    #[test]
    fn other_formats_are_refused_with_what_to_do() {
        for format in ["ORC", "Parquet"] {
            let words = with("fileFormat", json!(format)).unwrap_err().to_string();
            assert!(words.contains(format) && words.contains("configure an inventory in CSV"), "{words}");
        }
    }

    #[test]
    fn a_manifest_that_cannot_be_used_says_why() {
        let words = |field, value| with(field, value).unwrap_err().to_string();
        assert!(words("version", json!("2030-01-01")).contains("\"2030-01-01\""));
        assert!(words("fileSchema", json!("Bucket, Size")).contains("has no column Key"));
        let file = json!([{"key": "f.csv.gz", "size": 1, "MD5checksum": "abc"}]);
        assert!(words("files", file).contains("\"abc\", which is no MD5"));
        assert!(
            words("files", json!([{"key": "f.csv.gz", "size": -1, "MD5checksum": ""}])).contains("(line 1, column ")
        );
        assert!(Manifest::parse(b"[").unwrap_err().to_string().starts_with("it is no manifest"));
    }
}
