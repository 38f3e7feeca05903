//! Stores that list in another order than that of bytes: every key is found, or an error is returned; none is lost in silence.

use std::{collections::BTreeSet, sync::Arc};

use longhaul::{
    copy::Settings,
    memory::{KeyOrder, Memory, MemoryLedger},
    route::{Compare, Mode, Route, ScanSpec, Selection},
    scan::{Comparison, Event, Totals, copy_differences, recheck},
    store::{ErrorKind, StoreError},
};
use proptest::prelude::*;

use crate::shared::{self, TestEngine};

/// Many small ranges: a range is cut as soon as it has more keys than a few pages.
#[derive(Clone, Copy, Debug)]
struct Cuts {
    ranges: usize,
    split_after: u64,
    page: usize,
}

const DEFAULT: Cuts = Cuts { ranges: 8, split_after: 20_000, page: 1000 };

fn engine(source: &Memory, destination: &Memory, cuts: Cuts) -> Arc<TestEngine> {
    let settings = Settings { list_ranges: cuts.ranges, list_split_after: cuts.split_after, ..Settings::default() };
    let (source, destination) =
        (source.clone().with_page_size(cuts.page), destination.clone().with_page_size(cuts.page));
    shared::engine(&source, &destination, MemoryLedger::new("me"), settings)
}

fn scan() -> ScanSpec {
    ScanSpec { route: Route::folder("", "copy"), selection: Selection::all(), compare: Compare::Size }
}

/// What a copy came to.
struct Ran {
    totals: Totals,
    /// How often a store had to be sorted.
    sorted: usize,
    /// The keys that were found to differ, as often as they were.
    would_copy: Vec<String>,
    comparison: Option<Comparison>,
}

async fn run(engine: &Arc<TestEngine>, mode: Mode) -> Result<Ran, StoreError> {
    let mut ran = Ran { totals: Totals::default(), sorted: 0, would_copy: Vec::new(), comparison: None };
    let mut hear = |event: Event<'_>| match event {
        Event::Sorting(_) => ran.sorted += 1,
        Event::WouldCopy(job) => ran.would_copy.push(job.source_key.as_str().to_owned()),
        Event::Object(_) | Event::Unplaceable(..) | Event::Listed { .. } => {}
    };
    let (totals, ended) = copy_differences::run(engine, &scan(), Vec::new(), mode, &mut hear).await;
    ended?;
    let comparison = match mode {
        Mode::Copy => recheck::compare_sizes(engine, &scan(), &mut hear).await?,
        Mode::DryRun => None,
    };
    (ran.totals, ran.comparison) = (totals, comparison);
    Ok(ran)
}

/// More keys than one range takes, with folders around `/`, as SeaweedFS had them when it was found out.
fn around_the_slash() -> Vec<String> {
    let first = (0..21_000).map(|number| format!("a0/f{number:05}"));
    let folders = ["p", "p.d", "p (1)"].into_iter();
    first.chain(folders.flat_map(|folder| (0..2_500).map(move |number| format!("{folder}/f{number:05}")))).collect()
}

fn filled(name: &str, keys: &[String], order: KeyOrder, prefix: &str) -> Memory {
    let store = Memory::new(name).with_order(order);
    for key in keys {
        store.insert(&format!("{prefix}{key}"), "x");
    }
    store
}

#[tokio::test]
async fn all_keys_of_a_store_in_tree_order_are_found_with_any_number_of_ranges() {
    let keys = around_the_slash();
    for ranges in [1, 2, 8, 64] {
        let source = filled("source", &keys, KeyOrder::Tree, "").that_can_sort();
        let engine = engine(&source, &Memory::new("destination"), Cuts { ranges, ..DEFAULT });
        let ran = run(&engine, Mode::DryRun).await.unwrap();
        let found: BTreeSet<&String> = ran.would_copy.iter().collect();
        assert_eq!((found.len(), ran.sorted), (28_500, 1), "{ranges} ranges");
        assert_eq!(ran.totals.objects, 28_500, "{ranges} ranges");
    }
}

#[tokio::test]
async fn a_store_in_byte_order_is_never_sorted_and_never_asked_by_name_where_nothing_is_missing() {
    let keys = around_the_slash();
    let source = filled("source", &keys, KeyOrder::Bytes, "").that_can_sort();
    let destination = filled("destination", &keys, KeyOrder::Bytes, "copy/").that_can_sort();
    let ran = run(&engine(&source, &destination, DEFAULT), Mode::DryRun).await.unwrap();
    assert_eq!((ran.totals.same, ran.sorted), (28_500, 0));
}

#[tokio::test]
async fn to_a_destination_in_another_order_nothing_is_sent_again_and_nothing_seems_to_differ() {
    // Each fourth, since all orders are tried with each other.
    let keys: Vec<String> = around_the_slash().into_iter().step_by(4).collect();
    let all = keys.len() as u64;
    let cuts = Cuts { split_after: 2_000, ..DEFAULT };
    for order in KeyOrder::ALL {
        for source_order in [KeyOrder::Bytes, order] {
            let source = filled("source", &keys, source_order, "").that_can_sort();
            let destination = filled("destination", &keys, order, "copy/").that_can_sort();
            let ran = run(&engine(&source, &destination, cuts), Mode::Copy).await.unwrap();
            let found = ran.comparison.unwrap();
            let counts = (ran.totals.copied, ran.totals.same, found.objects, found.different);
            assert_eq!(counts, (0, all, all, 0), "{source_order:?} to {order:?}");
        }
    }
}

#[tokio::test]
async fn what_was_copied_before_a_store_was_found_to_be_in_another_order_is_not_sent_again() {
    let keys = around_the_slash();
    let source = filled("source", &keys, KeyOrder::Tree, "").that_can_sort();
    let destination = Memory::new("destination").with_order(KeyOrder::Tree).that_can_sort();
    let ran = run(&engine(&source, &destination, DEFAULT), Mode::Copy).await.unwrap();
    assert_eq!((ran.totals.copied, ran.totals.same, ran.totals.objects), (28_500, 0, 28_500));
    assert_eq!(ran.comparison.unwrap().different, 0);
}

#[tokio::test]
async fn where_listings_cannot_be_sorted_another_order_is_an_error_and_not_the_end() {
    let keys = around_the_slash();
    let source = filled("source", &keys, KeyOrder::Tree, "");
    for ranges in [1, 2, 8, 64] {
        let engine = engine(&source, &Memory::new("destination"), Cuts { ranges, ..DEFAULT });
        let error = run(&engine, Mode::DryRun).await.err().expect("an error");
        assert_eq!(error.kind(), ErrorKind::Unordered, "{ranges} ranges");
    }
}

/// Names that sort differently in every order, and such as hide behind each other.
fn hostile() -> impl Strategy<Value = String> {
    let names =
        ["p", "P", "q", "p (1)", "p.d", "p-", "p0", "p!", "", "é", "É", "\u{ff5e}", "\u{e000}", "\u{10000}", "😀"];
    prop::collection::vec(prop::sample::select(names.to_vec()), 1..4).prop_map(|parts| parts.join("/"))
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    let numbered = (hostile(), 0_u32..30).prop_map(|(folder, number)| format!("{folder}/{number}"));
    let key = prop_oneof![hostile(), numbered].prop_filter("no key is empty", |key| !key.is_empty());
    // As they come is the order in which they are written.
    prop::collection::vec(key, 0..120).prop_map(|keys| {
        let mut seen = BTreeSet::new();
        keys.into_iter().filter(|key| seen.insert(key.clone())).collect()
    })
}

fn cuts() -> impl Strategy<Value = Cuts> {
    (1_usize..9, 1_u64..30, 1_usize..12).prop_map(|(ranges, split_after, page)| Cuts { ranges, split_after, page })
}

fn order() -> impl Strategy<Value = KeyOrder> {
    prop::sample::select(KeyOrder::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_order_and_no_number_of_ranges_loses_a_key_or_copies_one_twice(
        keys in keys(), there in prop::collection::vec(any::<bool>(), 120), cuts in cuts(), orders in (order(), order()),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let source = filled("source", &keys, orders.0, "").that_can_sort();
            let held: Vec<String> = keys.iter().zip(&there).filter(|(_, there)| **there).map(|(key, _)| key.clone()).collect();
            let destination = filled("destination", &held, orders.1, "copy/").that_can_sort();
            let ran = run(&engine(&source, &destination, cuts), Mode::Copy).await.unwrap();
            let found = ran.comparison.unwrap();
            prop_assert_eq!(ran.totals.objects, keys.len() as u64);
            prop_assert_eq!((found.objects, found.different), (keys.len() as u64, 0));
            prop_assert_eq!(destination.keys().len(), keys.len());
            // Another process, which has learned nothing yet.
            let (source, destination) = (source.that_can_sort(), destination.that_can_sort());
            let again = run(&engine(&source, &destination, cuts), Mode::Copy).await.unwrap();
            prop_assert_eq!(again.totals.copied + again.totals.same, keys.len() as u64);
            // In no order at all, a key can stand behind a whole page of what begins with it: it is sent again, and nothing is lost.
            prop_assert!(again.totals.copied == 0 || orders.1 == KeyOrder::Insertion, "{} again", again.totals.copied);
            Ok(())
        })?;
    }

    #[test]
    fn without_sorting_all_keys_are_found_once_or_there_is_an_error(keys in keys(), cuts in cuts(), order in order()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let source = filled("source", &keys, order, "");
            match run(&engine(&source, &Memory::new("destination"), cuts), Mode::DryRun).await {
                Ok(ran) => {
                    let mut found = ran.would_copy;
                    found.sort();
                    let mut expected = keys.clone();
                    expected.sort();
                    prop_assert_eq!(found, expected);
                }
                Err(error) => {
                    prop_assert!(order != KeyOrder::Bytes, "{error}");
                    prop_assert_eq!(error.kind(), ErrorKind::Unordered);
                }
            }
            Ok(())
        })?;
    }
}
