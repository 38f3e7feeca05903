//! What multipart requests may say, and how their answers name it.

use s3s::{
    S3Result,
    dto::{self, ChecksumType},
    s3_error,
};

use crate::{
    checksum::{Algorithm, ChecksumKind, sent_checksums},
    multipart::{Completion, NamedPart},
};

pub(crate) fn parse_algorithm(name: &str) -> S3Result<Algorithm> {
    Algorithm::parse(name).ok_or_else(|| {
        s3_error!(
            InvalidRequest,
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types"
        )
    })
}

pub(crate) fn parse_kind(name: &str, algorithm: Algorithm) -> S3Result<ChecksumKind> {
    match (name, algorithm) {
        ("FULL_OBJECT", Algorithm::Crc32 | Algorithm::Crc32c | Algorithm::Crc64Nvme) => Ok(ChecksumKind::FullObject),
        ("COMPOSITE", Algorithm::Crc32 | Algorithm::Crc32c | Algorithm::Sha1 | Algorithm::Sha256) => {
            Ok(ChecksumKind::Composite)
        }
        (_, algorithm) => {
            let algorithm = algorithm.as_str();
            Err(s3_error!(
                InvalidRequest,
                "The {name} checksum type cannot be used with the {algorithm} checksum algorithm."
            ))
        }
    }
}

pub(crate) fn algorithm_name(algorithm: Algorithm) -> dto::ChecksumAlgorithm {
    dto::ChecksumAlgorithm::from_static(algorithm.as_str())
}

pub(crate) fn kind_name(kind: ChecksumKind) -> ChecksumType {
    ChecksumType::from_static(kind.as_str())
}

pub(crate) fn check_part_algorithm(upload: Option<Algorithm>, sent: impl Iterator<Item = Algorithm>) -> S3Result<()> {
    let Some(expected) = upload else { return Ok(()) };
    for actual in sent {
        if actual != expected {
            let (expected, actual) = (expected.as_str().to_lowercase(), actual.as_str().to_lowercase());
            return Err(s3_error!(
                InvalidRequest,
                "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
            ));
        }
    }
    Ok(())
}

pub(crate) fn copy_range(header: Option<&str>, size: u64) -> S3Result<std::ops::Range<u64>> {
    let Some(header) = header else { return Ok(0..size) };
    let invalid =
        || s3_error!(InvalidArgument, "The x-amz-copy-source-range value must be of the form bytes=first-last");
    match dto::Range::parse(header).map_err(|_| invalid())? {
        dto::Range::Int { first, last: Some(last) } if last < size => Ok(first..last + 1),
        dto::Range::Int { last: Some(_), .. } => {
            Err(s3_error!(InvalidArgument, "Range specified is not valid for source object of size: {size}"))
        }
        dto::Range::Int { last: None, .. } | dto::Range::Suffix { .. } => Err(invalid()),
    }
}

pub(crate) fn completion(input: &dto::CompleteMultipartUploadInput) -> Completion {
    let parts = input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_ref());
    let named = parts.into_iter().flatten().map(|part| NamedPart {
        number: part.part_number.unwrap_or(0),
        etag: part.e_tag.as_ref().map(|etag| etag.value().to_owned()),
        checksums: sent_checksums!(part),
    });
    Completion {
        parts: named.collect(),
        object_size: input.mpu_object_size,
        kind: input.checksum_type.as_ref().map(|kind| kind.as_str().to_owned()),
        checksums: sent_checksums!(input),
    }
}
