//! Listings that are sorted on disk: whole, whatever the order, and whatever breaks off.

use contract::told::{Told, broken, lines};
use futures_util::StreamExt;
use longhaul::{
    memory::{KeyOrder, Memory},
    object::Listed,
    store::{ErrorKind, ListRequest, Source},
};

use crate::sorted;

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
    let store = Told::new(true, |_| {
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
    let store = Told::new(true, |_| vec![lines(&["b"]), broken(), lines(&["a"]), broken(), broken(), lines(&["c"])]);
    assert_eq!(read(&store, ListRequest::default()).await, (vec!["a".into(), "b".into(), "c".into()], 3, None));
    assert_eq!(store.asked().len(), 1);
}

#[tokio::test]
async fn where_pages_cannot_be_repeated_all_begins_anew() {
    let store = Told::new(false, |listing| match listing {
        0 => vec![lines(&["b", "gone"]), broken()],
        _ => vec![lines(&["b"]), lines(&["a"])],
    });
    assert_eq!(read(&store, ListRequest::default()).await, (vec!["a".into(), "b".into()], 1, None));
}

#[tokio::test]
async fn a_listing_that_always_breaks_off_is_an_error_and_never_the_end() {
    let store = Told::new(false, |_| vec![lines(&["b"]), broken()]);
    let (keys, errors, end) = read(&store, ListRequest::default()).await;
    assert_eq!((keys.len(), errors, end), (0, 10, Some(ErrorKind::BadAnswer)));
}

#[tokio::test]
async fn a_listing_that_leads_in_a_circle_is_an_error() {
    let store = Told::new(true, |_| std::iter::repeat_with(|| lines(&["b", "a"])).take(500).collect());
    let (keys, _, end) = read(&store, ListRequest::default()).await;
    assert_eq!((keys.len(), end), (0, Some(ErrorKind::BadAnswer)));
}
