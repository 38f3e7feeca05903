//! The SDK's answers in the engine's words.

use std::{collections::HashMap, fmt::Display};

use aws_sdk_s3::{
    error::BoxError,
    primitives::{DateTime, DateTimeFormat},
    types::{ChecksumType, ServerSideEncryption},
};
use longhaul::{
    object::{ByteRange, Crc64, ETag, Headers, ObjectInfo, ObjectKey, Timestamp, VersionId, key::form_decoded},
    store::{ErrorKind, StoreError},
};

/// The fields that HEAD and GET share.
pub(crate) struct Answer {
    pub size: Option<u64>,
    pub e_tag: Option<String>,
    pub version_id: Option<String>,
    pub last_modified: Option<DateTime>,
    pub checksum_crc64_nvme: Option<String>,
    pub checksum_type: Option<ChecksumType>,
    pub server_side_encryption: Option<ServerSideEncryption>,
    pub sse_customer_algorithm: Option<String>,
    pub content_type: Option<String>,
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub expires_string: Option<String>,
    pub metadata: Option<HashMap<String, String>>,
    pub storage_class: Option<String>,
    pub tag_count: Option<i32>,
    pub missing_meta: Option<i32>,
    pub website_redirect_location: Option<String>,
}

impl Answer {
    /// The object, if the answer says what every answer must.
    pub(crate) fn into_info(self, operation: &'static str) -> Result<ObjectInfo, StoreError> {
        let not_carried = self.not_carried();
        let size = self.size.ok_or_else(|| malformed(operation, "no size in the answer"))?;
        let etag = self.e_tag.ok_or_else(|| malformed(operation, "no ETag in the answer"))?;
        let whole = self.checksum_type.as_ref().is_none_or(|kind| *kind == ChecksumType::FullObject);
        let headers = Headers {
            content_type: self.content_type,
            cache_control: self.cache_control,
            content_disposition: self.content_disposition,
            content_encoding: self.content_encoding.and_then(|encoding| without_aws_chunked(&encoding)),
            content_language: self.content_language,
            expires: self.expires_string,
            metadata: self.metadata.unwrap_or_default().into_iter().collect(),
        };
        Ok(ObjectInfo {
            size,
            etag: tag(&etag, (self.server_side_encryption, self.sse_customer_algorithm)),
            version_id: self.version_id.as_deref().and_then(VersionId::new),
            modified: timestamp(self.last_modified.as_ref()),
            crc64nvme: self.checksum_crc64_nvme.as_deref().filter(|_| whole).and_then(Crc64::from_base64),
            headers,
            storage_class: self.storage_class.filter(|class| class != "STANDARD"),
            tags: self.tag_count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
            not_carried,
        })
    }
}

impl Answer {
    /// An `Expires` that is no date cannot be sent again; a website redirect and metadata that HTTP cannot show are not read.
    fn not_carried(&self) -> Vec<&'static str> {
        let lost = [
            (self.expires_string.as_deref().is_some_and(|text| http_date(text).is_none()), "expires"),
            (self.missing_meta.is_some_and(|count| count > 0), "metadata"),
            (self.website_redirect_location.is_some(), "website-redirect"),
        ];
        lost.into_iter().filter(|(is_lost, _)| *is_lost).map(|(_, name)| name).collect()
    }
}

/// A tag. Of what is encrypted with a key of KMS or of the customer it is no MD5 (S3 API reference, Object).
pub(crate) fn tag(text: &str, (by_store, by_customer): (Option<ServerSideEncryption>, Option<String>)) -> ETag {
    let may_be_md5 = by_customer.is_none() && by_store.is_none_or(|kind| kind == ServerSideEncryption::Aes256);
    if may_be_md5 { ETag::new(text) } else { ETag::new(text).without_md5() }
}

/// An answer that no store should give.
pub(crate) fn malformed(operation: &'static str, what: impl Display) -> StoreError {
    StoreError::new(ErrorKind::Other, operation, format!("the answer makes no sense: {what}"))
}

/// Milliseconds since the epoch; 0 where the store says nothing.
pub(crate) fn timestamp(time: Option<&DateTime>) -> Timestamp {
    Timestamp(time.and_then(|time| time.to_millis().ok()).unwrap_or(0))
}

/// A time of the `Expires` header, if it is one: the header may hold any text.
pub(crate) fn http_date(text: &str) -> Option<DateTime> {
    DateTime::from_str(text, DateTimeFormat::HttpDate).ok()
}

/// `aws-chunked` is how a request was sent, and is stored by some tools as if it were the object's encoding.
fn without_aws_chunked(encoding: &str) -> Option<String> {
    let kept: Vec<_> =
        encoding.split(',').map(str::trim).filter(|name| *name != "aws-chunked" && !name.is_empty()).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// Range and total of `Content-Range: bytes 0-9/100`.
pub(crate) fn content_range(text: &str) -> Option<(ByteRange, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    Some((ByteRange::new(first, last.checked_sub(first)?.checked_add(1)?)?, total.parse().ok()?))
}

/// A key of a listing. With `encoding-type=url` S3 encodes as forms do: `+` is a space.
pub(crate) fn listed_key(text: &str, encoded: bool) -> Result<ObjectKey, BoxError> {
    if !encoded {
        return Ok(ObjectKey::new(text)?);
    }
    Ok(ObjectKey::new(form_decoded(text).ok_or("it is not form-encoded UTF-8")?)?)
}

/// A 404 that names nothing, in answer to a call about an upload, is about the upload: not every store says `NoSuchUpload`.
pub(crate) fn of_upload(operation: &'static str, error: StoreError) -> StoreError {
    match error.kind() {
        ErrorKind::NotFound if operation != "UploadPartCopy" => {
            StoreError::new(ErrorKind::NoSuchUpload, operation, "the store does not know the upload").caused_by(error)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_keys_are_decoded_as_forms_are() {
        assert_eq!(listed_key("a+b%2Bc%2520/%E6%97%A5", true).unwrap().as_str(), "a b+c%20/日");
        assert_eq!(listed_key("a+b", false).unwrap().as_str(), "a+b");
        assert!(listed_key("%FF", true).is_err());
    }

    #[test]
    fn a_tag_under_a_key_of_kms_or_of_the_customer_is_no_md5() {
        let is_md5 = |kind, customer| tag("\"d41d8cd98f00b204e9800998ecf8427e\"", (kind, customer)).looks_like_md5();
        assert!(is_md5(None, None) && is_md5(Some(ServerSideEncryption::Aes256), None));
        assert!(!is_md5(Some(ServerSideEncryption::AwsKms), None));
        assert!(!is_md5(Some(ServerSideEncryption::AwsKmsDsse), None));
        assert!(!is_md5(None, Some("AES256".into())));
    }

    #[test]
    fn a_content_range_names_both_ends_and_the_total() {
        assert_eq!(content_range("bytes 8-15/100"), Some((ByteRange::new(8, 8).unwrap(), 100)));
        assert_eq!(content_range("bytes 8-7/100"), None);
        assert_eq!(content_range("bytes */100"), None);
    }

    #[test]
    fn aws_chunked_is_no_encoding_of_an_object() {
        assert_eq!(without_aws_chunked("aws-chunked"), None);
        assert_eq!(without_aws_chunked("gzip,aws-chunked").as_deref(), Some("gzip"));
    }
}
