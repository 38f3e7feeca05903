//! Hashes, made without any code of longhaul's.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use test_s3::synthetic_chunks;

/// 2^20 bytes.
pub const MIB: u64 = 1 << 20;

/// The SHA-256 of bytes, in hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

/// The SHA-256 of a synthetic object, in hex.
#[must_use]
pub fn sha256_of_synthetic(seed: u64, size: u64) -> String {
    let mut hasher = Sha256::new();
    synthetic_chunks(seed, 0..size).for_each(|chunk| hasher.update(&chunk));
    hex(hasher)
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
