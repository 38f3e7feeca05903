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

/// Writes requests that do so.
macro_rules! either_answers {
    ($(async fn $request:ident($($given:ident: $kind:ty),*) -> $answer:ty;)*) => {
        $(async fn $request(&self, $($given: $kind),*) -> Result<$answer, StoreError> {
            either!(self, store => store.$request($($given),*).await)
        })*
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

    either_answers! {
        async fn head_object(key: &ObjectKey) -> ObjectInfo;
        async fn get_object(key: &ObjectKey, pin: Option<&Pin>, range: Option<ByteRange>) -> Fetched;
    }
}

impl Destination for Store {
    fn capabilities(&self) -> Capabilities {
        either!(self, store => store.capabilities())
    }

    fn refuse_key(&self, key: &ObjectKey) -> Option<String> {
        either!(self, store => store.refuse_key(key))
    }

    fn list_multipart_uploads(&self, filter: UploadFilter) -> BoxStream<'_, Result<Vec<UnfinishedUpload>, StoreError>> {
        either!(self, store => store.list_multipart_uploads(filter))
    }

    fn copies_from(&self, source: &Location) -> bool {
        either!(self, store => store.copies_from(source))
    }

    either_answers! {
        async fn put_object(new: &NewObject<'_>, only_if: &Condition, crc: Option<Crc64>, body: ByteStream) -> Written;
        async fn create_multipart_upload(object: &NewObject<'_>) -> Upload;
        async fn list_parts(upload: &Upload) -> Vec<UploadedPart>;
        async fn reread_part(upload: &Upload, part: &UploadedPart) -> bool;
        async fn upload_part(upload: &Upload, part: &PartSpec, body: ByteStream) -> UploadedPart;
        async fn complete_multipart_upload(upload: &Upload, completion: &Completion<'_>) -> Written;
        async fn abort_multipart_upload(upload: &Upload) -> ();
        async fn delete_object(key: &ObjectKey) -> ();
        async fn copy_object(object: &NewObject<'_>, source: &CopySource<'_>) -> Written;
        async fn upload_part_copy(upload: &Upload, part: &PartSpec, source: &CopySource<'_>) -> UploadedPart;
    }
}
