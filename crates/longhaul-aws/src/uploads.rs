//! The unfinished uploads of a bucket.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, EncodingType, MultipartUpload};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use longhaul::{
    error::StoreError,
    ports::{UnfinishedUpload, Upload, UploadFilter},
};

use crate::{
    bucket::S3Bucket,
    failure::store_error,
    translate::{listed_key, malformed, timestamp},
};

/// Lists uploads as [`Destination::list_multipart_uploads`](longhaul::ports::Destination::list_multipart_uploads) says.
pub(crate) fn list(
    bucket: &S3Bucket,
    filter: UploadFilter,
) -> BoxStream<'_, Result<Vec<UnfinishedUpload>, StoreError>> {
    let start = Some((filter, None));
    stream::unfold(start, move |next| async move {
        let (filter, marker) = next?;
        match bucket.uploads_page(&filter, marker).await {
            Ok((page, marker)) => Some((Ok(page), marker.map(|marker| (filter, Some(marker))))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

impl S3Bucket {
    async fn uploads_page(
        &self,
        filter: &UploadFilter,
        marker: Option<(String, String)>,
    ) -> Result<(Vec<UnfinishedUpload>, Option<(String, String)>), StoreError> {
        let prefix = match filter {
            UploadFilter::Key(key) => key.as_str(),
            UploadFilter::Prefix(prefix) => prefix,
        };
        let (key_marker, id_marker) = marker.unzip();
        let answer = self
            .client
            .list_multipart_uploads()
            .bucket(&self.location.bucket)
            .prefix(prefix)
            .set_key_marker(key_marker)
            .set_upload_id_marker(id_marker)
            .set_request_payer(self.payer())
            .encoding_type(EncodingType::Url)
            .send()
            .await
            .map_err(|error| store_error("ListMultipartUploads", error).at(&self.location))?;
        let encoded = answer.encoding_type == Some(EncodingType::Url);
        let uploads = answer.uploads.unwrap_or_default().into_iter().map(|upload| self.unfinished(upload, encoded));
        let mut uploads = uploads.collect::<Result<Vec<_>, _>>()?;
        if let UploadFilter::Key(key) = filter {
            uploads.retain(|found| found.upload.key == *key);
        }
        let next = match (answer.is_truncated, answer.next_key_marker, answer.next_upload_id_marker) {
            (Some(true), Some(key), id) => {
                let key = listed_key(&key, encoded).map_err(|error| malformed("ListMultipartUploads", error))?;
                Some((String::from(key), id.unwrap_or_default()))
            }
            _ => None,
        };
        Ok((uploads, next))
    }

    fn unfinished(&self, found: MultipartUpload, encoded: bool) -> Result<UnfinishedUpload, StoreError> {
        let broken = |what: &str| malformed("ListMultipartUploads", what).at(&self.location);
        let key = found.key.as_deref().ok_or_else(|| broken("an upload without a key"))?;
        let key = listed_key(key, encoded).map_err(|error| broken("a key that cannot be read").caused_by(error))?;
        let id = found.upload_id.ok_or_else(|| broken("an upload without an id"))?;
        let adoptable = match (self.provider.names_checksums(), &found.checksum_algorithm) {
            (true, Some(ChecksumAlgorithm::Crc64Nvme)) => {
                found.checksum_type.as_ref().is_none_or(|kind| *kind == ChecksumType::FullObject)
            }
            (true, _) | (false, Some(_)) => false,
            (false, None) => true,
        };
        Ok(UnfinishedUpload { upload: Upload { key, id }, initiated: timestamp(found.initiated.as_ref()), adoptable })
    }
}
