//! What every ledger of scans must do: one record for each route, saved only by who knows its last save.

use longhaul::{
    ledger::{Lease, LedgerError, MAX_RANGES, RangeMessage, RangeRow, ScanLedger, ScanRecord, ScanTotals, Token},
    object::Timestamp,
    route::{KeyRange, NamedRoute},
};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// The whole suite for a ledger of scans; `ledger` must know of no scan.
pub async fn scan_ledger<L: ScanLedger>(ledger: &L) {
    nothing_is_known_of_a_route_before_its_first_scan(ledger).await;
    a_scan_is_loaded_as_it_was_saved(ledger).await;
    the_largest_scan_fits(ledger).await;
    of_two_scans_of_one_route_one_is_stored(ledger).await;
    a_save_with_the_last_token_replaces_the_scan(ledger).await;
    a_save_over_a_missing_scan_is_refused(ledger).await;
    a_repeated_save_counts_as_stored(ledger).await;
    routes_are_kept_apart_byte_for_byte(ledger).await;
}

fn token(text: &str) -> Token {
    Token(text.to_owned())
}

fn leased(owner: &str) -> ScanRecord {
    let lease = Some(Lease { owner: owner.to_owned(), until: Some(Timestamp(NOW.0 + 900_000)) });
    ScanRecord { lease, started: Some(NOW), ..ScanRecord::default() }
}

fn done<T>(step: &str, answer: Result<T, LedgerError>) -> T {
    answer.unwrap_or_else(|error| panic!("{step}: {error}"))
}

async fn load<L: ScanLedger>(ledger: &L, route: &str) -> Option<(ScanRecord, Token)> {
    done("load", ledger.load_scan(route).await)
}

async fn save<L: ScanLedger>(
    ledger: &L,
    route: &str,
    record: &ScanRecord,
    expected: Option<&Token>,
    token: &Token,
) -> bool {
    let step = format!("save of {route:?} with {token:?} over {expected:?}");
    done(&step, ledger.save_scan(route, record, expected, token).await)
}

/// And that is no error.
pub async fn nothing_is_known_of_a_route_before_its_first_scan<L: ScanLedger>(ledger: &L) {
    assert_eq!(load(ledger, "never").await, None);
}

/// Every field, with its token; an empty record is one too.
pub async fn a_scan_is_loaded_as_it_was_saved<L: ScanLedger>(ledger: &L) {
    let full = ScanRecord { finished: Some(Timestamp(NOW.0 - 1)), ..leased("host 1/😀") };
    for (route, record) in [("kept/full", full), ("kept/empty", ScanRecord::default())] {
        assert!(save(ledger, route, &record, None, &token(route)).await, "a first save of {route:?}");
        assert_eq!(load(ledger, route).await, Some((record, token(route))));
    }
}

/// As many ranges as can be open, with the longest bounds, and the largest parameter of routes.
pub async fn the_largest_scan_fits<L: ScanLedger>(ledger: &L) {
    let bound = |number: usize| format!("{number:04}{}", "日".repeat(340));
    let row = |number: usize| RangeRow {
        route: (number % 2) as u32,
        range: KeyRange { after: bound(number), until: (number + 1 < MAX_RANGES).then(|| bound(number + 1)) },
        lease: Some(Lease { owner: format!("jobsender-{number:032}"), until: Some(NOW) }),
        message: if number.is_multiple_of(2) { RangeMessage::Due } else { RangeMessage::Sent },
        touched: NOW,
    };
    let route = |number: usize| NamedRoute {
        src_bucket: format!("bucket-{number}"),
        src_prefix: "\u{1}/ü😀".repeat(20),
        des_bucket: "destination".to_owned(),
        des_prefix: String::new(),
        strip_src_prefix: number.is_multiple_of(2),
        keys_from: None,
    };
    let record = ScanRecord {
        id: "scan".to_owned(),
        ranges: (0..MAX_RANGES).map(|number| (number as u32 * 1_000_003, row(number))).collect(),
        routes: (0..40).map(route).collect(),
        next: u32::MAX,
        totals: ScanTotals { objects: u64::MAX, skipped: [("ignored".to_owned(), 1)].into(), ..ScanTotals::default() },
        moved: Some(NOW),
        ..leased("one")
    };
    assert!(save(ledger, "largest", &record, None, &token("largest")).await);
    assert_eq!(load(ledger, "largest").await, Some((record, token("largest"))));
}

/// The first.
pub async fn of_two_scans_of_one_route_one_is_stored<L: ScanLedger>(ledger: &L) {
    assert!(save(ledger, "raced", &leased("one"), None, &token("raced-1")).await);
    assert!(!save(ledger, "raced", &leased("two"), None, &token("raced-2")).await);
    assert_eq!(load(ledger, "raced").await, Some((leased("one"), token("raced-1"))));
}

/// And an older token replaces nothing.
pub async fn a_save_with_the_last_token_replaces_the_scan<L: ScanLedger>(ledger: &L) {
    let (first, second) = (token("replaced-1"), token("replaced-2"));
    assert!(save(ledger, "replaced", &leased("one"), None, &first).await);
    assert!(save(ledger, "replaced", &leased("two"), Some(&first), &second).await);
    assert!(!save(ledger, "replaced", &leased("three"), Some(&first), &token("replaced-3")).await);
    assert_eq!(load(ledger, "replaced").await, Some((leased("two"), second)));
}

/// Who expects a record does not make one.
pub async fn a_save_over_a_missing_scan_is_refused<L: ScanLedger>(ledger: &L) {
    assert!(!save(ledger, "vanished", &leased("one"), Some(&token("vanished-1")), &token("vanished-2")).await);
    assert_eq!(load(ledger, "vanished").await, None);
}

/// The answer to a save may be lost, and the save is made again: a first one, and one over a token.
pub async fn a_repeated_save_counts_as_stored<L: ScanLedger>(ledger: &L) {
    let (first, second) = (token("repeated-1"), token("repeated-2"));
    for (expected, token) in [(None, &first), (Some(&first), &second)] {
        for time in ["first", "second"] {
            assert!(save(ledger, "repeated", &leased("one"), expected, token).await, "the {time} time");
        }
    }
}

/// A route is any text.
pub async fn routes_are_kept_apart_byte_for_byte<L: ScanLedger>(ledger: &L) {
    let routes = ["r", "R", "r ", "r/", "r#1", "源 → s3://des/p", "\u{fc}", "u\u{308}"];
    for route in routes {
        assert!(save(ledger, route, &leased(route), None, &token(route)).await, "a first save of {route:?}");
    }
    for route in routes {
        assert_eq!(load(ledger, route).await, Some((leased(route), token(route))));
    }
}
