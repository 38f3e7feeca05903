//! One listing, read to its end: what counts as a key, what as an error, and where it goes on.

use std::{collections::VecDeque, sync::Mutex};

use contract::TestClock;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use longhaul::{
    memory::Memory,
    object::{ByteRange, Listed, Location, ObjectInfo, ObjectKey, Pin, Timestamp},
    scan::Lister,
    store::{ErrorKind, Fetched, ListRequest, Page, Source, StoreError},
};

use crate::shared::{key, patience};

/// A store that answers with these pages, and remembers from where it was asked.
struct Told {
    memory: Memory,
    listings: Mutex<VecDeque<Vec<Page>>>,
    asked: Mutex<Vec<Option<String>>>,
    repeats_pages: bool,
}

impl Source for Told {
    fn location(&self) -> &Location {
        self.memory.location()
    }
    fn list(&self, request: ListRequest) -> BoxStream<'_, Page> {
        self.asked.lock().unwrap().push(request.start_after);
        stream::iter(self.listings.lock().unwrap().pop_front().expect("no further listing is asked for")).boxed()
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

fn told(repeats_pages: bool, listings: Vec<Vec<Page>>) -> Told {
    let memory = Memory::new("bucket");
    Told { memory, listings: Mutex::new(listings.into()), asked: Mutex::default(), repeats_pages }
}

fn lines(keys: &[&str]) -> Page {
    let line = |text: &&str| Listed { key: key(text), size: 1, etag: None, modified: Timestamp(0), version_id: None };
    Ok(keys.iter().map(line).collect())
}

fn broken() -> Page {
    Err(StoreError::new(ErrorKind::Unavailable, "ListObjectsV2", "the connection broke"))
}

async fn all(lister: &mut Lister<'_, Told, TestClock>) -> Result<Vec<String>, ErrorKind> {
    let mut keys = Vec::new();
    while let Some(line) = lister.next().await.map_err(|error| error.kind())? {
        keys.push(line.key.into());
    }
    Ok(keys)
}

#[tokio::test]
async fn a_key_that_comes_twice_in_a_row_counts_once() {
    let store = told(false, vec![vec![lines(&["a", "a", "b"]), lines(&["b"]), lines(&["b", "c"])]]);
    let patience = patience();
    assert_eq!(all(&mut Lister::new(&store, &patience, "")).await.unwrap(), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_store_that_begins_with_the_key_behind_which_it_should_begin_gives_it_once() {
    let store = told(false, vec![vec![lines(&["a", "b"]), broken()], vec![lines(&["b", "c"])]]);
    let patience = patience();
    assert_eq!(all(&mut Lister::new(&store, &patience, "")).await.unwrap(), ["a", "b", "c"]);
    assert_eq!(*store.asked.lock().unwrap(), [None, Some("b".to_owned())]);
}

#[tokio::test]
async fn a_key_behind_a_greater_one_is_an_error_of_its_own_kind() {
    for pages in [vec![lines(&["b", "a"])], vec![lines(&["b"]), lines(&["a"])]] {
        let store = told(false, vec![pages]);
        let patience = patience();
        assert_eq!(all(&mut Lister::new(&store, &patience, "")).await, Err(ErrorKind::Unordered));
    }
    let (store, patience) = (told(false, vec![vec![lines(&["a"])]]), patience());
    let mut range = Lister::new(&store, &patience, "").within(Some("b".into()), None);
    assert_eq!(all(&mut range).await, Err(ErrorKind::Unordered), "a store that ignores where to begin");
}

#[tokio::test]
async fn in_any_order_keys_come_as_the_store_has_them_and_a_failed_page_is_asked_for_again() {
    let store = told(true, vec![vec![lines(&["b"]), broken(), broken(), lines(&["a"]), lines(&["a"])]]);
    let patience = patience();
    let mut lister = Lister::new(&store, &patience, "").in_any_order();
    assert_eq!(all(&mut lister).await.unwrap(), ["b", "a", "a"]);
}

#[tokio::test]
async fn in_any_order_a_page_that_cannot_be_asked_for_again_is_an_error_and_not_the_end() {
    let (store, patience) = (told(false, vec![vec![lines(&["b"]), broken()]]), patience());
    let mut lister = Lister::new(&store, &patience, "").in_any_order();
    assert_eq!(all(&mut lister).await, Err(ErrorKind::Unavailable));
}
