//! What the engine asks of the world. Every adapter passes the contract suite.
//!
//! Methods carry S3's operation names. Implementations do not retry, do not wait, and do not log: the engine does.

use std::{future::Future, time::Duration};

use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};

use crate::{
    body::ByteStream,
    checksum::Crc64,
    error::{ErrorKind, LedgerError, StoreError},
    object::{ETag, Headers, Listed, Location, ObjectInfo, ObjectKey, Pin, Timestamp, VersionId},
    part::{ByteRange, PartNumber, PartSpec},
    record::{Lease, Record, RecordKey, Token},
};

pub use crate::scan_record::ScanRecord;

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Only keys that begin with this text.
    pub prefix: String,
    /// Only keys behind this one.
    pub start_after: Option<String>,
}

/// What a store's listings are known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingOrder {
    /// In the order of the store's answers, which should be byte order of keys and may be another.
    Claimed,
    /// In byte order, since they are sorted on this side.
    Sorted,
}

/// What a listing hands on at a time: in byte order of keys, at most 1,000. It may be empty and not the last one.
pub type Page = Result<Vec<Listed>, StoreError>;

/// An object's description and body.
pub struct Fetched {
    /// The whole object's description, also for a range.
    pub info: ObjectInfo,
    /// The bytes that the body holds: the range as the store understood it, `None` for the whole object.
    pub range: Option<ByteRange>,
    /// The bytes.
    pub body: ByteStream,
}

/// Where objects are read.
pub trait Source: Send + Sync + 'static {
    /// The bucket or folder.
    fn location(&self) -> &Location;

    /// Lists keys in byte order. After an error the stream ends; a new one may begin behind the last key seen.
    fn list(&self, request: ListRequest) -> BoxStream<'_, Page>;

    /// Whether a listing can begin behind any key at little cost. A store that reads everything before it anyway is better
    /// listed once than in ranges.
    fn lists_from_anywhere(&self) -> bool {
        true
    }

    /// Whether the listings can be taken at their word.
    fn listing_order(&self) -> ListingOrder {
        ListingOrder::Claimed
    }

    /// From now on reads the whole listing, once for each [`list`](Self::list), and sorts it: for a store that lists in another
    /// order. Whether that is so from now on, and was not before.
    fn sort_listings(&self) -> bool {
        false
    }

    /// Whether a [`list`](Self::list) that is polled again behind an error asks for the same page again. Otherwise it has ended.
    fn repeats_pages(&self) -> bool {
        false
    }

    /// Lists the current versions, as [`list`](Self::list) does, with their version ids. A store without versions, or one that
    /// keeps them to itself, answers with an error.
    fn list_versions(&self, _request: ListRequest) -> BoxStream<'_, Page> {
        let error = StoreError::new(ErrorKind::Unsupported, "ListObjectVersions", "this store lists no versions");
        stream::once(async move { Err(error) }).boxed()
    }

    /// Describes the current object, or [`NotFound`](crate::error::ErrorKind::NotFound).
    fn head_object(&self, key: &ObjectKey) -> impl Future<Output = Result<ObjectInfo, StoreError>> + Send;

    /// Reads the current object, or the pinned one, whole or in a range. With a pin the read must meet it: another object
    /// is [`PreconditionFailed`](crate::error::ErrorKind::PreconditionFailed). The caller checks the answer all the same.
    fn get_object(
        &self,
        key: &ObjectKey,
        pin: Option<&Pin>,
        range: Option<ByteRange>,
    ) -> impl Future<Output = Result<Fetched, StoreError>> + Send;
}

/// What a conditional write demands of the object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: whatever is there is replaced.
    None,
    /// There must be no object.
    IfAbsent,
    /// The object there must have this tag.
    IfMatch(ETag),
}

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

/// A multipart upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The key it will become.
    pub key: ObjectKey,
    /// The store's id of it.
    pub id: String,
}

/// An upload that a listing of uploads shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// Key and id.
    pub upload: Upload,
    /// When it was created, by the store's clock.
    pub initiated: Timestamp,
    /// Whether its checksum settings are ones that the engine can complete: CRC64NVME of the full object, or none.
    pub adoptable: bool,
}

/// Which uploads to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadFilter {
    /// Those of exactly this key.
    Key(ObjectKey),
    /// Those whose key begins with this text.
    Prefix(String),
}

/// A part as the destination holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedPart {
    /// Its number.
    pub number: PartNumber,
    /// Its bytes.
    pub size: u64,
    /// Its tag.
    pub etag: ETag,
    /// CRC64NVME of the bytes that the store received, where it says so.
    pub crc64nvme: Option<Crc64>,
}

/// The end of a multipart upload.
#[derive(Clone, Debug)]
pub struct Completion<'a> {
    /// All parts in order.
    pub parts: &'a [UploadedPart],
    /// Bytes of the whole.
    pub size: u64,
    /// CRC64NVME of the whole, for the store to check, where every part's is known.
    pub crc64nvme: Option<Crc64>,
    /// What must be there now.
    pub condition: Condition,
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
    fn refuse_key(&self, key: &ObjectKey) -> Option<String>;

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

    /// Drops an upload and its parts. An unknown upload is [`NoSuchUpload`](crate::error::ErrorKind::NoSuchUpload).
    fn abort_multipart_upload(&self, upload: &Upload) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Deletes the current object; in a bucket with versions the old ones stay. A key without an object is no error.
    fn delete_object(&self, key: &ObjectKey) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether this store can copy from `source` by itself, with the credentials it has.
    fn copies_from(&self, source: &Location) -> bool;

    /// Copies a pinned source of at most 5 GiB inside the store. Headers and metadata travel.
    fn copy_object(
        &self,
        object: &NewObject<'_>,
        source: &CopySource<'_>,
    ) -> impl Future<Output = Result<Written, StoreError>> + Send;

    /// Copies a range of a pinned source into a part inside the store.
    fn upload_part_copy(
        &self,
        upload: &Upload,
        part: &PartSpec,
        source: &CopySource<'_>,
    ) -> impl Future<Output = Result<UploadedPart, StoreError>> + Send;
}

/// The answer to a conditional save.
#[derive(Clone, Debug)]
pub enum Saved {
    /// The record is durable under this token.
    Stored,
    /// Somebody else was first; this is what stands there now.
    Refused(Option<Box<(Record, Token)>>),
}

/// The table of records: one for each destination object.
pub trait Ledger: Send + Sync + 'static {
    /// The record of a destination object and the token of its last save.
    fn load(&self, key: &RecordKey) -> impl Future<Output = Result<Option<(Record, Token)>, LedgerError>> + Send;

    /// The records of many destination objects, in the order of `keys`. What cannot be read in one request is read in several.
    fn load_many(
        &self,
        keys: &[RecordKey],
    ) -> impl Future<Output = Result<Vec<Option<(Record, Token)>>, LedgerError>> + Send;

    /// Saves durably, if the record still carries `expected` (`None`: if there is no record). `token` is new for each
    /// save, so that a refused save that shows it is an earlier success of the same call.
    fn save(
        &self,
        record: &Record,
        expected: Option<&Token>,
        token: &Token,
    ) -> impl Future<Output = Result<Saved, LedgerError>> + Send;

    /// A lease for this process.
    fn new_lease(&self, now: Timestamp) -> Lease;

    /// Whether the holder of a lease that is not ours is still alive.
    fn is_held(&self, lease: &Lease, now: Timestamp) -> bool;
}

/// Where scans are remembered, so that two never run on one route at once and a new one waits for the last one's jobs.
pub trait ScanLedger: Send + Sync + 'static {
    /// What is known of the scans of `route` (any text that names it).
    fn load_scan(&self, route: &str) -> impl Future<Output = Result<Option<(ScanRecord, Token)>, LedgerError>> + Send;

    /// Saves as [`Ledger::save`] does. Whether it was stored: a refused save whose token stands in the ledger was an earlier
    /// success of this call, and counts as stored.
    fn save_scan(
        &self,
        route: &str,
        record: &ScanRecord,
        expected: Option<&Token>,
        token: &Token,
    ) -> impl Future<Output = Result<bool, LedgerError>> + Send;
}

/// Time.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;

    /// Ends after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// How much proof a copy asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// The strongest proof without a second read: the CRC64NVME that the store computes, else MD5 against ETags.
    #[default]
    Auto,
    /// The same, and the MD5 is computed even where the store names a CRC64NVME.
    Md5,
    /// TLS is enough: no MD5 is computed. Checksums that stores name all the same are compared.
    Transport,
    /// Reads the destination again and compares.
    ReadBack,
}
