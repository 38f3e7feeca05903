//! Keys survive byte for byte, or are refused before anything is read.

use longhaul::store::{ByteStream, Condition, Destination, ErrorKind};

use crate::{
    Expectations,
    listing::listed,
    steps::{bytes_of, head, key, plain, put, refusal},
};

/// Keys that adapters, servers and file systems like to change.
pub const AWKWARD: [&str; 9] = [
    "a//b",
    "/lead",
    "dir/",
    "..",
    "a b+c%20&=?#",
    "日本語/ü",
    "combined/u\u{308}%2F~",
    "control\u{1}character",
    "trailing space ",
];

/// All checks of this module.
pub async fn all<D: Destination>(store: &D, expectations: &Expectations) {
    the_refused_keys_are_the_expected_ones(store, expectations);
    an_awkward_key_comes_back_byte_for_byte(store, expectations).await;
    a_key_may_have_1024_bytes(store).await;
    a_refused_key_is_not_stored_under_any_name(store).await;
}

/// An adapter refuses what it says it refuses, and nothing else.
pub fn the_refused_keys_are_the_expected_ones<D: Destination>(store: &D, expectations: &Expectations) {
    let refused: Vec<_> = AWKWARD.into_iter().filter(|name| store.refuse_key(&key(name)).is_some()).collect();
    let expected: Vec<_> = AWKWARD.into_iter().filter(|name| expectations.refused_keys.contains(name)).collect();
    assert_eq!(refused, expected, "the keys refused by refuse_key");
    assert_eq!(store.refuse_key(&key("plain/key.txt")), None, "an ordinary key is refused");
}

fn accepted<D: Destination>(store: &D) -> impl Iterator<Item = &'static str> {
    AWKWARD.into_iter().filter(move |name| store.refuse_key(&key(name)).is_none())
}

/// A key tells by its content whose it is; a folder's marker is empty, since no folder on a disk holds bytes.
fn content(name: &str) -> &[u8] {
    if name.ends_with('/') { b"" } else { name.as_bytes() }
}

/// Each is its own object, read and listed under exactly its own key.
pub async fn an_awkward_key_comes_back_byte_for_byte<D: Destination>(store: &D, expectations: &Expectations) {
    for name in accepted(store) {
        put(store, name, content(name)).await;
    }
    for name in accepted(store) {
        assert_eq!(bytes_of(store, name).await, content(name), "the bytes under {name:?}");
        assert_eq!(head(store, name).await.size, content(name).len() as u64, "the size of {name:?}");
        let lines = listed(store, name, None).await;
        assert!(lines.iter().any(|line| line.key.as_str() == name), "{name:?} is not listed: {lines:?}");
    }
    let mut expected: Vec<_> = accepted(store).collect();
    expected.sort_unstable();
    let all = listed(store, "", None).await;
    let unasked = |name: &str| expectations.folders_listed && name.ends_with('/') && !expected.contains(&name);
    let all: Vec<_> = all.iter().map(|line| line.key.as_str()).filter(|name| !unasked(name)).collect();
    assert_eq!(all, expected, "a bucket lists its keys and no others");
}

/// S3's longest key, in names that a file system can hold too.
pub async fn a_key_may_have_1024_bytes<D: Destination>(store: &D) {
    let name = format!("{}{}", format!("{}/", "k".repeat(199)).repeat(5), "l".repeat(24));
    assert_eq!(name.len(), 1024, "the suite's longest key");
    if store.refuse_key(&key(&name)).is_none() {
        put(store, &name, "long").await;
        assert_eq!(bytes_of(store, &name).await, b"long");
    }
}

/// A second line of defence: `..` must not leave a folder even if nobody asked whether it may.
pub async fn a_refused_key_is_not_stored_under_any_name<D: Destination>(store: &D) {
    let before = listed(store, "", None).await;
    for name in AWKWARD.into_iter().filter(|name| store.refuse_key(&key(name)).is_some()) {
        let key = key(name);
        let body = ByteStream::from_bytes("refused".into());
        let answer = store.put_object(&plain(&key), &Condition::None, None, body).await;
        assert_eq!(refusal(&format!("put of the refused {name:?}"), answer), ErrorKind::InvalidKey);
    }
    assert_eq!(listed(store, "", None).await, before, "a refused key left something behind");
}
