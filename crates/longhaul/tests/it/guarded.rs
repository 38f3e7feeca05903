//! A bucket in memory some of whose objects cannot be looked at, or not without something happening.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use longhaul::{
    memory::Memory,
    object::{ByteRange, Crc64, Location, ObjectInfo, ObjectKey, PartSpec, Pin},
    store::{
        ByteStream, Capabilities, Completion, Condition, Destination, ErrorKind, Fetched, ListRequest, NewObject, Page,
        Source, StoreError, UnfinishedUpload, Upload, UploadFilter, UploadedPart, Written,
    },
};

/// A bucket whose answers about some keys are errors. Clones are the same bucket.
#[derive(Clone)]
pub struct Guarded {
    memory: Memory,
    heads: Arc<Mutex<BTreeMap<String, ErrorKind>>>,
    listing: Arc<Mutex<Option<ErrorKind>>>,
    meanwhile: Arc<Mutex<Option<BoxFuture<'static, ()>>>>,
    damages: Arc<AtomicBool>,
}

impl Guarded {
    /// A bucket that answers all questions.
    pub fn new(memory: &Memory) -> Self {
        Self {
            memory: memory.clone(),
            heads: Arc::default(),
            listing: Arc::default(),
            meanwhile: Arc::default(),
            damages: Arc::default(),
        }
    }

    /// From now on this is the answer to a HEAD of `key`.
    pub fn refuse_head(&self, key: &str, kind: ErrorKind) {
        self.heads.lock().unwrap().insert(key.to_owned(), kind);
    }

    /// From now on this is the answer to a listing.
    pub fn refuse_listing(&self, kind: ErrorKind) {
        *self.listing.lock().unwrap() = Some(kind);
    }

    /// This happens when an object is read the next time, before it is.
    pub fn meanwhile(&self, deed: impl Future<Output = ()> + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(deed.boxed());
    }

    /// From now on bodies arrive damaged.
    pub fn damage(&self) {
        self.damages.store(true, Ordering::Relaxed);
    }

    fn refused(&self, kind: ErrorKind, operation: &'static str) -> StoreError {
        StoreError::new(kind, operation, "refused by a test").at(self.memory.location())
    }

    fn check_head(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let kind = self.heads.lock().unwrap().get(key.as_str()).copied();
        kind.map_or(Ok(()), |kind| Err(self.refused(kind, "HeadObject").on(key)))
    }
}

impl Source for Guarded {
    fn location(&self) -> &Location {
        self.memory.location()
    }
    fn list(&self, request: ListRequest) -> BoxStream<'_, Page> {
        let kind = *self.listing.lock().unwrap();
        match kind {
            Some(kind) => stream::once(async move { Err(self.refused(kind, "ListObjectsV2")) }).boxed(),
            None => self.memory.list(request),
        }
    }
    async fn head_object(&self, key: &ObjectKey) -> Result<ObjectInfo, StoreError> {
        self.check_head(key)?;
        self.memory.head_object(key).await
    }
    async fn get_object(
        &self,
        key: &ObjectKey,
        pin: Option<&Pin>,
        range: Option<ByteRange>,
    ) -> Result<Fetched, StoreError> {
        self.check_head(key)?;
        let deed = self.meanwhile.lock().unwrap().take();
        if let Some(deed) = deed {
            deed.await;
        }
        let mut fetched = self.memory.get_object(key, pin, range).await?;
        if self.damages.load(Ordering::Relaxed) {
            let bytes = fetched.body.collect().await?.into_iter().map(|byte| !byte).collect();
            fetched.body = ByteStream::from_bytes(Bytes::from_owner::<Vec<u8>>(bytes));
        }
        Ok(fetched)
    }
}

/// Writes requests that are not refused.
macro_rules! as_in_memory {
    ($(async fn $request:ident($($given:ident: $kind:ty),*) -> $answer:ty;)*) => {
        $(async fn $request(&self, $($given: $kind),*) -> Result<$answer, StoreError> {
            self.memory.$request($($given),*).await
        })*
    };
}

impl Destination for Guarded {
    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }
    fn list_multipart_uploads(&self, filter: UploadFilter) -> BoxStream<'_, Result<Vec<UnfinishedUpload>, StoreError>> {
        self.memory.list_multipart_uploads(filter)
    }
    as_in_memory! {
        async fn put_object(new: &NewObject<'_>, only_if: &Condition, crc: Option<Crc64>, body: ByteStream) -> Written;
        async fn create_multipart_upload(object: &NewObject<'_>) -> Upload;
        async fn list_parts(upload: &Upload) -> Vec<UploadedPart>;
        async fn upload_part(upload: &Upload, part: &PartSpec, body: ByteStream) -> UploadedPart;
        async fn complete_multipart_upload(upload: &Upload, completion: &Completion<'_>) -> Written;
        async fn abort_multipart_upload(upload: &Upload) -> ();
        async fn delete_object(key: &ObjectKey) -> ();
    }
}
