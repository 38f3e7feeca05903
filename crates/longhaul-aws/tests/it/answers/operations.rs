//! The operations whose answers are XML: what they are asked with, and a whole answer of each.

use futures_util::TryStreamExt;
use longhaul::{
    object::{ByteRange, ETag, Headers, Location, ObjectKey, PartNumber, PartSpec, Pin, Timestamp},
    store::{
        Completion, Condition, CopySource, Destination, ListRequest, NewObject, Source, StoreError, Upload,
        UploadFilter, UploadedPart,
    },
};
use longhaul_aws::S3Bucket;

/// An operation and its whole answer.
pub struct Operation {
    pub name: &'static str,
    pub answer: &'static str,
    pub is_write: bool,
}

pub const OPERATIONS: [Operation; 8] = [
    Operation {
        name: "ListObjectsV2",
        answer: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Name>bucket</Name><Prefix/><IsTruncated>false</IsTruncated>\
            <Contents><Key>a</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>1</Size></Contents>\
            <Contents><Key>b</Key><Size>1</Size></Contents></ListBucketResult>",
        is_write: false,
    },
    Operation {
        name: "ListObjectVersions",
        answer: "<ListVersionsResult><Name>bucket</Name><IsTruncated>false</IsTruncated>\
            <Version><Key>a</Key><VersionId>1</VersionId><IsLatest>true</IsLatest><Size>1</Size></Version>\
            <DeleteMarker><Key>b</Key><VersionId>2</VersionId><IsLatest>true</IsLatest></DeleteMarker></ListVersionsResult>",
        is_write: false,
    },
    Operation {
        name: "ListMultipartUploads",
        answer: "<ListMultipartUploadsResult><Bucket>bucket</Bucket><IsTruncated>false</IsTruncated>\
            <Upload><Key>a</Key><UploadId>1</UploadId></Upload></ListMultipartUploadsResult>",
        is_write: false,
    },
    Operation {
        name: "ListParts",
        answer: "<ListPartsResult><Bucket>bucket</Bucket><Key>a</Key><UploadId>u</UploadId><IsTruncated>false</IsTruncated>\
            <Part><PartNumber>1</PartNumber><ETag>\"e\"</ETag><Size>1</Size></Part></ListPartsResult>",
        is_write: false,
    },
    Operation {
        name: "CreateMultipartUpload",
        answer: "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>a</Key><UploadId>u</UploadId>\
            </InitiateMultipartUploadResult>",
        is_write: true,
    },
    Operation {
        name: "CompleteMultipartUpload",
        answer: "<CompleteMultipartUploadResult><Bucket>bucket</Bucket><Key>a</Key><ETag>\"e-1\"</ETag>\
            </CompleteMultipartUploadResult>",
        is_write: true,
    },
    Operation { name: "CopyObject", answer: "<CopyObjectResult><ETag>\"e\"</ETag></CopyObjectResult>", is_write: true },
    Operation { name: "UploadPartCopy", answer: "<CopyPartResult><ETag>\"e\"</ETag></CopyPartResult>", is_write: true },
];

/// Asks for it, and says how many lines came.
pub async fn ask(bucket: &S3Bucket, operation: &str) -> Result<usize, StoreError> {
    let key = ObjectKey::new("a").unwrap();
    let headers = Headers::default();
    let object = NewObject { key: &key, headers: &headers, storage_class: None, modified: Timestamp(0) };
    let upload = Upload { key: key.clone(), id: "u".into() };
    let part = PartSpec { number: PartNumber::new(1).unwrap(), range: ByteRange::new(0, 1).unwrap() };
    let pin = Pin { etag: ETag::new("e"), size: 1, version_id: None, crc64nvme: None, modified: Timestamp(0) };
    let location = Location::new("http://127.0.0.1", "other");
    let source = CopySource { location: &location, key: &key, pin: &pin };
    match operation {
        "ListObjectsV2" => lines(bucket.list(ListRequest::default()).try_collect().await?),
        "ListObjectVersions" => lines(bucket.list_versions(ListRequest::default()).try_collect().await?),
        "ListMultipartUploads" => {
            lines(bucket.list_multipart_uploads(UploadFilter::Prefix(String::new())).try_collect().await?)
        }
        "ListParts" => bucket.list_parts(&upload).await.map(|parts| parts.len()),
        "CreateMultipartUpload" => bucket.create_multipart_upload(&object).await.map(|_| 1),
        "CompleteMultipartUpload" => {
            let parts = [UploadedPart { number: part.number, size: 1, etag: ETag::new("e"), crc64nvme: None }];
            let completion = Completion { parts: &parts, size: 1, crc64nvme: None, condition: Condition::None };
            bucket.complete_multipart_upload(&upload, &completion).await.map(|_| 1)
        }
        "CopyObject" => bucket.copy_object(&object, &source).await.map(|_| 1),
        "UploadPartCopy" => bucket.upload_part_copy(&upload, &part, &source).await.map(|_| 1),
        other => panic!("no such operation here: {other}"),
    }
}

fn lines<T>(pages: Vec<Vec<T>>) -> Result<usize, StoreError> {
    Ok(pages.iter().map(Vec::len).sum())
}
