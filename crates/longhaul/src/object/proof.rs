//! What is known of a finished copy.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much proof a copy asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// The strongest proof without a second read: the CRC64NVME that the store computes, else MD5 against ETags.
    #[default]
    Auto,
    /// The same, and the MD5 is computed even where the store names a CRC64NVME.
    Md5,
    /// TLS is enough: no MD5 is computed. Checksums that stores name all the same are compared.
    Transport,
    /// Reads the destination again and compares.
    ReadBack,
}

/// How a copy was proved, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofLevel {
    /// The destination's CRC64NVME of the whole object equals that of the bytes read, and the source's where it has one.
    FullCrc,
    /// Each part's answer carried the CRC64NVME of the bytes read.
    PartCrc,
    /// Each part's answer, or the small object's, carried the MD5 of the bytes read or of the source.
    PartMd5,
    /// The destination was read again and held the same bytes.
    ReadBack,
    /// The destination named the same size, and nothing more.
    SizeOnly,
}

impl fmt::Display for ProofLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FullCrc => "full-crc",
            Self::PartCrc => "part-crc",
            Self::PartMd5 => "part-md5",
            Self::ReadBack => "read-back",
            Self::SizeOnly => "size-only",
        })
    }
}

/// A copy's proof, as records and reports name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The weakest link.
    pub level: ProofLevel,
    /// Parts that an earlier leg sent and whose bytes at the source nobody can name: only the line's own checks (TLS) and
    /// the destination's checksum of what it received speak for them. Zero where the source names a checksum.
    pub transport_only_parts: u32,
}

impl Proof {
    /// A proof without reservations.
    pub fn plain(level: ProofLevel) -> Self {
        Self { level, transport_only_parts: 0 }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.level)?;
        if self.transport_only_parts > 0 {
            write!(f, " (transport-only: {} parts)", self.transport_only_parts)?;
        }
        Ok(())
    }
}
