//! One listing, read to its end: what counts as a key, what as an error, and where it goes on.

use std::{collections::VecDeque, sync::Mutex};

use contract::{
    TestClock,
    told::{Told, broken, lines},
};
use longhaul::{
    scan::Lister,
    store::{ErrorKind, Page},
};

use crate::shared::patience;

/// A store that is asked for exactly these listings.
fn told(repeats_pages: bool, listings: Vec<Vec<Page>>) -> Told {
    let listings = Mutex::new(VecDeque::from(listings));
    Told::new(repeats_pages, move |_| listings.lock().unwrap().pop_front().expect("no further listing is asked for"))
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
    assert_eq!(store.asked(), [None, Some("b".to_owned())]);
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
