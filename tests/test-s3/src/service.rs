//! The S3 operations, each handed to the file that knows it.

use std::sync::Arc;

use s3s::{S3, S3Request, S3Response, S3Result, dto::*};

use crate::{server::Dialect, store::Store, tags::Tagger};

/// The S3 service over a store.
pub(crate) struct Service {
    pub store: Arc<Store>,
    pub dialect: Dialect,
    pub tags: Tagger,
    pub region: Option<String>,
}

impl Service {
    pub fn new(store: Arc<Store>, dialect: Dialect, tags: Tagger, region: Option<String>) -> Self {
        Self { store, dialect, tags, region }
    }
}

/// Every operation is a method of `Service` that takes the request and gives the output.
macro_rules! operations {
    ($($name:ident($input:ty) -> $output:ty = $method:ident;)*) => {
        #[async_trait::async_trait]
        impl S3 for Service {
            $(
                async fn $name(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                    self.$method(request).await.map(S3Response::new)
                }
            )*

            // The tag count is a header this version of the crate does not know for HEAD.
            async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
                let (output, headers) = self.head(request).await?;
                let mut response = S3Response::new(output);
                response.headers = headers;
                Ok(response)
            }
        }
    };
}

operations! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput = bucket_create;
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput = bucket_delete;
    head_bucket(HeadBucketInput) -> HeadBucketOutput = bucket_head;
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput = bucket_location;
    list_buckets(ListBucketsInput) -> ListBucketsOutput = bucket_list;
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput = bucket_versioning;
    put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput = bucket_set_versioning;
    get_object(GetObjectInput) -> GetObjectOutput = read;
    get_object_tagging(GetObjectTaggingInput) -> GetObjectTaggingOutput = tags;
    put_object(PutObjectInput) -> PutObjectOutput = put;
    put_object_tagging(PutObjectTaggingInput) -> PutObjectTaggingOutput = set_tags;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = delete;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = delete_many;
    copy_object(CopyObjectInput) -> CopyObjectOutput = copy;
    list_objects(ListObjectsInput) -> ListObjectsOutput = list_v1;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = list_v2;
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput = list_all_versions;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput = upload_create;
    upload_part(UploadPartInput) -> UploadPartOutput = upload_part_body;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput = upload_part_from;
    list_parts(ListPartsInput) -> ListPartsOutput = upload_parts;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput = upload_list;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput = upload_complete;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput = upload_abort;
}
