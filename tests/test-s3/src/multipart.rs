//! Multipart uploads.
//!
//! A part number names one part; a later upload of it replaces the earlier. Completing checks everything S3 checks,
//! then joins the parts without touching their bytes: checksums are combined arithmetically.

use std::{collections::BTreeMap, time::SystemTime};

use s3s::{S3Error, S3Result, s3_error};

use crate::{
    checksum::{
        Algorithm, Checksum, ChecksumKind, combine_crc64, combine_full, composite, crc64_base64, multipart_etag,
    },
    data::Data,
    object::{Object, PutOptions},
};

/// The largest part number S3 takes.
pub(crate) const MAX_PART_NUMBER: u16 = 10_000;

/// One uploaded part.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub data: Data,
    pub etag: String,
    pub crc64: Option<u64>,
    /// In the upload's algorithm.
    pub checksum: Option<String>,
    pub modified: SystemTime,
}

/// An upload that was created and not yet completed or aborted.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub initiated: SystemTime,
    pub options: PutOptions,
    pub algorithm: Option<Algorithm>,
    pub kind: Option<ChecksumKind>,
    pub parts: BTreeMap<u16, Part>,
}

/// A part as a Complete request names it.
#[derive(Debug, Clone)]
pub(crate) struct NamedPart {
    pub number: i32,
    pub etag: Option<String>,
    pub checksums: Vec<(Algorithm, String)>,
}

/// What a Complete request says about the whole.
#[derive(Debug, Clone)]
pub(crate) struct Completion {
    pub parts: Vec<NamedPart>,
    pub object_size: Option<i64>,
    pub kind: Option<String>,
    pub checksums: Vec<(Algorithm, String)>,
}

/// What a Complete answered.
#[derive(Debug, Clone)]
pub(crate) struct Completed {
    pub key: String,
    pub etag: String,
    pub version_id: Option<String>,
    pub checksum: Option<Checksum>,
}

/// A part number within S3's limits.
pub(crate) fn part_number(number: i32) -> S3Result<u16> {
    let valid = u16::try_from(number).ok().filter(|number| (1..=MAX_PART_NUMBER).contains(number));
    valid.ok_or_else(|| s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"))
}

/// The answer for an upload that was never created, or is over.
pub(crate) fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

impl Upload {
    /// Which checksum a full object of this upload has: S3 computes a CRC64NVME where none was asked for.
    fn object_algorithm(&self) -> (Algorithm, ChecksumKind) {
        let algorithm = self.algorithm.unwrap_or(Algorithm::Crc64Nvme);
        (algorithm, self.kind.unwrap_or(default_kind(algorithm)))
    }

    /// Checks `completion` and makes the object of its parts.
    pub fn complete(&self, completion: &Completion, min_part_size: u64, version_id: String) -> S3Result<Object> {
        let parts = self.named_parts(completion, min_part_size)?;
        let data = Data::concat(parts.iter().map(|part| &part.data));
        check_size(completion.object_size, data.len())?;
        let (crc64, checksum) = self.object_checksum(&parts);
        self.check_checksums(completion, crc64, checksum.as_ref())?;
        Ok(Object {
            version_id,
            data,
            etag: multipart_etag(parts.iter().map(|part| part.etag.as_str())),
            checksum,
            crc64,
            options: self.options.clone(),
            modified: SystemTime::now(),
            parts: Some(parts.len()),
        })
    }

    fn named_parts(&self, completion: &Completion, min_part_size: u64) -> S3Result<Vec<&Part>> {
        let named = &completion.parts;
        if named.is_empty() {
            return Err(s3_error!(MalformedXML, "You must specify at least one part"));
        }
        if named.windows(2).any(|pair| pair[0].number >= pair[1].number) {
            return Err(s3_error!(InvalidPartOrder, "The list of parts was not in ascending order."));
        }
        let parts: Vec<&Part> = named.iter().map(|part| self.named_part(part)).collect::<S3Result<_>>()?;
        let but_last = &parts[..parts.len() - 1];
        if but_last.iter().any(|part| part.data.len() < min_part_size) {
            return Err(s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size"));
        }
        Ok(parts)
    }

    fn named_part(&self, named: &NamedPart) -> S3Result<&Part> {
        let part = u16::try_from(named.number).ok().and_then(|number| self.parts.get(&number));
        let matches = |part: &Part| {
            let etag = named.etag.as_ref().is_none_or(|etag| *etag == part.etag);
            let sent = named.checksums.iter().find(|(algorithm, _)| Some(*algorithm) == self.algorithm);
            etag && sent.is_none_or(|(_, value)| part.checksum.as_ref() == Some(value))
        };
        part.filter(|part| matches(part)).ok_or_else(|| {
            s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found. The part may not have been uploaded, \
                 or the specified entity tag may not match the part's entity tag."
            )
        })
    }

    fn object_checksum(&self, parts: &[&Part]) -> (Option<u64>, Option<Checksum>) {
        let mut crc64: Option<u64> = Some(0);
        for (index, part) in parts.iter().enumerate() {
            crc64 = match (crc64, part.crc64) {
                (Some(_), Some(second)) if index == 0 => Some(second),
                (Some(first), Some(second)) => Some(combine_crc64(first, second, part.data.len())),
                _ => None,
            };
        }
        let (algorithm, kind) = self.object_algorithm();
        let value = if algorithm == Algorithm::Crc64Nvme {
            crc64.map(crc64_base64)
        } else {
            let values: Option<Vec<(String, u64)>> =
                parts.iter().map(|part| Some((part.checksum.clone()?, part.data.len()))).collect();
            values.and_then(|values| match kind {
                ChecksumKind::FullObject => combine_full(algorithm, &values),
                ChecksumKind::Composite => composite(algorithm, &values),
            })
        };
        (crc64, value.map(|value| Checksum { algorithm, kind, value }))
    }

    fn check_checksums(&self, completion: &Completion, crc64: Option<u64>, own: Option<&Checksum>) -> S3Result<()> {
        let (_, kind) = self.object_algorithm();
        if completion.kind.as_deref().is_some_and(|named| named != kind.as_str()) {
            return Err(s3_error!(BadDigest, "The checksum type does not match the type the upload was created with."));
        }
        for (algorithm, sent) in &completion.checksums {
            let computed = match (algorithm, own) {
                (algorithm, Some(own)) if own.algorithm == *algorithm => Some(own.value.clone()),
                (Algorithm::Crc64Nvme, _) => crc64.map(crc64_base64),
                _ => None,
            };
            let name = algorithm.as_str();
            match computed {
                None => {
                    return Err(s3_error!(InvalidRequest, "The upload was not created using {name} checksums."));
                }
                // A composite value may be sent with or without its part count.
                Some(value) if value == *sent || value.split('-').next() == Some(sent.as_str()) => {}
                Some(_) => {
                    return Err(s3_error!(BadDigest, "The {name} you specified did not match what we calculated."));
                }
            }
        }
        Ok(())
    }
}

fn check_size(sent: Option<i64>, size: u64) -> S3Result<()> {
    if sent.is_some_and(|sent| u64::try_from(sent) != Ok(size)) {
        return Err(s3_error!(
            InvalidRequest,
            "The provided 'x-amz-mp-object-size' header does not match the object size."
        ));
    }
    Ok(())
}

/// The kind S3 assumes when only an algorithm is named.
pub(crate) fn default_kind(algorithm: Algorithm) -> ChecksumKind {
    match algorithm {
        Algorithm::Crc64Nvme => ChecksumKind::FullObject,
        Algorithm::Crc32 | Algorithm::Crc32c | Algorithm::Sha1 | Algorithm::Sha256 => ChecksumKind::Composite,
    }
}
