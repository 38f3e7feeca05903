//! What is in the objects, and its hash, without any code of longhaul's.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};

/// The MD5 of bytes, in hex.
#[must_use]
pub fn md5(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
