//! Checksums: computed while a body arrives, checked against what the client sent, combined when parts are joined.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crc_fast::{CrcAlgorithm, Digest, checksum_combine};
use s3s::{
    S3Result,
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Crc32, Crc32c, Md5, Sha1, Sha256},
    s3_error,
};

use crate::{data::Data, synthetic::mix};

/// An S3 checksum algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `x-amz-checksum-crc32`
    Crc32,
    /// `x-amz-checksum-crc32c`
    Crc32c,
    /// `x-amz-checksum-crc64nvme`
    Crc64Nvme,
    /// `x-amz-checksum-sha1`
    Sha1,
    /// `x-amz-checksum-sha256`
    Sha256,
}

impl Algorithm {
    const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// The name in S3's requests and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The algorithm with this name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
    }

    /// The algorithm whose value this header carries.
    pub(crate) fn of_header(header: &str) -> Option<Self> {
        Self::parse(header.trim().to_ascii_lowercase().strip_prefix("x-amz-checksum-")?)
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

/// Whether a multipart object's checksum covers its bytes or its parts' checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumKind {
    /// Over all bytes.
    FullObject,
    /// Over the checksums of the parts.
    Composite,
}

impl ChecksumKind {
    /// The name in S3's requests and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }
}

/// The checksum S3 keeps with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// What the value covers.
    pub kind: ChecksumKind,
    /// Base64, with `-N` behind it when composite.
    pub value: String,
}

impl Checksum {
    pub(crate) fn full(algorithm: Algorithm, value: String) -> Self {
        Self { algorithm, kind: ChecksumKind::FullObject, value }
    }
}

/// A CRC64NVME in the form of S3's header.
#[must_use]
pub fn crc64_base64(crc: u64) -> String {
    STANDARD.encode(crc.to_be_bytes())
}

/// What was computed over a body.
#[derive(Debug, Clone)]
pub(crate) struct Digests {
    pub size: u64,
    pub crc64: u64,
    pub md5: Option<[u8; 16]>,
    pub others: Vec<(Algorithm, String)>,
}

impl Digests {
    /// The digest of `algorithm` in base64, if it was computed.
    pub fn value(&self, algorithm: Algorithm) -> Option<String> {
        if algorithm == Algorithm::Crc64Nvme {
            return Some(crc64_base64(self.crc64));
        }
        self.others.iter().find(|(name, _)| *name == algorithm).map(|(_, value)| value.clone())
    }

    /// The MD5, or a stand-in of the same shape when none was computed.
    pub fn etag(&self) -> String {
        match self.md5 {
            Some(md5) => hex(&md5),
            None => cheap_etag(self.crc64, self.size),
        }
    }
}

/// An ETag in the shape of an MD5, made of a CRC that is there anyway.
pub(crate) fn cheap_etag(crc64: u64, size: u64) -> String {
    format!("{crc64:016x}{:016x}", mix(size))
}

/// Computes digests piece by piece. CRC64NVME is always among them.
pub(crate) struct Hasher {
    size: u64,
    crc64: Digest,
    md5: Option<Md5>,
    others: ChecksumHasher,
}

/// Whether a body's MD5 is computed: it costs more than everything else together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Md5Use {
    Computed,
    Skipped,
}

impl Hasher {
    pub fn new(md5: Md5Use, algorithms: &[Algorithm]) -> Self {
        let wants = |algorithm| algorithms.contains(&algorithm);
        let others = ChecksumHasher {
            crc32: wants(Algorithm::Crc32).then(Crc32::new),
            crc32c: wants(Algorithm::Crc32c).then(Crc32c::new),
            sha1: wants(Algorithm::Sha1).then(Sha1::new),
            sha256: wants(Algorithm::Sha256).then(Sha256::new),
            crc64nvme: None,
        };
        let md5 = (md5 == Md5Use::Computed).then(Md5::new);
        Self { size: 0, crc64: Digest::new(CrcAlgorithm::Crc64Nvme), md5, others }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.crc64.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        self.others.update(bytes);
    }

    pub fn finish(self) -> Digests {
        let others = self.others.finalize();
        let others = [
            (Algorithm::Crc32, others.checksum_crc32),
            (Algorithm::Crc32c, others.checksum_crc32c),
            (Algorithm::Sha1, others.checksum_sha1),
            (Algorithm::Sha256, others.checksum_sha256),
        ];
        Digests {
            size: self.size,
            crc64: self.crc64.finalize(),
            md5: self.md5.map(Md5::finalize),
            others: others.into_iter().filter_map(|(algorithm, value)| Some((algorithm, value?))).collect(),
        }
    }
}

/// The digests of a stored body, or `None` when its bytes were discarded.
pub(crate) fn digest_data(data: &Data, md5: Md5Use, algorithms: &[Algorithm]) -> Option<Digests> {
    let mut hasher = Hasher::new(md5, algorithms);
    data.for_each_chunk(|chunk| hasher.update(chunk)).then(|| hasher.finish())
}

/// The CRC64NVME of the bytes of one piece followed by another.
pub(crate) fn combine_crc64(first: u64, second: u64, second_length: u64) -> u64 {
    // The library's combination is not defined for an empty second piece.
    if second_length == 0 {
        return first;
    }
    checksum_combine(CrcAlgorithm::Crc64Nvme, first, second, second_length)
}

/// The full-object CRC of parts given as base64 and length; `None` if one is not a CRC.
pub(crate) fn combine_full(algorithm: Algorithm, parts: &[(String, u64)]) -> Option<String> {
    let crc = algorithm.crc()?;
    let width = if algorithm == Algorithm::Crc64Nvme { 8 } else { 4 };
    let mut total: Option<u64> = None;
    for (value, length) in parts {
        let bytes = STANDARD.decode(value).ok().filter(|bytes| bytes.len() == width)?;
        let part = bytes.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        total = match total {
            None => Some(part),
            Some(sum) if *length == 0 => Some(sum),
            Some(sum) => Some(checksum_combine(crc, sum, part, *length)),
        };
    }
    total.map(|sum| STANDARD.encode(&sum.to_be_bytes()[8 - width..]))
}

/// The checksum of the parts' checksums, as `value-N`.
pub(crate) fn composite(algorithm: Algorithm, parts: &[(String, u64)]) -> Option<String> {
    let mut joined = Vec::new();
    for (value, _) in parts {
        joined.extend(STANDARD.decode(value).ok()?);
    }
    let mut hasher = Hasher::new(Md5Use::Skipped, &[algorithm]);
    hasher.update(&joined);
    let value = hasher.finish().value(algorithm)?;
    Some(format!("{value}-{}", parts.len()))
}

/// The ETag of a multipart object: the MD5 of the parts' ETags, and their number.
pub(crate) fn multipart_etag<'a>(etags: impl IntoIterator<Item = &'a str>) -> String {
    let mut joined = Vec::new();
    let mut count = 0;
    for etag in etags {
        joined.extend(unhex(etag));
        count += 1;
    }
    format!("{}-{count}", hex(&Md5::checksum(&joined)))
}

/// Checks a body against the checksums and Content-MD5 that came with it.
pub(crate) fn verify(digests: &Digests, sent: &[(Algorithm, String)], content_md5: Option<&str>) -> S3Result<()> {
    if let (Some(sent), Some(md5)) = (content_md5, digests.md5)
        && sent != STANDARD.encode(md5)
    {
        return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
    }
    for (algorithm, value) in sent {
        if digests.value(*algorithm).is_some_and(|computed| computed != *value) {
            let name = algorithm.as_str();
            return Err(s3_error!(BadDigest, "The {name} you specified did not match the calculated checksum."));
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | digit)).collect()
}

/// Puts a checksum into the field of an S3 answer that belongs to its algorithm.
macro_rules! set_checksum {
    ($target:expr, $algorithm:expr, $value:expr) => {
        match $algorithm {
            $crate::checksum::Algorithm::Crc32 => $target.checksum_crc32 = Some($value),
            $crate::checksum::Algorithm::Crc32c => $target.checksum_crc32c = Some($value),
            $crate::checksum::Algorithm::Crc64Nvme => $target.checksum_crc64nvme = Some($value),
            $crate::checksum::Algorithm::Sha1 => $target.checksum_sha1 = Some($value),
            $crate::checksum::Algorithm::Sha256 => $target.checksum_sha256 = Some($value),
        }
    };
}

/// An S3 answer that names a checksum with its kind, if there is one.
macro_rules! with_checksum {
    ($output:expr, $checksum:expr) => {{
        let mut output = $output;
        if let Some(checksum) = $checksum {
            output.checksum_type = Some(s3s::dto::ChecksumType::from_static(checksum.kind.as_str()));
            $crate::checksum::set_checksum!(output, checksum.algorithm, checksum.value);
        }
        output
    }};
}

/// The checksums in the fields of an S3 request.
macro_rules! sent_checksums {
    ($input:expr) => {
        [
            ($crate::checksum::Algorithm::Crc32, $input.checksum_crc32.clone()),
            ($crate::checksum::Algorithm::Crc32c, $input.checksum_crc32c.clone()),
            ($crate::checksum::Algorithm::Crc64Nvme, $input.checksum_crc64nvme.clone()),
            ($crate::checksum::Algorithm::Sha1, $input.checksum_sha1.clone()),
            ($crate::checksum::Algorithm::Sha256, $input.checksum_sha256.clone()),
        ]
        .into_iter()
        .filter_map(|(algorithm, value)| Some((algorithm, value?)))
        .collect::<Vec<($crate::checksum::Algorithm, String)>>()
    };
}

pub(crate) use {sent_checksums, set_checksum, with_checksum};

#[cfg(test)]
mod tests {
    use super::*;

    fn crc64(bytes: &[u8]) -> u64 {
        let mut hasher = Hasher::new(Md5Use::Skipped, &[]);
        hasher.update(bytes);
        hasher.finish().crc64
    }

    #[test]
    fn the_crcs_of_two_pieces_combine_to_the_crc_of_the_whole() {
        assert_eq!(combine_crc64(crc64(b"hello "), crc64(b"world"), 5), crc64(b"hello world"));
        let parts = [(crc64_base64(crc64(b"hello ")), 6), (crc64_base64(crc64(b"world")), 5)];
        let whole = crc64_base64(crc64(b"hello world"));
        assert_eq!(combine_full(Algorithm::Crc64Nvme, &parts), Some(whole));
    }

    #[test]
    fn a_multipart_etag_is_the_md5_of_the_md5s() {
        let part = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(multipart_etag([part]), "59adb24ef3cdbe0297f05b395827453f-1");
    }
}
