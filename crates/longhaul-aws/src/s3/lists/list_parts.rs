//! The parts of an upload.

use aws_sdk_s3::{operation::list_parts::ListPartsOutput, types::Part};
use futures_util::TryStreamExt;
use longhaul::{
    object::{Crc64, ETag, PartNumber},
    store::{PageEnd, Paging, StoreError, Upload, UploadedPart},
};

use crate::s3::{
    bucket::S3Bucket,
    error::store_error,
    lists::pages::{self, Pages, endless, given, most_lines},
    translate::{malformed, of_upload},
};

const OPERATION: &str = "ListParts";

struct Parts<'a> {
    bucket: &'a S3Bucket,
    upload: &'a Upload,
    /// Numbers of parts, as the store writes them.
    paging: Paging<String>,
    count: usize,
}

/// All parts of an upload.
pub(crate) async fn list(bucket: &S3Bucket, upload: &Upload) -> Result<Vec<UploadedPart>, StoreError> {
    let parts = Parts { bucket, upload, paging: Paging::from(None), count: 0 };
    pages::stream(parts).try_concat().await.map_err(|error| bucket.named(error, &upload.key))
}

impl Pages for Parts<'_> {
    type Line = UploadedPart;

    async fn next(&mut self) -> Result<(Vec<UploadedPart>, bool), StoreError> {
        let request = self
            .bucket
            .client
            .list_parts()
            .bucket(&self.bucket.location.bucket)
            .key(self.upload.key.as_str())
            .upload_id(&self.upload.id)
            .set_part_number_marker(self.paging.asked().cloned())
            .set_request_payer(self.bucket.payer());
        let answer = request.send().await.map_err(|error| of_upload(OPERATION, store_error(OPERATION, error)))?;
        self.page(answer)
    }
}

impl Parts<'_> {
    fn page(&mut self, answer: ListPartsOutput) -> Result<(Vec<UploadedPart>, bool), StoreError> {
        let parts = answer.parts.unwrap_or_default().into_iter().map(uploaded).collect::<Result<Vec<_>, _>>()?;
        let last = parts.last().map(|part| part.number.get().to_string());
        let end = PageEnd {
            truncated: answer.is_truncated,
            // No part has the number 0: it is how stores write that there is no marker.
            next: given(answer.next_part_number_marker).filter(|marker| marker != "0"),
            behind_last: last.clone(),
            lines: parts.len(),
            most_lines: most_lines(answer.max_parts),
            names_what_was_asked: answer.bucket.is_some() || answer.key.is_some() || answer.upload_id.is_some(),
        };
        self.count += parts.len();
        if self.count > usize::from(PartNumber::MAX) {
            return Err(endless(
                OPERATION,
                format!("the store names more than {} parts of one upload", PartNumber::MAX),
            ));
        }
        let more = pages::has_more(OPERATION, &mut self.paging, last, end)?;
        Ok((parts, more))
    }
}

fn uploaded(part: Part) -> Result<UploadedPart, StoreError> {
    let broken = |what: &str| malformed(OPERATION, what);
    let number = part.part_number.and_then(|number| u16::try_from(number).ok()).and_then(PartNumber::new);
    let size = part.size.and_then(|size| u64::try_from(size).ok());
    let etag = part.e_tag.ok_or_else(|| broken("a part without an ETag"))?;
    Ok(UploadedPart {
        number: number.ok_or_else(|| broken("a part without a number"))?,
        size: size.ok_or_else(|| broken("a part without a size"))?,
        etag: ETag::new(&etag),
        crc64nvme: part.checksum_crc64_nvme.as_deref().and_then(Crc64::from_base64),
    })
}
