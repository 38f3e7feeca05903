use super::*;
use crate::ledger::lease::lease_from;

fn lease(owner: &str) -> Lease {
    Lease { owner: owner.to_owned(), until: Some(Timestamp(100)) }
}

fn hand(lease: &Lease, now: i64) -> Holder<'_> {
    Holder { lease, now: Timestamp(now) }
}

fn scan_of(routes: usize, run: &Lease) -> ScanRecord {
    ScanRecord::begin(None, "scan", &vec![NamedRoute::default(); routes], hand(run, 0))
}

fn thirds() -> Vec<KeyRange> {
    KeyRange::all().cut_at(["h".to_owned(), "p".to_owned()])
}

#[test]
fn the_save_that_closes_the_last_range_is_the_end_of_the_scan() {
    let run = lease("run");
    let mut scan = scan_of(2, &run);
    let counts = SendReport { objects: 3, ..SendReport::default() };
    assert!(scan.close(0, &counts, hand(&run, 1)));
    assert_eq!(scan.finished, None);
    assert!(!scan.close(0, &counts, hand(&run, 2)), "a range is closed once");
    assert!(scan.close(1, &counts, hand(&run, 3)));
    assert_eq!((scan.finished, scan.totals.objects), (Some(Timestamp(3)), 6));
}

#[test]
fn a_piece_can_be_taken_while_its_message_is_due_and_then_by_nobody_else() {
    let (run, one, other) = (lease("run"), lease("one"), lease("other"));
    let mut scan = scan_of(1, &run);
    scan.split(0, &thirds(), 32, hand(&run, 1));
    assert_eq!(scan.due(hand(&run, 1)), [1, 2]);
    assert_eq!(scan.take(1, hand(&one, 2)), Taken::Ours(NamedRoute::default(), thirds().remove(1)));
    assert_eq!(scan.take(1, hand(&other, 3)), Taken::Busy(Some(Timestamp(100))));
    assert_eq!(scan.take(0, hand(&other, 3)), Taken::Busy(Some(Timestamp(100))));
    assert!(matches!(scan.take(1, hand(&other, 100)), Taken::Ours(..)), "the lease is over");
    scan.mark_sent(&[1, 2], hand(&run, 4));
    assert_eq!(scan.ranges[&1].lease, Some(other), "it is not the sender's any more");
    assert_eq!((&scan.ranges[&2].lease, scan.ranges[&2].message), (&None, RangeMessage::Sent));
}

#[test]
fn a_split_keeps_to_the_number_of_open_ranges_and_loses_nothing_at_the_end() {
    let run = lease("run");
    let mut scan = scan_of(1, &run);
    scan.split(0, &thirds(), 2, hand(&run, 1));
    assert_eq!(scan.ranges[&0].range, thirds()[0]);
    assert_eq!(scan.ranges[&1].range, KeyRange { after: "h".into(), until: None });
    let before = scan.clone();
    scan.split(0, &thirds()[..1], 32, hand(&run, 1));
    scan.split(0, &thirds(), 32, hand(&run, 1));
    assert_eq!(scan, before, "one piece is no split, and a split is made once");
}

#[test]
fn a_split_of_what_has_changed_meanwhile_changes_nothing() {
    let (run, other) = (lease("run"), lease("other"));
    let mut scan = scan_of(1, &run);
    let before = scan.clone();
    scan.split(0, &thirds(), 32, hand(&other, 1));
    assert_eq!(scan, before);
    assert!(scan.advance(0, "c", &SendReport::default(), hand(&run, 1)));
    let before = scan.clone();
    scan.split(0, &thirds(), 32, hand(&run, 1));
    assert_eq!(scan, before);
}

#[test]
fn a_repeated_save_counts_its_objects_once() {
    let run = lease("run");
    let mut scan = scan_of(1, &run);
    let counts = SendReport { objects: 3, ..SendReport::default() };
    for _ in 0..2 {
        assert!(scan.advance(0, "c", &counts, hand(&run, 1)));
    }
    assert_eq!((scan.totals.objects, scan.ranges[&0].range.after.as_str()), (3, "c"));
}

#[test]
fn what_a_crash_left_unsent_is_swept_up_when_its_lease_is_over() {
    let (run, sweeper) = (lease("run"), Lease { owner: "sweeper".into(), until: Some(Timestamp(900)) });
    let mut scan = scan_of(1, &run);
    scan.split(0, &thirds(), 32, hand(&run, 1));
    scan.release(0, hand(&run, 1));
    scan.sweep(Sweep::Unsent, hand(&sweeper, 99));
    assert!(scan.due(hand(&sweeper, 99)).is_empty());
    scan.sweep(Sweep::Unsent, hand(&sweeper, 100));
    assert_eq!(scan.due(hand(&sweeper, 100)), [1, 2]);
    scan.sweep(Sweep::AlsoSilentSince(Timestamp(0)), hand(&sweeper, 102));
    assert_eq!(scan.due(hand(&sweeper, 102)), [1, 2], "the message of the third was sent a moment ago");
    scan.sweep(Sweep::AlsoSilentSince(Timestamp(1)), hand(&sweeper, 102));
    assert_eq!(scan.due(hand(&sweeper, 102)), [0, 1, 2]);
}

#[test]
fn while_a_run_comes_further_its_turn_does_not_end() {
    let (run, later) = (lease("run"), Lease { until: Some(Timestamp(900)), ..lease("run") });
    let other = Lease { until: Some(Timestamp(999)), ..lease("other") };
    let mut scan = scan_of(2, &run);
    assert!(matches!(scan.turn_to(0, hand(&later, 50)), Taken::Ours(..)));
    assert_eq!(scan.lease, Some(later.clone()));
    let longer = Lease { until: Some(Timestamp(950)), ..later };
    assert!(scan.advance(0, "c", &SendReport::default(), hand(&longer, 100)));
    assert_eq!(scan.lease, Some(longer.clone()));
    scan.sweep(Sweep::Unsent, hand(&other, 100));
    assert!(matches!(scan.take(1, hand(&other, 101)), Taken::Ours(..)), "nobody had turned to it yet");
    assert!(scan.advance(1, "c", &SendReport::default(), hand(&other, 102)));
    assert_eq!(scan.lease, Some(longer), "it is the run's lease");
}

#[test]
fn a_run_turns_to_no_range_that_others_have_taken_up_since() {
    let (run, other) = (lease("run"), Lease { owner: "other".into(), until: Some(Timestamp(900)) });
    let mut scan = scan_of(3, &run);
    scan.sweep(Sweep::Unsent, hand(&other, 100));
    assert!(matches!(scan.take(1, hand(&other, 101)), Taken::Ours(..)));
    scan.mark_sent(&[2], hand(&other, 101));
    scan.close(0, &SendReport::default(), hand(&other, 102));
    let before = scan.clone();
    assert_eq!(scan.turn_to(0, hand(&run, 103)), Taken::Closed);
    assert_eq!(scan.turn_to(1, hand(&run, 103)), Taken::Busy(Some(Timestamp(900))));
    assert_eq!(scan.turn_to(2, hand(&run, 103)), Taken::Busy(None), "its message is on the way");
    assert_eq!(scan, before);
}

#[test]
fn a_lease_is_written_down_for_15_minutes_at_most() {
    let until = |until| lease_from(Timestamp(7), &Lease { owner: "run".into(), until }).until;
    assert_eq!(until(Some(Timestamp(86_400_000))), Some(Timestamp(900_007)));
    assert_eq!((until(Some(Timestamp(100))), until(None)), (Some(Timestamp(100)), None));
}

#[test]
fn a_record_of_an_earlier_version_is_one_without_ranges() {
    let old = r#"{"lease": null, "started": 1, "finished": 2}"#;
    let scan: ScanRecord = serde_json::from_str(old).unwrap();
    let expected = ScanRecord { started: Some(Timestamp(1)), finished: Some(Timestamp(2)), ..ScanRecord::default() };
    assert_eq!(scan, expected);
}

#[test]
fn a_route_that_cannot_be_compared_ends_with_all_its_ranges_and_the_scan_is_not_complete() {
    let (run, one) = (lease("run"), lease("one"));
    let mut scan = scan_of(2, &run);
    scan.split(0, &thirds(), 32, hand(&run, 1));
    scan.end_route(0, hand(&one, 2));
    assert_eq!(scan.ranges.len(), 4, "nobody ends what is in others' hands");
    scan.end_route(0, hand(&run, 2));
    assert_eq!((scan.ranges.keys().copied().collect::<Vec<_>>(), scan.unordered.contains(&0)), (vec![1], true));
    assert_eq!(scan.take(2, hand(&one, 3)), Taken::Closed, "the messages of its other ranges are late");
    assert!(scan.close(1, &SendReport::default(), hand(&run, 4)));
    assert_eq!((scan.is_complete(), scan.finished), (false, None));
    let row = serde_json::to_string(&scan).unwrap();
    assert_eq!(serde_json::from_str::<ScanRecord>(&row).unwrap(), scan);
    let earlier_version = serde_json::to_string(&scan_of(1, &run)).unwrap();
    assert!(!earlier_version.contains("unordered"), "{earlier_version}");
}
