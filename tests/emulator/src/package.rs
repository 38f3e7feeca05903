//! Packs a binary for Lambda.

use std::{fs, path::Path, process::Stdio};

use serde_json::json;
use tokio::process::Command;

use crate::python::Python;

const ZIP: &str = include_str!("zip.py");

/// A zip with `binary` as the executable file `bootstrap`, without debug information if that can be taken away.
pub(crate) async fn zip(python: &Python, binary: &Path) -> Vec<u8> {
    assert!(binary.is_file(), "{} is to be packed and is not there", binary.display());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stripped = folder.path().join("bootstrap");
    let file = if strip(binary, &stripped).await { stripped.as_path() } else { binary };
    let zip = folder.path().join("package.zip");
    python.run(ZIP, &json!({ "file": file, "zip": zip })).await;
    fs::read(zip).expect("a package that was just written")
}

/// Writes a copy without debug information. False if this machine has no tool for it, or the tool does not know the
/// format.
async fn strip(binary: &Path, stripped: &Path) -> bool {
    let mut command = Command::new("strip");
    command.arg("-o").arg(stripped).arg(binary).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}
