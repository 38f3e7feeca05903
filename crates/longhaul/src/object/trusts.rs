//! What speaks for the bytes of parts.

use serde::{Deserialize, Serialize};

use crate::object::proof::ProofLevel;

/// What speaks for one part's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The CRC of the bytes read equals the destination's.
    Crc,
    /// The MD5 of the bytes read equals the destination's.
    Md5,
    /// This leg sent it, and the destination named the right size.
    Size,
    /// An earlier leg sent it.
    EarlierLeg,
}

/// How many parts are spoken for by what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trusts {
    /// By the CRC64NVME of the bytes that were read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub crc: u32,
    /// By their MD5.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub md5: u32,
    /// By their size alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub size: u32,
    /// By nothing but the line: a leg that died had sent them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub earlier: u32,
}

pub(crate) fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Trusts {
    /// Counts them.
    pub(crate) fn of(parts: impl IntoIterator<Item = Trust>) -> Self {
        let mut trusts = Self::default();
        for trust in parts {
            *match trust {
                Trust::Crc => &mut trusts.crc,
                Trust::Md5 => &mut trusts.md5,
                Trust::Size => &mut trusts.size,
                Trust::EarlierLeg => &mut trusts.earlier,
            } += 1;
        }
        trusts
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            crc: self.crc + other.crc,
            md5: self.md5 + other.md5,
            size: self.size + other.size,
            earlier: self.earlier + other.earlier,
        }
    }

    /// What is proved of the whole, as far as its parts tell. Those of earlier legs are counted apart.
    pub(crate) fn level(self) -> ProofLevel {
        match self {
            Self { size: 1.., .. } | Self { crc: 0, md5: 0, .. } => ProofLevel::SizeOnly,
            Self { md5: 0, .. } => ProofLevel::PartCrc,
            _ => ProofLevel::PartMd5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_of_which_only_the_size_is_known_leaves_the_whole_at_that() {
        assert_eq!(Trusts::of([Trust::Md5, Trust::Size, Trust::Crc]).level(), ProofLevel::SizeOnly);
        assert_eq!(Trusts::of([Trust::Md5, Trust::Crc]).level(), ProofLevel::PartMd5);
        assert_eq!(Trusts::of([Trust::Crc, Trust::EarlierLeg]).level(), ProofLevel::PartCrc);
        assert_eq!(Trusts::of([Trust::EarlierLeg]).level(), ProofLevel::SizeOnly);
    }
}
