//! A bucket in memory that behaves as S3 does: a first-class adapter, for tests and simulations.
//!
//! It passes the contract suite. Every call is atomic and takes no time. There is no clock: each write happens one
//! millisecond after the write before it. It never fails by itself; faults belong to wrappers around it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};

use crate::{
    memory::{
        bucket::{Bucket, World},
        content::{Checks, Content, Envelope, Stamp},
        order::KeyOrder,
    },
    object::{ByteRange, ETag, Headers, Listed, Location, ObjectInfo, ObjectKey, Pin, Timestamp, VersionId},
    store::{
        ByteStream, Capabilities, ChecksumSupport, ErrorKind, Fetched, ListRequest, ListingOrder, Page, Source,
        StoreError, Upload,
    },
};

/// What a bucket can do unless it is built otherwise: all that S3 can, and parts of any size.
const S3: Capabilities =
    Capabilities { conditional_writes: true, checksums: ChecksumSupport::Crc64Nvme, headers: true, min_part_size: 1 };

/// S3's longest page of a listing.
const PAGE_SIZE: usize = 1000;

/// Whether old versions stay readable by their id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    Kept,
    Replaced,
}

/// What the tags of objects are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tags {
    /// Of their bytes, as S3 does.
    Digests,
    /// Of nothing that anybody else knows.
    Opaque,
}

/// A bucket in memory. Clones are the same bucket.
#[derive(Clone)]
pub struct Memory {
    pub(crate) location: Location,
    pub(crate) capabilities: Capabilities,
    versions: Versions,
    pub(crate) checks: Checks,
    tags: Tags,
    page_size: usize,
    pub(crate) dropped: fn(&mut Headers),
    order: KeyOrder,
    /// Whether listings are sorted on this side, where that is possible.
    sorts: Option<Arc<AtomicBool>>,
    world: Arc<Mutex<World>>,
}

impl Memory {
    /// An empty bucket in a store of its own. Stores of one name cannot be told apart by their locations.
    pub fn new(name: &str) -> Self {
        let memory = Self {
            location: Location::new(format!("memory://{name}"), name),
            capabilities: S3,
            versions: Versions::Replaced,
            checks: Checks::All,
            tags: Tags::Digests,
            page_size: PAGE_SIZE,
            dropped: |_| (),
            order: KeyOrder::Bytes,
            sorts: None,
            world: Arc::default(),
        };
        memory.world().bucket(name);
        memory
    }

    /// Offers only this. Conditions are ignored where they are not offered, as older stores ignore them.
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Keeps old versions readable by their id.
    pub fn versioned(mut self) -> Self {
        self.versions = Versions::Kept;
        self
    }

    /// Completes an upload with whatever the named parts are by now, and asks neither for their tags nor for the size of the
    /// whole, as older stores do.
    pub fn lenient(mut self) -> Self {
        self.checks = Checks::Numbers;
        self
    }

    /// Takes headers and metadata with an object and says nothing of it when `dropped` changes them.
    pub fn dropping(mut self, dropped: fn(&mut Headers)) -> Self {
        self.dropped = dropped;
        self
    }

    /// Gives objects tags that say nothing of their bytes, and no two the same, as stores do that encrypt by themselves.
    pub fn with_opaque_tags(mut self) -> Self {
        self.tags = Tags::Opaque;
        self
    }

    /// Lists at most so many keys or uploads a page; at least one.
    pub fn with_page_size(mut self, keys: usize) -> Self {
        self.page_size = keys.max(1);
        self
    }

    /// Lists in this order.
    pub fn with_order(mut self, order: KeyOrder) -> Self {
        self.order = order;
        self
    }

    /// Sorts its listings when it is asked to.
    pub fn that_can_sort(mut self) -> Self {
        self.sorts = Some(Arc::default());
        self
    }

    /// Another bucket of the same store, with the same settings: objects can be copied between both inside the store.
    pub fn sibling(&self, name: &str) -> Self {
        self.world().bucket(name);
        let location = Location::new(self.location.endpoint.clone(), name);
        Self { location, ..self.clone() }
    }

    /// Lets the store's next write happen one millisecond after `time`.
    pub fn continue_from(&self, time: Timestamp) {
        self.world().continue_from(time);
    }

    /// Stores an object, as another writer would. Panics on a text that is no key.
    pub fn insert(&self, key: &str, bytes: impl Into<Bytes>) -> ETag {
        self.insert_with(key, bytes, Headers::default())
    }

    /// Stores an object with headers. Panics on a text that is no key.
    pub fn insert_with(&self, key: &str, bytes: impl Into<Bytes>, headers: Headers) -> ETag {
        let key = ObjectKey::new(key).expect("a test inserts keys of 1 to 1,024 bytes");
        let content = Content::of(bytes.into(), self.capabilities.checksums);
        let mut world = self.world();
        let stamp = self.stamp(&mut world);
        let etag = stamp.tag.clone().unwrap_or_else(|| content.etag.clone());
        self.bucket(&mut world).store(Envelope { key, headers, storage_class: None }, content, stamp);
        etag
    }

    /// The current bytes of a key.
    pub fn bytes(&self, key: &str) -> Option<Bytes> {
        self.bucket(&mut self.world()).bytes(key)
    }

    /// Deletes the current object, as another writer would. Its old versions stay readable where they are kept.
    pub fn remove(&self, key: &str) {
        self.bucket(&mut self.world()).remove(key);
    }

    /// The keys of all current objects, in byte order.
    pub fn keys(&self) -> Vec<String> {
        self.bucket(&mut self.world()).keys()
    }

    /// All unfinished uploads, by key and time.
    pub fn uploads(&self) -> Vec<Upload> {
        self.bucket(&mut self.world()).unfinished().into_iter().map(|listed| listed.upload).collect()
    }

    pub(crate) fn page_size(&self) -> usize {
        self.page_size
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn bucket<'a>(&self, world: &'a mut World) -> &'a mut Bucket {
        world.bucket(&self.location.bucket)
    }

    /// Time and version of a write that happens now.
    pub(crate) fn stamp(&self, world: &mut World) -> Stamp {
        let modified = world.tick();
        let version_id = match self.versions {
            Versions::Kept => VersionId::new(&format!("version-{}", modified.0)),
            Versions::Replaced => None,
        };
        let tag = (self.tags == Tags::Opaque).then(|| ETag::new(&format!("tag-{}", modified.0)));
        Stamp { modified, version_id, tag }
    }

    /// Says where and about what an error was.
    pub(crate) fn here<T>(&self, key: &ObjectKey, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        answer.map_err(|error| error.at(&self.location).on(key))
    }

    /// Each page is what is there when it is asked for.
    fn pages(&self, request: ListRequest) -> impl Iterator<Item = Vec<Listed>> + Send + '_ {
        let ListRequest { prefix, start_after } = request;
        let mut after = start_after.unwrap_or_default();
        let order = if self.listing_order() == ListingOrder::Sorted { KeyOrder::Bytes } else { self.order };
        std::iter::from_fn(move || {
            let mut world = self.world();
            let bucket = self.bucket(&mut world);
            let page = match order {
                KeyOrder::Bytes => bucket.page(&prefix, &after, self.page_size),
                order => bucket.page_in(order, &prefix, &after, self.page_size),
            };
            page.last()?.key.as_str().clone_into(&mut after);
            Some(page)
        })
    }

    fn fetch(&self, key: &ObjectKey, pin: Option<&Pin>, range: Option<ByteRange>) -> Result<Fetched, StoreError> {
        let mut world = self.world();
        let stored = self.bucket(&mut world).read(key, pin, "GetObject")?;
        let (bytes, range) = match range {
            None => (stored.bytes.clone(), None),
            Some(range) => {
                let (bytes, range) = slice(&stored.bytes, range, "GetObject")?;
                (bytes, Some(range))
            }
        };
        Ok(Fetched { info: stored.info.clone(), range, body: ByteStream::from_bytes(bytes) })
    }
}

/// The bytes of a range. A range that reaches past the end is cut off there; one that begins there is refused.
pub(crate) fn slice(
    bytes: &Bytes,
    range: ByteRange,
    operation: &'static str,
) -> Result<(Bytes, ByteRange), StoreError> {
    let size = bytes.len() as u64;
    let length = range.len().min(size.saturating_sub(range.first()));
    let Some(cut) = ByteRange::new(range.first(), length) else {
        let words = format!("{range} begins behind the {size} bytes of the object");
        return Err(StoreError::new(ErrorKind::InvalidRequest, operation, words));
    };
    // Both ends lie inside an object that is in memory, so they fit a usize.
    Ok((bytes.slice(cut.first() as usize..=cut.last() as usize), cut))
}

impl Source for Memory {
    fn location(&self) -> &Location {
        &self.location
    }

    fn list(&self, request: ListRequest) -> BoxStream<'_, Page> {
        let without_version = |line| Listed { version_id: None, ..line };
        let pages = self.pages(request).map(move |page| Ok(page.into_iter().map(without_version).collect()));
        futures_util::stream::iter(pages).boxed()
    }

    fn lists_from_anywhere(&self) -> bool {
        self.listing_order() == ListingOrder::Claimed
    }

    fn listing_order(&self) -> ListingOrder {
        match &self.sorts {
            Some(sorts) if sorts.load(Ordering::Relaxed) => ListingOrder::Sorted,
            Some(_) | None => ListingOrder::Claimed,
        }
    }

    fn sort_listings(&self) -> bool {
        self.sorts.as_ref().is_some_and(|sorts| !sorts.swap(true, Ordering::Relaxed))
    }

    fn list_versions(&self, request: ListRequest) -> BoxStream<'_, Page> {
        futures_util::stream::iter(self.pages(request).map(Ok)).boxed()
    }

    async fn head_object(&self, key: &ObjectKey) -> Result<ObjectInfo, StoreError> {
        let mut world = self.world();
        let read = self.bucket(&mut world).read(key, None, "HeadObject").map(|stored| stored.info.clone());
        self.here(key, read)
    }

    async fn get_object(
        &self,
        key: &ObjectKey,
        pin: Option<&Pin>,
        range: Option<ByteRange>,
    ) -> Result<Fetched, StoreError> {
        self.here(key, self.fetch(key, pin, range))
    }
}
