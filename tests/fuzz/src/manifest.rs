//! The manifest of an S3 Inventory.

use longhaul::scan::Manifest;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Came {
    #[serde(rename = "fileSchema")]
    schema: String,
}

pub(crate) fn run(bytes: &[u8]) {
    let manifest = match Manifest::parse(bytes) {
        Ok(manifest) => manifest,
        Err(error) => return crate::has_words(&error, bytes.len()),
    };
    assert!(manifest.files.len() <= bytes.len());
    // The columns are printed as they came: a manifest does not remember the names of those that it passes over.
    let came: Came = serde_json::from_slice(bytes).expect("a manifest has a schema");
    let files = manifest.files.iter();
    let printed = json!({
        "sourceBucket": manifest.source_bucket,
        "version": "2016-11-30",
        "fileFormat": "CSV",
        "fileSchema": came.schema,
        "files": files.map(|file| json!({"key": file.key, "size": file.size, "MD5checksum": file.md5.to_hex()})).collect::<Value>(),
    });
    assert_eq!(Manifest::parse(printed.to_string().as_bytes()), Ok(manifest));
}
