//! What the engine asks of the world. Every adapter passes the contract suite.
//!
//! Methods carry S3's operation names. Implementations do not retry, do not wait, and do not log: the engine does.

use std::future::{Future, ready};

use futures_util::stream::BoxStream;

use crate::{
    object::{Crc64, ETag, Headers, Location, ObjectKey, PartSpec, Pin, Timestamp, VersionId},
    store::{
        body::ByteStream,
        error::{ErrorKind, StoreError},
        source::Source,
        upload::{Completion, Condition, UnfinishedUpload, Upload, UploadFilter, UploadedPart},
    },
};

/// What a destination can do. The engine never asks for what is not offered here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Conditions on PutObject and CompleteMultipartUpload are kept.
    pub conditional_writes: bool,
    /// What the store answers about the bytes that it received.
    pub checksums: ChecksumSupport,
    /// Headers and user metadata are kept.
    pub headers: bool,
    /// The smallest part but the last, in bytes.
    pub min_part_size: u64,
}

/// What a store says of the bytes that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumSupport {
    /// CRC64NVME of parts and of the whole object, checked by the store.
    Crc64Nvme,
    /// The ETag of a part or small object is its MD5.
    Md5ETag,
}

/// A new object's envelope.
#[derive(Clone, Debug)]
pub struct NewObject<'a> {
    /// Its key.
    pub key: &'a ObjectKey,
    /// Headers and user metadata.
    pub headers: &'a Headers,
    /// Storage class; `None` is the store's default.
    pub storage_class: Option<&'a str>,
    /// When the source was written; kept where the destination can (the mtime of a file).
    pub modified: Timestamp,
}

/// What a store says of an object it has just stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Its entity tag.
    pub etag: Option<ETag>,
    /// Its version, where the bucket keeps versions.
    pub version_id: Option<VersionId>,
    /// CRC64NVME of the whole object as the store computed it. One that the request had named, and that the store may merely
    /// repeat, does not belong here.
    pub crc64nvme: Option<Crc64>,
}

/// A pinned source object in the same store, for copies that the store does by itself.
#[derive(Clone, Debug)]
pub struct CopySource<'a> {
    /// The source bucket.
    pub location: &'a Location,
    /// The source key.
    pub key: &'a ObjectKey,
    /// The version to copy.
    pub pin: &'a Pin,
}

/// Where objects are written. A destination can also be listed and read.
pub trait Destination: Source {
    /// What the store can do.
    fn capabilities(&self) -> Capabilities;

    /// Why this key cannot be stored here, if it cannot. Asked before anything is read.
    fn refuse_key(&self, _key: &ObjectKey) -> Option<String> {
        None
    }

    /// Stores `body` in one request. Nothing is visible before all of it has arrived.
    fn put_object(
        &self,
        object: &NewObject<'_>,
        condition: &Condition,
        expected: Option<Crc64>,
        body: ByteStream,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;

    /// Begins an upload.
    fn create_multipart_upload(
        &self,
        object: &NewObject<'_>,
    ) -> impl Future<Output = Result<Upload, StoreError>> + Send;

    /// Finds unfinished uploads, a page at a time.
    fn list_multipart_uploads(&self, filter: UploadFilter) -> BoxStream<'_, Result<Vec<UnfinishedUpload>, StoreError>>;

    /// All parts of an upload, in order; at most 10,000.
    fn list_parts(&self, upload: &Upload) -> impl Future<Output = Result<Vec<UploadedPart>, StoreError>> + Send;

    /// Whether a part that [`list_parts`](Self::list_parts) shows still has the bytes that it is listed with. A store with a checksum
    /// of its own answers for what it lists; a destination that keeps notes beside the bytes reads them.
    fn reread_part(
        &self,
        _upload: &Upload,
        _part: &UploadedPart,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        async { Ok(true) }
    }

    /// Streams `body`, exactly `part.range.len()` bytes, into `part` of `upload`.
    fn upload_part(
        &self,
        upload: &Upload,
        part: &PartSpec,
        body: ByteStream,
    ) -> impl Future<Output = Result<UploadedPart, StoreError>> + Send;

    /// Makes the object of its parts.
    fn complete_multipart_upload(
        &self,
        upload: &Upload,
        completion: &Completion<'_>,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;

    /// Drops an upload and its parts. An unknown upload is [`NoSuchUpload`](crate::store::ErrorKind::NoSuchUpload).
    fn abort_multipart_upload(&self, upload: &Upload) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Deletes the current object; in a bucket with versions the old ones stay. A key without an object is no error.
    fn delete_object(&self, key: &ObjectKey) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether this store can copy from `source` by itself, with the credentials it has.
    fn copies_from(&self, _source: &Location) -> bool {
        false
    }

    /// Copies a pinned source of at most 5 GiB inside the store. Headers and metadata travel.
    fn copy_object(
        &self,
        object: &NewObject<'_>,
        _source: &CopySource<'_>,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send {
        ready(Err(copies_nothing("CopyObject", self.location(), object.key)))
    }

    /// Copies a range of a pinned source into a part inside the store.
    fn upload_part_copy(
        &self,
        upload: &Upload,
        _part: &PartSpec,
        _source: &CopySource<'_>,
    ) -> impl Future<Output = Result<UploadedPart, StoreError>> + Send {
        ready(Err(copies_nothing("UploadPartCopy", self.location(), &upload.key)))
    }
}

fn copies_nothing(operation: &'static str, location: &Location, key: &ObjectKey) -> StoreError {
    StoreError::new(ErrorKind::Unsupported, operation, "the store does not copy by itself").at(location).on(key)
}
