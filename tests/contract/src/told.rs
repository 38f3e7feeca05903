//! A store whose listings are written down beforehand.

use std::sync::{Mutex, PoisonError};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use longhaul::{
    memory::Memory,
    object::{ByteRange, Listed, Location, ObjectInfo, ObjectKey, Pin, Timestamp},
    store::{ErrorKind, Fetched, ListRequest, Page, Source, StoreError},
};

/// A store without objects whose listings are what it was told, and that remembers from where it was asked.
pub struct Told {
    memory: Memory,
    pages: Box<dyn Fn(usize) -> Vec<Page> + Send + Sync>,
    asked: Mutex<Vec<Option<String>>>,
    repeats_pages: bool,
}

impl Told {
    /// The listings, counted from 0, are these pages.
    pub fn new(repeats_pages: bool, pages: impl Fn(usize) -> Vec<Page> + Send + Sync + 'static) -> Self {
        Self { memory: Memory::new("bucket"), pages: Box::new(pages), asked: Mutex::default(), repeats_pages }
    }

    /// Behind which keys the listings began.
    pub fn asked(&self) -> Vec<Option<String>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A page of objects of one byte.
///
/// # Panics
/// On a text that is no key.
pub fn lines(keys: &[&str]) -> Page {
    let line = |text: &&str| {
        let key = ObjectKey::new(*text).expect("a test lists keys of 1 to 1,024 bytes");
        Listed { key, size: 1, etag: None, modified: Timestamp(0), version_id: None }
    };
    Ok(keys.iter().map(line).collect())
}

/// A page that does not come.
pub fn broken() -> Page {
    Err(StoreError::new(ErrorKind::Unavailable, "ListObjectsV2", "the connection broke"))
}

impl Source for Told {
    fn location(&self) -> &Location {
        self.memory.location()
    }
    fn list(&self, request: ListRequest) -> BoxStream<'_, Page> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(request.start_after);
        stream::iter((self.pages)(asked.len() - 1)).boxed()
    }
    fn repeats_pages(&self) -> bool {
        self.repeats_pages
    }
    async fn head_object(&self, key: &ObjectKey) -> Result<ObjectInfo, StoreError> {
        self.memory.head_object(key).await
    }
    async fn get_object(
        &self,
        key: &ObjectKey,
        pin: Option<&Pin>,
        range: Option<ByteRange>,
    ) -> Result<Fetched, StoreError> {
        self.memory.get_object(key, pin, range).await
    }
}
