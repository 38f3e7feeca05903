//! CRC64NVME, the checksum that S3 keeps for whole objects, and the MD5 of older stores.
//!
//! CRCs of consecutive ranges combine arithmetically, so the checksum of a whole object needs no second read.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crc_fast::{CrcAlgorithm, Digest, checksum_combine};
use md5::Digest as _;
use serde::{Deserialize, Serialize};

/// A finished CRC64NVME.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Crc64(u64);

impl Crc64 {
    /// The checksum of no bytes.
    pub const EMPTY: Self = Self(0);

    /// The checksum of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes))
    }

    /// The checksum of this range followed by a range of `length` bytes whose checksum is `next`.
    pub fn followed_by(self, next: Self, length: u64) -> Self {
        Self(checksum_combine(CrcAlgorithm::Crc64Nvme, self.0, next.0, length))
    }

    /// The form of S3's headers: base64 of the eight bytes, most significant first.
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0.to_be_bytes())
    }

    /// Reads the form of S3's headers.
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes: [u8; 8] = STANDARD.decode(text).ok()?.try_into().ok()?;
        Some(Self(u64::from_be_bytes(bytes)))
    }
}

impl fmt::Debug for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crc64({})", self.to_base64())
    }
}

impl From<Crc64> for String {
    fn from(crc: Crc64) -> Self {
        crc.to_base64()
    }
}

impl TryFrom<String> for Crc64 {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::from_base64(&text).ok_or("a CRC64NVME is eight bytes in base64")
    }
}

/// The MD5 that stores answer as the ETag of a part or of a small object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Md5(pub [u8; 16]);

impl Md5 {
    /// The form of ETags.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads the form of ETags, in either case of its letters.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 16];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// The ETag that S3 gives a multipart object by convention: MD5 of the parts' MD5s, and their number.
///
/// `None` when a part's tag is no MD5. Only equality means something: not every store keeps the convention.
pub fn multipart_etag<'a>(part_etags: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut all = md5::Md5::new();
    let mut count = 0;
    for etag in part_etags {
        all.update(Md5::from_hex(etag)?.0);
        count += 1;
    }
    Some(format!("{}-{count}", Md5(all.finalize().into()).to_hex()))
}

/// Computes checksums while bytes go by.
pub struct Hasher {
    crc: Digest,
    md5: Option<md5::Md5>,
}

impl Hasher {
    /// `with_md5` costs more processor time than TLS does, so it is asked for where nothing cheaper proves.
    pub fn new(with_md5: WithMd5) -> Self {
        let md5 = matches!(with_md5, WithMd5::Yes).then(md5::Md5::new);
        Self { crc: Digest::new(CrcAlgorithm::Crc64Nvme), md5 }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// The CRC64NVME of all bytes so far.
    pub fn crc(&self) -> Crc64 {
        Crc64(self.crc.finalize())
    }

    /// The MD5 of all bytes so far, if it was asked for.
    pub fn md5(&self) -> Option<Md5> {
        self.md5.clone().map(|md5| Md5(md5.finalize().into()))
    }
}

/// Whether an MD5 is computed beside the CRC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithMd5 {
    /// Also the MD5.
    Yes,
    /// The CRC alone.
    #[default]
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_the_nine_digits_is_the_catalogued_one() {
        // CRC-64/NVME, check value 0xae8b14860a799888 (Catalogue of parametrised CRC algorithms).
        assert_eq!(Crc64::of(b"123456789"), Crc64(0xae8b_1486_0a79_9888));
    }

    #[test]
    fn checksums_of_consecutive_ranges_combine() {
        let whole = Crc64::of(b"hello, long world");
        assert_eq!(Crc64::of(b"hello,").followed_by(Crc64::of(b" long world"), 11), whole);
        assert_eq!(Crc64::EMPTY.followed_by(whole, 17), whole);
        assert_eq!(whole.followed_by(Crc64::EMPTY, 0), whole);
    }

    #[test]
    fn a_checksum_survives_its_header_form() {
        let crc = Crc64::of(b"abc");
        assert_eq!(Crc64::from_base64(&crc.to_base64()), Some(crc));
        assert_eq!(Crc64::from_base64("AAAA"), None);
    }

    #[test]
    fn the_tag_of_a_multipart_object_is_the_md5_of_the_md5s() {
        let part = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(multipart_etag([part]).unwrap(), "59adb24ef3cdbe0297f05b395827453f-1");
        assert_eq!(multipart_etag(["not-an-md5"]), None);
    }
}
