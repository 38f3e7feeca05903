//! The unfinished uploads of a bucket.

use aws_sdk_s3::{
    operation::list_multipart_uploads::ListMultipartUploadsOutput,
    types::{ChecksumAlgorithm, ChecksumType, EncodingType, MultipartUpload},
};
use futures_util::stream::BoxStream;
use longhaul::{
    object::ObjectKey,
    store::{PageEnd, Paging, StoreError, UnfinishedUpload, Upload, UploadFilter},
};

use crate::s3::{
    bucket::S3Bucket,
    error::store_error,
    lists::pages::{self, Pages, endless, given, most_lines},
    translate::{listed_key, malformed, timestamp},
};

const OPERATION: &str = "ListMultipartUploads";

/// Uploads of one key that are looked at, and uploads of a bucket. Each is held in memory by whoever asked; a bucket that really
/// has more wants a lifecycle rule, and a copy never begins a second upload of a key while it knows of one.
const MOST_OF_A_KEY: usize = 10_000;

const MOST_OF_A_BUCKET: usize = 1_000_000;

/// Bytes of their keys and ids together.
const MOST_TEXT: usize = 256 << 20;

/// Behind which upload a page begins.
#[derive(Clone, PartialEq)]
struct Marker {
    key: String,
    id: Option<String>,
}

struct Uploads<'a> {
    bucket: &'a S3Bucket,
    filter: UploadFilter,
    paging: Paging<Marker>,
    count: usize,
    text: usize,
}

/// Lists uploads as [`Destination::list_multipart_uploads`](longhaul::store::Destination::list_multipart_uploads) says.
pub(crate) fn list(
    bucket: &S3Bucket,
    filter: UploadFilter,
) -> BoxStream<'_, Result<Vec<UnfinishedUpload>, StoreError>> {
    pages::stream(Uploads { bucket, filter, paging: Paging::from(None), count: 0, text: 0 })
}

impl Pages for Uploads<'_> {
    type Line = UnfinishedUpload;

    async fn next(&mut self) -> Result<(Vec<UnfinishedUpload>, bool), StoreError> {
        let (key, id) = self.paging.asked().cloned().map(|marker| (marker.key, marker.id)).unzip();
        let prefix = match &self.filter {
            UploadFilter::Key(key) => key.as_str(),
            UploadFilter::Prefix(prefix) => prefix,
        };
        let bucket = self.bucket;
        let request = bucket
            .client
            .list_multipart_uploads()
            .bucket(&bucket.location.bucket)
            .prefix(prefix)
            .set_key_marker(key)
            .set_upload_id_marker(id.flatten())
            .set_request_payer(bucket.payer())
            .encoding_type(EncodingType::Url);
        let answer = request.send().await.map_err(|error| store_error(OPERATION, error).at(&bucket.location))?;
        self.page(answer).map_err(|error| error.at(&bucket.location))
    }
}

impl Uploads<'_> {
    fn page(&mut self, answer: ListMultipartUploadsOutput) -> Result<(Vec<UnfinishedUpload>, bool), StoreError> {
        let encoded = answer.encoding_type == Some(EncodingType::Url);
        let names_checksums = self.bucket.provider.names_checksums();
        let uploads = answer.uploads.unwrap_or_default().into_iter();
        let mut uploads =
            uploads.map(|upload| unfinished(upload, encoded, names_checksums)).collect::<Result<Vec<_>, _>>()?;
        let last = uploads.last().map(|found| &found.upload);
        let next = given(answer.next_key_marker).map(|text| key(&text, encoded)).transpose()?;
        let id = given(answer.next_upload_id_marker);
        let end = PageEnd {
            truncated: answer.is_truncated,
            next: next.map(|key| Marker { key: key.into(), id: id.clone() }),
            // SeaweedFS names the next upload and not its key.
            behind_last: last
                .map(|last| Marker { key: last.key.as_str().to_owned(), id: id.or_else(|| Some(last.id.clone())) }),
            lines: uploads.len(),
            most_lines: most_lines(answer.max_uploads),
            names_what_was_asked: answer.bucket.is_some(),
        };
        let last_line = last.map(|last| format!("{:?} {:?}", last.key, last.id));
        let more = pages::has_more(OPERATION, &mut self.paging, last_line, end)?;
        if let UploadFilter::Key(key) = &self.filter {
            uploads.retain(|found| found.upload.key == *key);
        }
        self.count(&uploads)?;
        Ok((uploads, more))
    }

    fn count(&mut self, uploads: &[UnfinishedUpload]) -> Result<(), StoreError> {
        let most = match self.filter {
            UploadFilter::Key(_) => MOST_OF_A_KEY,
            UploadFilter::Prefix(_) => MOST_OF_A_BUCKET,
        };
        self.count += uploads.len();
        let texts = uploads.iter().map(|found| found.upload.key.as_str().len() + found.upload.id.len());
        self.text += texts.sum::<usize>();
        if self.count > most || self.text > MOST_TEXT {
            let words =
                format!("the store names more than {most} unfinished uploads, or {} MiB of them", MOST_TEXT >> 20);
            return Err(endless(OPERATION, words));
        }
        Ok(())
    }
}

fn unfinished(found: MultipartUpload, encoded: bool, names_checksums: bool) -> Result<UnfinishedUpload, StoreError> {
    let text = found.key.as_deref().ok_or_else(|| broken("an upload without a key"))?;
    let key = key(text, encoded)?;
    let id = found.upload_id.ok_or_else(|| broken("an upload without an id"))?;
    let adoptable = match (names_checksums, &found.checksum_algorithm) {
        (true, Some(ChecksumAlgorithm::Crc64Nvme)) => {
            found.checksum_type.as_ref().is_none_or(|kind| *kind == ChecksumType::FullObject)
        }
        (true, _) | (false, Some(_)) => false,
        (false, None) => true,
    };
    Ok(UnfinishedUpload { upload: Upload { key, id }, initiated: timestamp(found.initiated.as_ref()), adoptable })
}

fn key(text: &str, encoded: bool) -> Result<ObjectKey, StoreError> {
    listed_key(text, encoded).map_err(|error| broken("a key that cannot be read").caused_by(error))
}

fn broken(what: &str) -> StoreError {
    malformed(OPERATION, what)
}
