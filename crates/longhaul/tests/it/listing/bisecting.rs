//! Cutting a listing into ranges, whatever its keys look like.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use longhaul::{
    copy::Silent,
    limits::{Clock, RequestPolicy, RetryPolicy},
    memory::Memory,
    object::{ObjectKey, Timestamp},
    route::KeyRange,
    scan::{Probe, listing::split_range::split},
};
use proptest::prelude::*;

/// Keys of a page. Cuts are found page-wise, so small pages make small sets interesting.
const PAGE: usize = 3;

/// Nothing here takes time.
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, _duration: Duration) -> BoxFuture<'static, ()> {
        std::future::pending().boxed()
    }
}

fn pieces_of<'k>(
    prefix: &str,
    keys: impl IntoIterator<Item = &'k String>,
    range: &KeyRange,
    pieces: usize,
) -> Vec<KeyRange> {
    let store = Memory::new("bucket").with_page_size(PAGE);
    for key in keys {
        store.insert(key, "");
    }
    let patience =
        RequestPolicy::new(StandingClock, RetryPolicy::default(), Duration::from_secs(10), 7, Arc::new(Silent));
    let probe = Probe { store: &store, patience: &patience, prefix };
    split(&probe, range, pieces).now_or_never().expect("nothing waits").unwrap()
}

fn counts<'k>(ranges: &[KeyRange], keys: impl IntoIterator<Item = &'k String>) -> Vec<usize> {
    let mut counts = vec![0; ranges.len()];
    for key in keys {
        let key = ObjectKey::new(key).unwrap();
        let holders: Vec<usize> = (0..ranges.len()).filter(|&place| ranges[place].contains(&key)).collect();
        assert_eq!(holders.len(), 1, "{key:?} is in {holders:?} of {ranges:?}");
        counts[holders[0]] += 1;
    }
    counts
}

/// Short texts of characters that are next to each other, far apart, of every length, and no plain ones.
fn awkward() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => prop::char::range('a', 'c'),
        1 => prop::sample::select(vec!['\u{1}', '\t', ' ', '/', '\u{7f}', 'é', 'ü', '\u{7ff}', '\u{800}', '\u{d7ff}']),
        1 => prop::sample::select(vec!['\u{e000}', '\u{fffd}', '日', '本', '\u{10000}', '😀', '😁', '\u{10fffe}', '\u{10ffff}']),
        1 => any::<char>(),
    ];
    prop::collection::vec(character, 1..6).prop_map(|chars| chars.into_iter().collect())
}

/// Keys that share hundreds of bytes, some of them with one character more or another.
fn clustered() -> impl Strategy<Value = Vec<String>> {
    let stem = prop::collection::vec(awkward(), 1..40).prop_map(|parts| parts.concat());
    (stem, prop::collection::vec((0_usize..12, awkward()), 1..60)).prop_map(|(stem, ends)| {
        let stem: Vec<char> = stem.chars().take(240).collect();
        let key = |(drop, end): (usize, String)| {
            let kept = stem.len().saturating_sub(if drop > 8 { drop * 20 } else { 0 });
            stem[..kept].iter().collect::<String>() + &end
        };
        ends.into_iter().map(key).collect()
    })
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    let sets = prop_oneof![prop::collection::vec(awkward(), 0..60), clustered(), chain()];
    sets.prop_map(|mut keys| {
        keys.sort();
        keys.dedup();
        keys
    })
}

/// Every key is the beginning of the next.
fn chain() -> impl Strategy<Value = Vec<String>> {
    (1_usize..40, awkward()).prop_map(|(length, text)| (1..=length).map(|times| text.repeat(times)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn pieces_cover_every_key_once_and_none_is_empty(keys in keys(), pieces in 1_usize..12) {
        let ranges = pieces_of("", &keys, &KeyRange::all(), pieces);
        prop_assert!(ranges.len() <= pieces);
        let counts = counts(&ranges, &keys);
        prop_assert!(keys.is_empty() || counts.iter().all(|count| *count > 0), "{counts:?} {ranges:?}");
        prop_assert!(ranges.iter().all(|range| range.after.len() <= ObjectKey::MAX_BYTES));
    }

    #[test]
    fn a_part_of_a_listing_is_cut_within_its_bounds(keys in keys(), bounds in (any::<prop::sample::Index>(), awkward())) {
        prop_assume!(!keys.is_empty());
        let range = KeyRange { after: bounds.0.get(&keys).clone(), until: Some(bounds.1) };
        let ranges = pieces_of("", &keys, &range, 5);
        let inside: Vec<String> =
            keys.iter().filter(|key| range.contains(&ObjectKey::new(key.as_str()).unwrap())).cloned().collect();
        counts(&ranges, &inside);
        prop_assert_eq!((&ranges[0].after, &ranges[ranges.len() - 1].until), (&range.after, &range.until));
    }

    #[test]
    fn more_than_two_pages_are_always_cut(keys in keys()) {
        let ranges = pieces_of("", &keys, &KeyRange::all(), 2);
        prop_assert!(keys.len() <= 2 * PAGE || ranges.len() == 2, "{} keys are not cut", keys.len());
    }
}

#[test]
fn numbered_keys_are_cut_into_even_pieces() {
    let keys: Vec<String> = (0..1000).map(|number| format!("keys/{number:012}")).collect();
    let ranges = pieces_of("keys/", &keys, &KeyRange::all(), 8);
    let counts = counts(&ranges, &keys);
    assert_eq!(counts.len(), 8);
    assert!(counts.iter().all(|count| (50..=250).contains(count)), "{counts:?}");
}

#[test]
fn hashed_keys_under_a_long_common_prefix_are_cut_into_even_pieces() {
    let stem = "данные/".repeat(70);
    let keys: Vec<String> =
        (0..2000_u64).map(|number| format!("{stem}{:016x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
    let ranges = pieces_of("", &keys, &KeyRange::all(), 8);
    let counts = counts(&ranges, &keys);
    assert_eq!(counts.len(), 8);
    assert!(counts.iter().all(|count| (100..=400).contains(count)), "{counts:?}");
}

#[test]
fn a_few_keys_far_from_the_others_get_no_piece_of_their_own() {
    let mut keys: Vec<String> = (0..1000).map(|number| format!("m/{number:06}")).collect();
    keys.extend(["README", "a", "ü", "日本", "😀"].map(str::to_owned));
    let ranges = pieces_of("", &keys, &KeyRange::all(), 4);
    let counts = counts(&ranges, &keys);
    assert!(counts.len() == 4 && counts.iter().all(|count| *count >= 100), "{counts:?}");
}

#[test]
fn a_short_listing_stays_whole() {
    let keys: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
    assert_eq!(pieces_of("", &keys, &KeyRange::all(), 8), [KeyRange::all()]);
    assert_eq!(pieces_of("", &[], &KeyRange::all(), 8), [KeyRange::all()]);
}
