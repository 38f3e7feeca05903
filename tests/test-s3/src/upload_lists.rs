//! The operations that list uploads and their parts.

use std::ops::Bound;

use s3s::{S3Request, S3Result, dto};

use crate::{
    checksum::set_checksum,
    multipart::{Part, Upload},
    service::Service,
    upload_rules::{algorithm_name, kind_name},
    uploading::find,
    wire::{Encoding, echoed_key, strong, timestamp},
};

/// The longest page of parts or uploads.
const PAGE: i32 = 1000;

fn page(asked: Option<i32>) -> usize {
    usize::try_from(asked.unwrap_or(PAGE).clamp(0, PAGE)).unwrap_or_default()
}

impl Service {
    pub async fn upload_parts(&self, request: S3Request<dto::ListPartsInput>) -> S3Result<dto::ListPartsOutput> {
        let input = request.input;
        let max = page(input.max_parts);
        let marker = input.part_number_marker.unwrap_or(0);
        let upload = self
            .store
            .with_bucket(&input.bucket, |bucket, _| Ok(find(bucket, &input.key, &input.upload_id)?.clone()))?;
        let behind = upload.parts.iter().filter(|(number, _)| i32::from(**number) > marker);
        let mut parts: Vec<dto::Part> =
            behind.take(max + 1).map(|(number, part)| self.listed_part(&upload, *number, part)).collect();
        let truncated = parts.len() > max;
        parts.truncate(max);
        Ok(dto::ListPartsOutput {
            bucket: Some(input.bucket),
            key: echoed_key(&input.key),
            upload_id: Some(input.upload_id),
            checksum_algorithm: upload.algorithm.map(algorithm_name),
            checksum_type: upload.kind.map(kind_name),
            is_truncated: Some(truncated),
            max_parts: i32::try_from(max).ok(),
            part_number_marker: Some(marker),
            next_part_number_marker: parts.last().and_then(|part| part.part_number),
            parts: Some(parts),
            storage_class: Some(dto::StorageClass::from(storage_class(&upload))),
            ..Default::default()
        })
    }

    fn listed_part(&self, upload: &Upload, number: u16, part: &Part) -> dto::Part {
        let mut shown = dto::Part {
            e_tag: Some(strong(&part.etag)),
            last_modified: Some(timestamp(part.modified)),
            part_number: Some(i32::from(number)),
            size: i64::try_from(part.data.len()).ok(),
            ..Default::default()
        };
        let checksum = upload.algorithm.filter(|algorithm| self.knows(*algorithm)).zip(part.checksum.clone());
        if let Some((algorithm, value)) = checksum {
            set_checksum!(shown, algorithm, value);
        }
        shown
    }

    pub async fn upload_list(
        &self,
        request: S3Request<dto::ListMultipartUploadsInput>,
    ) -> S3Result<dto::ListMultipartUploadsOutput> {
        let input = request.input;
        let max = page(input.max_uploads);
        let encoding = Encoding::of(input.encoding_type.as_ref());
        let prefix = input.prefix.unwrap_or_default();
        let key_marker = input.key_marker.unwrap_or_default();
        let id_marker = input.upload_id_marker.unwrap_or_default();
        let mut uploads = self.store.with_bucket(&input.bucket, |bucket, _| {
            // A marker without an upload id stands behind all uploads of its key.
            let lower = Bound::Included((key_marker.clone(), id_marker.clone()));
            let behind = bucket
                .uploads
                .range((lower, Bound::Unbounded))
                .filter(|((key, id), _)| *key != key_marker || (!id_marker.is_empty() && *id != id_marker));
            let shown = behind.filter(|((key, _), _)| key.starts_with(&prefix)).take(max + 1);
            Ok(shown
                .map(|((key, id), upload)| (key.clone(), listed_upload(key, id, upload, encoding)))
                .collect::<Vec<_>>())
        })?;
        let truncated = uploads.len() > max;
        uploads.truncate(max);
        let last = uploads.last().filter(|_| truncated);
        Ok(dto::ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            encoding_type: input.encoding_type,
            is_truncated: Some(truncated),
            key_marker: Some(encoding.text(&key_marker)),
            upload_id_marker: Some(id_marker),
            max_uploads: i32::try_from(max).ok(),
            next_key_marker: last.map(|(key, _)| encoding.text(key)),
            next_upload_id_marker: last.and_then(|(_, upload)| upload.upload_id.clone()),
            prefix: Some(encoding.text(&prefix)),
            uploads: Some(uploads.into_iter().map(|(_, upload)| upload).collect()),
            ..Default::default()
        })
    }
}

fn storage_class(upload: &Upload) -> String {
    upload.options.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned())
}

fn listed_upload(key: &str, id: &str, upload: &Upload, encoding: Encoding) -> dto::MultipartUpload {
    dto::MultipartUpload {
        checksum_algorithm: upload.algorithm.map(algorithm_name),
        checksum_type: upload.kind.map(kind_name),
        initiated: Some(timestamp(upload.initiated)),
        key: Some(encoding.text(key)),
        storage_class: Some(dto::StorageClass::from(storage_class(upload))),
        upload_id: Some(id.to_owned()),
        ..Default::default()
    }
}
