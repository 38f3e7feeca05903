//! Either kind of store, so that the engine is built once.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::BoxStream;
use longhaul::{
    object::{ByteRange, Crc64, Location, ObjectInfo, ObjectKey, PartSpec, Pin},
    store::{
        ByteStream, Capabilities, Completion, Condition, CopySource, Destination, Fetched, ListRequest, ListingOrder,
        NewObject, Page, Source, StoreError, UnfinishedUpload, Upload, UploadFilter, UploadedPart, Written,
    },
};
use longhaul_aws::S3Bucket;
use longhaul_local::{LocalFolder, sorted};

/// A bucket or a folder.
pub enum Store {
    /// A bucket of a store that speaks S3, and whether its listings are sorted here.
    S3(S3Bucket, Sorts),
    /// A folder of this machine.
    Local(LocalFolder),
}

/// Whether listings are sorted on this machine, since the store lists in another order.
#[derive(Debug, Default)]
pub struct Sorts(AtomicBool);

impl Store {
    /// A bucket.
    pub fn s3(bucket: S3Bucket) -> Self {
        Self::S3(bucket, Sorts::default())
    }

    fn is_sorted(&self) -> bool {
        match self {
            Self::S3(_, Sorts(sorts)) => sorts.load(Ordering::Relaxed),
            Self::Local(_) => true,
        }
    }
}

/// Hands a call on to whichever it is.
macro_rules! either {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            Store::S3($store, _) => $call,
            Store::Local($store) => $call,
        }
    };
}

impl Source for Store {
    fn location(&self) -> &Location {
        either!(self, store => store.location())
    }

    fn list(&self, request: ListRequest) -> BoxStream<'_, Page> {
        match self {
            Self::S3(bucket, _) if self.is_sorted() => sorted(bucket, request),
            Self::S3(bucket, _) => bucket.list(request),
            Self::Local(folder) => folder.list(request),
        }
    }

    fn lists_from_anywhere(&self) -> bool {
        !self.is_sorted()
    }

    fn listing_order(&self) -> ListingOrder {
        if self.is_sorted() { ListingOrder::Sorted } else { ListingOrder::Claimed }
    }

    fn sort_listings(&self) -> bool {
        match self {
            Self::S3(_, Sorts(sorts)) => !sorts.swap(true, Ordering::Relaxed),
            Self::Local(_) => false,
        }
    }

    fn repeats_pages(&self) -> bool {
        either!(self, store => store.repeats_pages())
    }

    fn list_versions(&self, request: ListRequest) -> BoxStream<'_, Page> {
        either!(self, store => store.list_versions(request))
    }

    async fn head_object(&self, key: &ObjectKey) -> Result<ObjectInfo, StoreError> {
        either!(self, store => store.head_object(key).await)
    }

    async fn get_object(
        &self,
        key: &ObjectKey,
        pin: Option<&Pin>,
        range: Option<ByteRange>,
    ) -> Result<Fetched, StoreError> {
        either!(self, store => store.get_object(key, pin, range).await)
    }
}

impl Destination for Store {
    fn capabilities(&self) -> Capabilities {
        either!(self, store => store.capabilities())
    }

    fn refuse_key(&self, key: &ObjectKey) -> Option<String> {
        either!(self, store => store.refuse_key(key))
    }

    async fn put_object(
        &self,
        object: &NewObject<'_>,
        condition: &Condition,
        expected: Option<Crc64>,
        body: ByteStream,
    ) -> Result<Written, StoreError> {
        either!(self, store => store.put_object(object, condition, expected, body).await)
    }

    async fn create_multipart_upload(&self, object: &NewObject<'_>) -> Result<Upload, StoreError> {
        either!(self, store => store.create_multipart_upload(object).await)
    }

    fn list_multipart_uploads(&self, filter: UploadFilter) -> BoxStream<'_, Result<Vec<UnfinishedUpload>, StoreError>> {
        either!(self, store => store.list_multipart_uploads(filter))
    }

    async fn list_parts(&self, upload: &Upload) -> Result<Vec<UploadedPart>, StoreError> {
        either!(self, store => store.list_parts(upload).await)
    }

    async fn reread_part(&self, upload: &Upload, part: &UploadedPart) -> Result<bool, StoreError> {
        either!(self, store => store.reread_part(upload, part).await)
    }

    async fn upload_part(
        &self,
        upload: &Upload,
        part: &PartSpec,
        body: ByteStream,
    ) -> Result<UploadedPart, StoreError> {
        either!(self, store => store.upload_part(upload, part, body).await)
    }

    async fn complete_multipart_upload(
        &self,
        upload: &Upload,
        completion: &Completion<'_>,
    ) -> Result<Written, StoreError> {
        either!(self, store => store.complete_multipart_upload(upload, completion).await)
    }

    async fn abort_multipart_upload(&self, upload: &Upload) -> Result<(), StoreError> {
        either!(self, store => store.abort_multipart_upload(upload).await)
    }

    async fn delete_object(&self, key: &ObjectKey) -> Result<(), StoreError> {
        either!(self, store => store.delete_object(key).await)
    }

    fn copies_from(&self, source: &Location) -> bool {
        either!(self, store => store.copies_from(source))
    }

    async fn copy_object(&self, object: &NewObject<'_>, source: &CopySource<'_>) -> Result<Written, StoreError> {
        either!(self, store => store.copy_object(object, source).await)
    }

    async fn upload_part_copy(
        &self,
        upload: &Upload,
        part: &PartSpec,
        source: &CopySource<'_>,
    ) -> Result<UploadedPart, StoreError> {
        either!(self, store => store.upload_part_copy(upload, part, source).await)
    }
}
