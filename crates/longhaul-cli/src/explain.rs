//! What to do about an error, in plain words.

use longhaul::store::{ErrorKind, StoreError};

/// Advice for an error, where there is some that helps.
pub fn advice(error: &StoreError) -> Option<String> {
    let place = error.location().map(ToString::to_string).unwrap_or_default();
    let words = match error.kind() {
        ErrorKind::NoSuchBucket => format!("check the name: {place} does not exist, or belongs to another partition or store (--from-endpoint, --to-endpoint, --from-profile, --to-profile)"),
        ErrorKind::InvalidCredentials => "check the profile (--from-profile, --to-profile) or renew it, for example with `aws sso login`; credentials of one partition do not work in another".to_owned(),
        ErrorKind::AccessDenied => return Some(access_denied(error)),
        ErrorKind::WrongRegion => "name the bucket's region with --from-region or --to-region".to_owned(),
        ErrorKind::ClockSkew => "set this machine's clock: it differs by more than 15 minutes from the store's (for example `timedatectl set-ntp true`)".to_owned(),
        ErrorKind::Archived => "restore the object first (s3 restore-object), then run the same command again".to_owned(),
        ErrorKind::Throttled => "the store asks for fewer requests: run the same command again with a lower --concurrency".to_owned(),
        ErrorKind::TimedOut | ErrorKind::Unavailable => "check network, proxy (HTTPS_PROXY) and address, then run the same command again: what arrived is kept".to_owned(),
        ErrorKind::Corrupt => "bytes were damaged again and again between here and the store: check proxies and middle boxes on the way".to_owned(),
        ErrorKind::InvalidKey => "this key cannot exist at the destination: rename it, or leave it out with --exclude".to_owned(),
        ErrorKind::Unsupported => "the store does not offer this: name who runs it with --from-provider or --to-provider".to_owned(),
        ErrorKind::BadAnswer => "the store breaks its own protocol, so nobody can tell what it holds: ask who runs it, or look for a proxy in between".to_owned(),
        ErrorKind::Unordered => "the store's listings keep changing their order: run the same command again when nobody writes to it".to_owned(),
        ErrorKind::NotFound | ErrorKind::NoSuchUpload | ErrorKind::PreconditionFailed | ErrorKind::Conflict
        | ErrorKind::InvalidPart | ErrorKind::InvalidRequest | ErrorKind::Io | ErrorKind::Other => return None,
    };
    Some(words)
}

/// Which permission is missing. Actions as in the Service Authorization Reference for Amazon S3.
fn access_denied(error: &StoreError) -> String {
    let action = match error.operation() {
        "GetObject" | "HeadObject" => {
            "s3:GetObject (and s3:ListBucket, without which a missing object also looks like this)"
        }
        "ListObjectsV2" => "s3:ListBucket",
        "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
            "s3:PutObject (with a KMS key also kms:GenerateDataKey and kms:Decrypt)"
        }
        "CopyObject" | "UploadPartCopy" => {
            "s3:GetObject on the source and s3:PutObject on the destination, or use --no-server-side"
        }
        "AbortMultipartUpload" => "s3:AbortMultipartUpload",
        "ListParts" => "s3:ListMultipartUploadParts",
        "ListMultipartUploads" => "s3:ListBucketMultipartUploads",
        other => other,
    };
    let place = error.location().map(ToString::to_string).unwrap_or_default();
    format!("allow {action} on {place} for the credentials in use")
}
