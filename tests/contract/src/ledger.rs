//! What every ledger must do: one record for each destination object, saved only by who knows its last save.

use futures_util::future;
use longhaul::{
    ledger::{
        DestinationIdentity, Expected, Lease, Ledger, LedgerError, Reason, Record, RecordKey, RecordSource,
        RecordUpload, Saved, State, Token,
    },
    object::{Crc64, ETag, Location, ObjectKey, Pin, Proof, ProofLevel, Timestamp, VersionId},
};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// The whole suite for a ledger; `ledger` must hold no records.
pub async fn ledger<L: Ledger>(ledger: &L) {
    nothing_is_loaded_before_it_is_saved(ledger).await;
    a_record_is_loaded_as_it_was_saved(ledger).await;
    a_second_first_save_is_refused(ledger).await;
    of_two_first_saves_at_once_one_is_stored(ledger).await;
    a_save_with_the_last_token_replaces_the_record(ledger).await;
    a_save_with_an_older_token_is_refused(ledger).await;
    a_save_over_a_missing_record_is_refused(ledger).await;
    a_repeated_save_is_recognised_by_its_own_token(ledger).await;
    records_are_kept_apart_byte_for_byte(ledger).await;
    a_process_has_one_name_in_all_its_leases(ledger).await;
    a_lease_survives_in_its_record(ledger).await;
    many_records_are_loaded_in_the_order_of_their_keys(ledger).await;
    many_records_are_loaded_though_keys_repeat_or_have_none(ledger).await;
}

fn record_key(bucket: &str, key: &str) -> RecordKey {
    let key = ObjectKey::new(key).expect("the suite uses keys of 1 to 1,024 bytes");
    RecordKey { location: Location::new("https://s3.example", bucket), key }
}

/// A first record with nothing in it that need not be.
fn bare(key: RecordKey) -> Record {
    let pin = Pin { etag: ETag::new("e"), version_id: None, size: 1, crc64nvme: None, modified: NOW };
    let source = RecordSource { location: Location::new("file:", "/data"), key: key.key.clone(), pin };
    Record::begin(key, source, NOW)
}

fn named(key: &str) -> Record {
    bare(record_key("bucket", key))
}

/// A record with everything in it.
fn full(key: RecordKey) -> Record {
    let crc64nvme = Some(Crc64::of(b"whole"));
    let version_id = VersionId::new("3sL4kq");
    let pin = Pin {
        etag: ETag::new("d41d8cd98f00b204e9800998ecf8427e-10000"),
        version_id: version_id.clone(),
        size: 50_000_000_000_000,
        crc64nvme,
        modified: NOW,
    };
    let source = RecordSource { location: Location::new("https://s3.cn", "源"), key: key.key.clone(), pin };
    Record {
        generation: 7,
        intent: Some(Timestamp(NOW.0 + 1)),
        upload: Some(RecordUpload { id: "upload/+=%".into(), part_size: 5_368_709_120, adopted: true, doubted: true }),
        expected: Some(Expected { size: 50_000_000_000_000, crc64nvme, etag: Some(ETag::new("e-2")), trusts: None }),
        lease: Some(Lease { owner: "host 1/😀".into(), until: Some(Timestamp(NOW.0 + 60_000)) }),
        attempts: 3,
        idle_legs: 2,
        parts: 9_999,
        sequencer: Some("0055AED6DCD90281E5".into()),
        destination: Some(DestinationIdentity { etag: Some(ETag::new("old")), version_id }),
        proof: Some(Proof { level: ProofLevel::PartCrc, transport_only_parts: 2 }),
        bytes: 50_000_000_000_001,
        requests: 20_003,
        updated: Timestamp(NOW.0 + 2),
        reason: Some(Reason::new("access-denied", "line one\nline \"two\"")),
        ..Record::begin(key, source, NOW)
    }
}

fn token(text: &str) -> Token {
    Token(text.to_owned())
}

fn done<T>(step: &str, answer: Result<T, LedgerError>) -> T {
    answer.unwrap_or_else(|error| panic!("{step}: {error}"))
}

async fn load<L: Ledger>(ledger: &L, key: &RecordKey) -> Option<(Record, Token)> {
    done("load", ledger.load(key).await)
}

async fn save<L: Ledger>(ledger: &L, record: &Record, expected: Option<&Token>, token: &Token) -> Saved {
    done(&format!("save with {token:?} over {expected:?}"), ledger.save(record, expected, token).await)
}

async fn save_first<L: Ledger>(ledger: &L, record: &Record, token: &Token) {
    let saved = save(ledger, record, None, token).await;
    assert!(matches!(saved, Saved::Stored), "a first save was not stored: {saved:?}");
}

fn refused(step: &str, saved: Saved) -> Option<(Record, Token)> {
    match saved {
        Saved::Refused(standing) => standing.map(|standing| *standing),
        Saved::Stored => panic!("{step}: it was stored"),
    }
}

/// And that is no error.
pub async fn nothing_is_loaded_before_it_is_saved<L: Ledger>(ledger: &L) {
    assert_eq!(load(ledger, &record_key("bucket", "never")).await, None);
}

/// Every field, with its token.
pub async fn a_record_is_loaded_as_it_was_saved<L: Ledger>(ledger: &L) {
    let records = [named("kept/bare"), full(record_key("bucket", "kept/full"))];
    for (record, token) in records.into_iter().zip([token("kept-1"), token("kept-2")]) {
        save_first(ledger, &record, &token).await;
        assert_eq!(load(ledger, &record.key).await, Some((record, token)));
    }
}

/// And shows what is there.
pub async fn a_second_first_save_is_refused<L: Ledger>(ledger: &L) {
    let record = named("created");
    save_first(ledger, &record, &token("created-1")).await;
    let second = Record { attempts: 9, ..record.clone() };
    let saved = save(ledger, &second, None, &token("created-2")).await;
    let standing = Some((record.clone(), token("created-1")));
    assert_eq!(refused("a second first save", saved), standing, "what the refusal shows");
    assert_eq!(load(ledger, &record.key).await, standing, "what is there after the refusal");
}

/// The other learns whose is there.
pub async fn of_two_first_saves_at_once_one_is_stored<L: Ledger>(ledger: &L) {
    let record = named("raced");
    let (one, other) = (token("raced-1"), token("raced-2"));
    let saves = future::join(save(ledger, &record, None, &one), save(ledger, &record, None, &other)).await;
    let (winner, refusal) = match saves {
        (Saved::Stored, refusal) => (one, refusal),
        (refusal, Saved::Stored) => (other, refusal),
        both => panic!("none was stored: {both:?}"),
    };
    let shown = refused("the other of two first saves", refusal).expect("a refusal shows what is there");
    assert_eq!(shown.1, winner, "the token that the refusal shows");
}

/// And its token.
pub async fn a_save_with_the_last_token_replaces_the_record<L: Ledger>(ledger: &L) {
    let record = named("replaced");
    save_first(ledger, &record, &token("replaced-1")).await;
    let next = Record { state: State::Completing, ..full(record.key.clone()) };
    let saved = save(ledger, &next, Some(&token("replaced-1")), &token("replaced-2")).await;
    assert!(matches!(saved, Saved::Stored), "a save with the last token: {saved:?}");
    assert_eq!(load(ledger, &record.key).await, Some((next, token("replaced-2"))));
}

/// And shows what is there.
pub async fn a_save_with_an_older_token_is_refused<L: Ledger>(ledger: &L) {
    let record = named("stale");
    save_first(ledger, &record, &token("stale-1")).await;
    let second = Record { attempts: 2, ..record.clone() };
    let saved = save(ledger, &second, Some(&token("stale-1")), &token("stale-2")).await;
    assert!(matches!(saved, Saved::Stored), "a save with the last token: {saved:?}");
    let late = Record { attempts: 3, ..record.clone() };
    let saved = save(ledger, &late, Some(&token("stale-1")), &token("stale-3")).await;
    let standing = Some((second, token("stale-2")));
    assert_eq!(refused("a save with an older token", saved), standing, "what the refusal shows");
    assert_eq!(load(ledger, &record.key).await, standing, "what is there after the refusal");
}

/// Who expects a record does not make one.
pub async fn a_save_over_a_missing_record_is_refused<L: Ledger>(ledger: &L) {
    let record = named("vanished");
    let saved = save(ledger, &record, Some(&token("vanished-1")), &token("vanished-2")).await;
    assert_eq!(refused("a save over nothing", saved), None, "what the refusal shows");
    assert_eq!(load(ledger, &record.key).await, None);
}

/// The answer to a save may be lost, and the save is made again: a first one, and one over a token.
pub async fn a_repeated_save_is_recognised_by_its_own_token<L: Ledger>(ledger: &L) {
    let record = named("repeated");
    let second = Record { attempts: 2, ..record.clone() };
    let (first_token, second_token) = (token("repeated-1"), token("repeated-2"));
    for (record, expected, token) in [(&record, None, &first_token), (&second, Some(&first_token), &second_token)] {
        for time in ["first", "second"] {
            let saved = save(ledger, record, expected, token).await;
            let shows_mine = matches!(&saved, Saved::Refused(Some(standing)) if standing.1 == *token);
            let stored = matches!(saved, Saved::Stored);
            assert!(stored || (time == "second" && shows_mine), "the {time} time: {saved:?}");
        }
        assert_eq!(load(ledger, &record.key).await, Some((record.clone(), token.clone())));
    }
}

/// Keys and buckets that differ in a byte, a case or a form, or only in where one ends and the other begins.
pub async fn records_are_kept_apart_byte_for_byte<L: Ledger>(ledger: &L) {
    let names = ["k", "K", "k ", " k", "k/", "/k", "k//k", "k\u{1}", "k'\"%_*", "\u{fc}", "u\u{308}", "日本語/ü"];
    let mut keys: Vec<_> = names.into_iter().map(|name| record_key("exact", name)).collect();
    keys.push(record_key("exact", &"k".repeat(ObjectKey::MAX_BYTES)));
    keys.push(record_key("exact/k", "k"));
    keys.push(record_key("exact", "k/k"));
    let elsewhere = Location::new("https://s3.other", "exact");
    keys.push(RecordKey { location: elsewhere, ..record_key("exact", "k") });
    for (number, key) in (0_u64..).zip(&keys) {
        let record = Record { bytes: number, ..bare(key.clone()) };
        save_first(ledger, &record, &Token(format!("exact-{number}"))).await;
    }
    for (number, key) in (0_u64..).zip(&keys) {
        let (record, token) = load(ledger, key).await.unwrap_or_else(|| panic!("{key:?} is not there"));
        assert_eq!(record.key, *key, "the key of the record");
        assert_eq!((record.bytes, token), (number, Token(format!("exact-{number}"))), "the record of {key:?}");
    }
}

/// So that a process recognises its own, now and later.
pub async fn a_process_has_one_name_in_all_its_leases<L: Ledger>(ledger: &L) {
    let (one, later) = (ledger.new_lease(NOW), ledger.new_lease(Timestamp(NOW.0 + 3_600_000)));
    assert_eq!(one.owner, later.owner, "the owner of two leases of one process");
    assert!(!one.owner.is_empty(), "a lease names its owner");
    assert!(one.until.is_none_or(|until| until > NOW), "a new lease is over already: {one:?}");
}

/// Its owner and its end are what they were.
pub async fn a_lease_survives_in_its_record<L: Ledger>(ledger: &L) {
    let lease = Some(ledger.new_lease(NOW));
    let record = Record { lease: lease.clone(), ..named("leased") };
    save_first(ledger, &record, &token("leased-1")).await;
    let (loaded, _) = load(ledger, &record.key).await.expect("the record was saved");
    assert_eq!(loaded.lease, lease);
}

async fn load_many<L: Ledger>(ledger: &L, keys: &[RecordKey]) -> Vec<Option<(Record, Token)>> {
    done(&format!("load {} records", keys.len()), ledger.load_many(keys).await)
}

/// Also where there are more than one request can ask for.
pub async fn many_records_are_loaded_in_the_order_of_their_keys<L: Ledger>(ledger: &L) {
    let mut keys = Vec::new();
    for number in (0..250).rev() {
        let record = named(&format!("many/{number}"));
        save_first(ledger, &record, &Token(format!("many-{number}"))).await;
        keys.push(record.key);
    }
    let loaded = load_many(ledger, &keys).await;
    assert_eq!(loaded.len(), keys.len(), "one answer a key");
    for ((answer, key), number) in loaded.into_iter().zip(&keys).zip((0..250).rev()) {
        let (record, token) = answer.unwrap_or_else(|| panic!("{key:?} is not there"));
        assert_eq!((record.key, token), (key.clone(), Token(format!("many-{number}"))));
    }
}

/// A key that stands twice is answered twice, and one without a record with nothing.
pub async fn many_records_are_loaded_though_keys_repeat_or_have_none<L: Ledger>(ledger: &L) {
    let (one, two) = (named("some/one"), full(record_key("bucket", "some/two")));
    save_first(ledger, &one, &token("some-1")).await;
    save_first(ledger, &two, &token("some-2")).await;
    let missing = record_key("bucket", "some/missing");
    let (one, two) = (Some((one, token("some-1"))), Some((two, token("some-2"))));
    let key_of = |answer: &Option<(Record, Token)>| answer.as_ref().expect("it was saved").0.key.clone();
    let keys = [key_of(&two), missing.clone(), key_of(&one), key_of(&two), missing];
    assert_eq!(load_many(ledger, &keys).await, [two.clone(), None, one, two, None]);
    assert_eq!(load_many(ledger, &[]).await, []);
}
