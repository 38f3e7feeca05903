//! The ledger in a table of DynamoDB.

use longhaul::{
    ledger::{Ledger, Record, RecordKey, RecordSource, Saved, State, Token},
    object::{ETag, Location, ObjectKey, Pin, Timestamp},
};
use longhaul_aws::{DynamoLedger, OpenRecords, Order};

use crate::emulated::world::World;

/// Later than any time of the suite.
const UNTIL: Timestamp = Timestamp(1_800_000_000_000);

fn record(key: &str, state: State, updated: i64) -> Record {
    let location = Location::new("https://s3.example", "bucket");
    let key = ObjectKey::new(key).unwrap();
    let modified = Timestamp(1);
    let pin = Pin { etag: ETag::new("e"), version_id: None, size: 10, crc64nvme: None, modified };
    let source = RecordSource { location: location.clone(), key: key.clone(), pin };
    Record { state, ..Record::begin(RecordKey { location, key }, source, Timestamp(updated)) }
}

#[tokio::test]
async fn the_ledger_on_an_emulator_behaves_as_ledgers_do() {
    let Some(world) = World::start().await else { return };
    assert_the_ledger_in_a_table_obeys_the_contract(&world).await;
    assert_a_refused_save_shows_the_holder_of_the_lease(&world).await;
    assert_a_table_that_is_not_there_is_an_error_that_names_it(&world).await;
    assert_operators_see_what_is_not_done(&world).await;
    assert_a_record_that_is_done_leaves_the_index(&world).await;
}

async fn save(ledger: &DynamoLedger, record: &Record, expected: Option<&Token>, token: &str) -> Saved {
    ledger.save(record, expected, &Token(token.to_owned())).await.unwrap()
}

async fn assert_the_ledger_in_a_table_obeys_the_contract(world: &World) {
    let ledger = world.table("contract").await.for_leg("leg 1".into(), UNTIL);
    contract::ledger(&ledger).await;
    contract::scan_ledger(&ledger).await;
    assert!(world.cloud.requests().dynamodb() > 0, "requests are counted");
}

async fn assert_a_refused_save_shows_the_holder_of_the_lease(world: &World) {
    let table = world.table("leases").await;
    let (one, other) = (table.for_leg("one".into(), UNTIL), table.for_leg("other".into(), UNTIL));
    let now = Timestamp(5);
    let held = Record { lease: Some(one.new_lease(now)), ..record("k", State::Copying, 5) };
    assert!(matches!(save(&one, &held, None, "t1").await, Saved::Stored));
    let late = Record { lease: Some(other.new_lease(now)), ..held.clone() };
    let Saved::Refused(Some(standing)) = save(&other, &late, None, "t2").await else { panic!("it was not refused") };
    assert_eq!(*standing, (held, Token("t1".into())));
    let lease = standing.0.lease.unwrap();
    assert!(other.is_held(&lease, now) && !one.is_held(&lease, now));
}

async fn assert_a_table_that_is_not_there_is_an_error_that_names_it(world: &World) {
    let ledger = world.cloud.ledger("none");
    let error = ledger.load(&record("k", State::Copying, 5).key).await.unwrap_err();
    assert!(!error.retryable && error.message.contains("the table none"), "{error}");
}

async fn assert_operators_see_what_is_not_done(world: &World) {
    let ledger = world.table("operators").await;
    for number in 0..30 {
        let copying = record(&format!("copying/{number}"), State::Copying, number);
        assert!(matches!(save(&ledger, &copying, None, "t").await, Saved::Stored));
    }
    for (key, state) in [("p", State::Parked), ("d", State::Done), ("g", State::Gone), ("r", State::Restarting)] {
        assert!(matches!(save(&ledger, &record(key, state, 100), None, "t").await, Saved::Stored));
    }
    let counts = ledger.open_counts().await.unwrap();
    let expected = [(State::Copying, 30), (State::Completing, 0), (State::Restarting, 1), (State::Parked, 1)];
    assert_eq!(counts, expected);

    let copying = OpenRecords { state: Some(State::Copying), order: Order::OldestFirst };
    let times = |records: Vec<Record>| records.iter().map(|record| record.updated.0).collect::<Vec<_>>();
    assert_eq!(times(ledger.open_records(&copying, 4).await.unwrap()), [0, 1, 2, 3]);
    assert_eq!(times(ledger.open_records(&copying, 100).await.unwrap()), (0..30).collect::<Vec<_>>());
    let newest = OpenRecords { order: Order::NewestFirst, ..copying };
    assert_eq!(times(ledger.open_records(&newest, 2).await.unwrap()), [29, 28]);
    let all = ledger.open_records(&OpenRecords::default(), 100).await.unwrap();
    assert_eq!(all.len(), 32);
    let done = OpenRecords { state: Some(State::Done), ..OpenRecords::default() };
    assert_eq!(ledger.open_records(&done, 100).await.unwrap(), []);
}

async fn assert_a_record_that_is_done_leaves_the_index(world: &World) {
    let ledger = world.table("index").await;
    let parked = record("k", State::Parked, 5);
    assert!(matches!(save(&ledger, &parked, None, "t1").await, Saved::Stored));
    assert_eq!(ledger.open_records(&OpenRecords::default(), 10).await.unwrap(), std::slice::from_ref(&parked));
    let done = Record { state: State::Done, ..parked };
    assert!(matches!(save(&ledger, &done, Some(&Token("t1".into())), "t2").await, Saved::Stored));
    assert_eq!(ledger.open_records(&OpenRecords::default(), 10).await.unwrap(), []);
}
