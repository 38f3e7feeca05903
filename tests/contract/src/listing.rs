//! Listings are complete, in byte order, and in pages.

use futures_util::{StreamExt, TryStreamExt, stream};
use longhaul::{
    object::Listed,
    store::{Destination, ListRequest, Source},
};

use crate::steps::{done, head, put};

/// S3's longest page.
const LONGEST_PAGE: usize = 1000;

/// In byte order. By UTF-16 units the last would stand before the one above it, and by folders `a/b` before `a-b`.
const ORDERED: [&str; 9] = [
    "order/Z",
    "order/a-b",
    "order/a.b",
    "order/a/b",
    "order/a0",
    "order/z",
    "order/é",
    "order/\u{ff5e}",
    "order/\u{1d4b3}",
];

/// All checks that need a bucket with objects.
pub async fn all<D: Destination>(store: &D) {
    for name in ORDERED.into_iter().rev() {
        put(store, name, name.as_bytes()).await;
    }
    keys_are_listed_in_byte_order(store).await;
    a_prefix_is_text_and_not_a_folder(store).await;
    a_listing_starts_behind_a_key(store).await;
    a_line_says_what_a_head_says(store).await;
    a_prefix_without_keys_lists_nothing(store).await;
    a_listing_goes_on_past_1000_keys(store).await;
}

/// All lines of a listing, checked for order and for the length of its pages.
pub(crate) async fn listed<S: Source>(store: &S, prefix: &str, start_after: Option<&str>) -> Vec<Listed> {
    let request = ListRequest { prefix: prefix.to_owned(), start_after: start_after.map(str::to_owned) };
    let pages = store.list(request).try_collect::<Vec<_>>().await;
    let pages = done(&format!("list {prefix:?} behind {start_after:?}"), pages);
    for page in &pages {
        assert!(page.len() <= LONGEST_PAGE, "a page of {} keys", page.len());
    }
    let lines = pages.concat();
    for pair in lines.windows(2) {
        let [one, next] = [&pair[0].key, &pair[1].key];
        assert!(one < next, "{next:?} is listed behind {one:?}");
    }
    lines
}

/// The keys of files: no key of this module ends in `/`, and [`keys`](crate::keys) checks that folders show only where expected.
async fn names<S: Source>(store: &S, prefix: &str, start_after: Option<&str>) -> Vec<String> {
    let keys = listed(store, prefix, start_after).await.into_iter().map(|line| String::from(line.key));
    keys.filter(|key| !key.ends_with('/')).collect()
}

/// Nothing, and no error.
pub async fn an_empty_bucket_lists_nothing<S: Source>(store: &S) {
    assert_eq!(names(store, "", None).await, [""; 0], "the suite wants an empty bucket");
}

/// As `Ord` on bytes has it.
pub async fn keys_are_listed_in_byte_order<S: Source>(store: &S) {
    assert_eq!(names(store, "order/", None).await, ORDERED);
}

/// A prefix may end anywhere in a key.
pub async fn a_prefix_is_text_and_not_a_folder<S: Source>(store: &S) {
    assert_eq!(names(store, "order/a", None).await, ORDERED[1..5]);
    assert_eq!(names(store, "order/a/", None).await, ["order/a/b"]);
    assert_eq!(names(store, "order/a-b", None).await, ["order/a-b"], "the key itself has the prefix");
    assert_eq!(names(store, "ord", None).await, ORDERED);
}

/// The key itself is left out and need not exist.
pub async fn a_listing_starts_behind_a_key<S: Source>(store: &S) {
    assert_eq!(names(store, "order/", Some("order/a.b")).await, ORDERED[3..]);
    assert_eq!(names(store, "order/", Some("order/a/")).await, ORDERED[3..], "no such key, but the place is clear");
    assert_eq!(names(store, "order/a", Some("order/a/b")).await, ["order/a0"]);
    assert_eq!(names(store, "order/", Some("order")).await, ORDERED, "a start before the prefix");
    assert_eq!(names(store, "order/", Some("p")).await, [""; 0], "a start behind the prefix");
    assert_eq!(names(store, "order/", Some(ORDERED[8])).await, [""; 0], "a start at the last key");
}

/// Size and tag are those of the object.
pub async fn a_line_says_what_a_head_says<S: Source>(store: &S) {
    for line in listed(store, "order/", None).await {
        let info = head(store, line.key.as_str()).await;
        assert_eq!(line.size, info.size, "the size of {} in the listing", line.key);
        assert!(line.etag.is_none_or(|etag| etag == info.etag), "the tag of {} in the listing", line.key);
    }
}

/// Nothing, and no error, also beside keys that nearly have it.
pub async fn a_prefix_without_keys_lists_nothing<S: Source>(store: &S) {
    for prefix in ["order/a/c", "nothing/here/", "order/Z/"] {
        assert_eq!(names(store, prefix, None).await, [""; 0], "below {prefix:?}");
    }
}

/// Pages join without a gap and without a repeat.
pub async fn a_listing_goes_on_past_1000_keys<D: Destination>(store: &D) {
    let expected: Vec<_> = (0..1050).map(|number| format!("many/{number:04}")).collect();
    let puts = stream::iter(expected.clone()).map(move |name| async move {
        put(store, &name, "tiny").await;
    });
    puts.buffer_unordered(8).collect::<Vec<()>>().await;
    assert_eq!(names(store, "many/", None).await, expected);
    assert_eq!(names(store, "many/", Some("many/0019")).await, expected[20..]);
}
