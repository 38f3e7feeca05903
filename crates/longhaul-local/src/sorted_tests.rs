//! Listings that are sorted on disk: whole, whatever the order, and whatever breaks off.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use longhaul::{
    memory::{KeyOrder, Memory},
    object::{ByteRange, Listed, Location, ObjectInfo, ObjectKey, Pin},
    store::{ErrorKind, Fetched, ListRequest, Page, Source, StoreError},
};

use crate::sorted;

/// A store whose every listing is these answers, one after the other.
struct Told {
    memory: Memory,
    answers: fn(u32) -> Vec<Page>,
    listings: AtomicU32,
    repeats_pages: bool,
}

impl Source for Told {
    fn location(&self) -> &Location {
        self.memory.location()
    }
    fn list(&self, _request: ListRequest) -> BoxStream<'_, Page> {
        stream::iter((self.answers)(self.listings.fetch_add(1, Ordering::Relaxed))).boxed()
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

fn told(repeats_pages: bool, answers: fn(u32) -> Vec<Page>) -> Told {
    Told { memory: Memory::new("bucket"), answers, listings: AtomicU32::new(0), repeats_pages }
}

fn lines(keys: &[&str]) -> Page {
    let line = |key: &&str| Listed {
        key: ObjectKey::new(*key).unwrap(),
        size: key.len() as u64,
        etag: None,
        modified: Default::default(),
        version_id: None,
    };
    Ok(keys.iter().map(line).collect())
}

fn broken() -> Page {
    Err(StoreError::new(ErrorKind::Unavailable, "ListObjectsV2", "the connection broke"))
}

/// Keys, and how many errors were handed on before the end or the first error that makes no sense to wait behind.
async fn read(store: &impl Source, request: ListRequest) -> (Vec<String>, usize, Option<ErrorKind>) {
    let (mut keys, mut errors) = (Vec::new(), 0);
    let mut pages = sorted(store, request);
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => keys.extend(page.into_iter().map(|line| String::from(line.key))),
            Err(error) if error.is_retryable() => errors += 1,
            Err(error) => return (keys, errors, Some(error.kind())),
        }
    }
    (keys, errors, None)
}

#[tokio::test]
async fn a_listing_in_any_order_comes_in_byte_order_and_from_behind_any_key() {
    for order in KeyOrder::ALL {
        let store = Memory::new("bucket").with_order(order).with_page_size(700);
        for number in (0..1500_u64).rev() {
            let folder = ["p", "p (1)", "p.d", "P", "\u{ff5e}", "😀"][number as usize % 6];
            store.insert(&format!("{folder}/{}", number.wrapping_mul(2_654_435_761) % 10_007), "x");
        }
        let all = read(&store, ListRequest::default()).await;
        assert_eq!(all, (store.keys(), 0, None), "{order:?}");
        let request = ListRequest { prefix: "p".into(), start_after: Some("p.d/5".into()) };
        let expected: Vec<_> =
            store.keys().into_iter().filter(|key| key.starts_with('p') && key.as_str() > "p.d/5").collect();
        assert_eq!(read(&store, request).await, (expected, 0, None), "{order:?}");
    }
}

#[tokio::test]
async fn a_key_that_comes_twice_is_listed_once_with_what_was_said_last() {
    let store = told(true, |_| {
        let mut again = lines(&["b", "c"]).unwrap();
        again[0].size = 99;
        vec![lines(&["b", "a"]), Ok(again)]
    });
    let page: Vec<Listed> = sorted(&store, ListRequest::default()).filter_map(async |page| page.ok()).concat().await;
    let said: Vec<_> = page.iter().map(|line| (line.key.as_str(), line.size)).collect();
    assert_eq!(said, [("a", 1), ("b", 99), ("c", 1)]);
}

#[tokio::test]
async fn behind_an_error_the_same_page_is_asked_for_again() {
    let store = told(true, |_| vec![lines(&["b"]), broken(), lines(&["a"]), broken(), broken(), lines(&["c"])]);
    assert_eq!(read(&store, ListRequest::default()).await, (vec!["a".into(), "b".into(), "c".into()], 3, None));
    assert_eq!(store.listings.into_inner(), 1);
}

#[tokio::test]
async fn where_pages_cannot_be_repeated_all_begins_anew() {
    let store = told(false, |listing| match listing {
        0 => vec![lines(&["b", "gone"]), broken()],
        _ => vec![lines(&["b"]), lines(&["a"])],
    });
    assert_eq!(read(&store, ListRequest::default()).await, (vec!["a".into(), "b".into()], 1, None));
}

#[tokio::test]
async fn a_listing_that_always_breaks_off_is_an_error_and_never_the_end() {
    let store = told(false, |_| vec![lines(&["b"]), broken()]);
    let (keys, errors, end) = read(&store, ListRequest::default()).await;
    assert_eq!((keys.len(), errors, end), (0, 10, Some(ErrorKind::BadAnswer)));
}

#[tokio::test]
async fn a_listing_that_leads_in_a_circle_is_an_error() {
    let store = told(true, |_| std::iter::repeat_with(|| lines(&["b", "a"])).take(500).collect());
    let (keys, _, end) = read(&store, ListRequest::default()).await;
    assert_eq!((keys.len(), end), (0, Some(ErrorKind::BadAnswer)));
}
