//! Scans in many ranges by many jobsenders, under virtual time: nothing is lost, and the end is seen once.

mod orders;
mod time;
mod world;

use std::time::Duration;

use futures_util::{FutureExt, future::select};
use longhaul::{
    limits::Clock,
    object::ObjectKey,
    queue::{JobQueue, RangeJob, Verdict},
    route::{IgnoreList, KeyListPlace, NamedRoute},
};
use time::{Crash, Process, run};
use tokio_util::sync::CancellationToken;
use world::{LEG, ScanWorld, route};

/// Long enough for lost messages to be missed, and found.
const DAYS: Duration = Duration::from_secs(2 * 24 * 3600);

/// Runs one scan to its end, and on until no message is left.
fn scan(world: &ScanWorld, seed: u64, crash: &Crash, leg: Duration) {
    let routes = [route("source", "a/"), route("source", "b/")];
    let mut random = fastrand::Rng::with_seed(seed);
    let mut processes = world.processes(seed, 4, &routes, leg);
    let done = || world.seen().ends > 0 && world.scan_queue.inner.bodies().is_empty();
    run(&world.clock, &mut random, crash, &mut processes, DAYS, done);
}

/// One process alone.
fn alone<'a, T: 'a>(world: &'a ScanWorld, future: impl Future<Output = T> + 'a) -> T {
    let answer = std::cell::RefCell::new(None);
    let future = std::cell::RefCell::new(Some(future.boxed_local()));
    {
        let answer = &answer;
        let mut process = [Process::new(|_| {
            let future = future.borrow_mut().take();
            async move {
                if let Some(future) = future {
                    *answer.borrow_mut() = Some(future.await);
                }
            }
            .boxed_local()
        })];
        let random = &mut fastrand::Rng::with_seed(1);
        run(&world.clock, random, &Crash::never(), &mut process, 4 * DAYS, || answer.borrow().is_some());
    }
    answer.into_inner().unwrap()
}

#[test]
fn without_faults_every_differing_key_is_sent_once_over_any_interleaving() {
    let (mut most_open, mut handed_over) = (0, 0);
    for seed in 0..150 {
        let crash = Crash::never();
        // Calls of a quarter of a second let a leg come to its end, longer ones do not.
        let leg = if seed % 2 == 0 { LEG } else { Duration::from_secs(15) };
        let world = ScanWorld::new(seed, Duration::from_millis(250), &crash).filled();
        scan(&world, seed, &crash, leg);
        assert_eq!(world.sent(), world.differing(), "seed {seed}");
        assert_eq!((world.seen().ends, world.parked().len()), (1, 0), "seed {seed}");
        let record = world.record();
        assert_eq!((record.totals.objects, record.totals.sent), (1000, 334), "seed {seed}");
        most_open = most_open.max(world.seen().most_open);
        handed_over += world.seen().saves;
    }
    assert_eq!(most_open, 6);
    assert!(handed_over > 150 * 10, "{handed_over} saves");
}

#[test]
fn a_crash_at_any_call_loses_no_key_and_no_scan_takes_the_place_of_one_that_is_open() {
    for seed in 0..3 {
        let leg = if seed % 2 == 0 { LEG } else { Duration::from_secs(30) };
        let mut moments = 0;
        loop {
            moments += 1;
            let crash = Crash::at(moments);
            let world = ScanWorld::new(seed, Duration::from_millis(250), &crash).filled();
            let differing = world.differing();
            let routes = [route("source", "a/"), route("source", "b/")];
            // Jobs are done at once, so that only open ranges keep the gate shut.
            let mut processes = world.processes(seed, 4, &routes, leg);
            processes.push(world.copier());
            let done = || world.seen().ends > 0 && world.scan_queue.inner.bodies().is_empty();
            run(&world.clock, &mut fastrand::Rng::with_seed(seed), &crash, &mut processes, DAYS, done);
            let mut sent = world.sent();
            sent.dedup();
            assert_eq!(sent, differing, "seed {seed}, moment {moments}");
            let seen = world.seen();
            assert_eq!((seen.replaced, world.parked().len()), (0, 0), "seed {seed}, moment {moments}");
            assert_eq!(seen.ends, 1, "seed {seed}, moment {moments}");
            if !crash.happened() {
                break;
            }
        }
        assert!(moments > 150, "only {moments} moments of seed {seed}");
    }
}

#[test]
fn a_scan_in_a_short_time_goes_on_through_the_queue() {
    let world = ScanWorld::new(1, Duration::from_millis(500), &Crash::never()).filled();
    let routes = [route("source", "a/"), route("source", "b/")];
    let report = alone(&world, world.scheduled(1, &routes, Duration::from_secs(20)));
    assert!(!report.complete && report.errors.is_empty() && report.handed_over > 0, "{report:?}");
    assert_eq!(world.scan_queue.inner.bodies().len(), report.handed_over);
    let next = alone(&world, world.scheduled(2, &routes, LEG));
    assert_eq!((next.gate, next.complete), ("scan-open", true));
}

#[test]
fn a_range_that_cannot_be_listed_stays_open_and_its_message_is_parked_at_last() {
    let mut world = ScanWorld::new(1, Duration::from_millis(50), &Crash::never()).filled();
    world.settings.max_ranges = 1;
    let routes = [route("source", "a/"), route("elsewhere", "")];
    let report = alone(&world, world.scheduled(1, &routes, LEG));
    assert_eq!(report.errors, ["elsewhere/: no way to elsewhere"]);
    assert_eq!((report.complete, report.routes[0].counts.complete), (false, true));
    let verdicts = alone(&world, async {
        let mut verdicts = Vec::new();
        while !world.scan_queue.inner.bodies().is_empty() {
            verdicts.extend(world.deliver(2, LEG).await);
            world.clock.sleep(Duration::from_secs(600)).await;
        }
        verdicts
    });
    let returns = verdicts.iter().filter(|verdict| **verdict == Verdict::Return).count();
    assert_eq!((returns, verdicts.last()), (5, Some(&Verdict::Acknowledge)));
    assert_eq!(world.parked()["unreachable"], 1);
    assert_eq!((world.seen().ends, world.record().ranges.len()), (0, 1));
    alone(&world, world.clock.sleep(Duration::from_secs(48 * 3600 - 3600 * 2)));
    assert_eq!(alone(&world, world.scheduled(3, &routes[..1], LEG)).gate, "scan-open");
    alone(&world, world.clock.sleep(Duration::from_secs(3600 * 2)));
    let next = alone(&world, world.scheduled(4, &routes[..1], LEG));
    assert_eq!((next.gate, next.complete, world.seen().ends), ("forced", true, 1));
}

#[test]
fn jobs_of_a_scan_that_took_long_wait_as_long_as_those_of_a_short_one() {
    let mut world = ScanWorld::new(1, Duration::from_secs(2), &Crash::never()).filled();
    (world.settings.max_ranges, world.settings.gate.max_age) = (1, Duration::from_secs(20));
    let routes = [route("source", "a/")];
    assert!(alone(&world, world.scheduled(1, &routes, LEG)).complete);
    let began = world.record().started.unwrap().0;
    assert!(world.clock.now().0 - began > 20_000, "a short scan shows nothing");
    assert_eq!(alone(&world, world.scheduled(2, &routes, LEG)).gate, "jobs-waiting");
    alone(&world, world.clock.sleep(world.settings.gate.max_age));
    assert_eq!(alone(&world, world.scheduled(3, &routes, LEG)).gate, "forced");
}

#[test]
fn a_run_of_a_day_that_dies_while_it_works_holds_nothing_up_for_longer_than_a_lease() {
    let world = ScanWorld::new(1, Duration::from_secs(2), &Crash::never()).filled();
    let routes = [route("source", "a/"), route("source", "b/")];
    alone(&world, async {
        let run = world.scheduled(1, &routes, DAYS).boxed_local();
        drop(select(run, world.clock.sleep(Duration::from_secs(20))).await);
    });
    assert_eq!(alone(&world, world.scheduled(2, &routes, LEG)).gate, "another-run");
    alone(&world, world.clock.sleep(Duration::from_secs(15 * 60)));
    assert_eq!(alone(&world, world.scheduled(3, &routes, LEG)).gate, "scan-open");
    while world.seen().ends == 0 {
        assert!(alone(&world, world.deliver(4, LEG)).is_some(), "its ranges are sent to others");
    }
}

#[test]
fn without_room_for_more_ranges_the_record_is_saved_no_more_often_than_it_must_be() {
    let mut world = ScanWorld::new(1, Duration::from_millis(50), &Crash::never());
    (0..3000).for_each(|number| drop(world.source.insert(&format!("{number:04}"), "x")));
    (world.settings.max_ranges, world.settings.save_every) = (2, DAYS);
    alone(&world, world.scheduled(1, &[route("source", "")], LEG));
    let sent = world.sent().len();
    assert!(sent >= 1000 && world.record().ranges.len() == 1, "the other half waits for another process: {sent}");
    // Begun, turned to, advanced, split, the message marked, closed, wound up; and not once for a hundred keys.
    assert_eq!(world.seen().saves, 7);
}

#[test]
fn a_process_that_is_told_to_stop_gives_its_message_back_at_once_and_never_parks_it() {
    let mut world = ScanWorld::new(1, Duration::from_millis(50), &Crash::never()).filled();
    world.settings.max_ranges = 1;
    let routes = [route("source", "a/")];
    let leg = Duration::from_millis(1200);
    assert!(alone(&world, world.scheduled(1, &routes, leg)).handed_over > 0);
    let mut deliveries = Vec::new();
    for seed in 0..world.settings.max_receives {
        let message = alone(&world, world.scan_queue.receive(1, Duration::ZERO)).unwrap().pop().expect("it is visible");
        let (jobsender, stop) = (world.jobsender(seed.into()), CancellationToken::new());
        stop.cancel();
        let leg = jobsender.leg(LEG, Duration::from_secs(5), stop);
        let none = IgnoreList::none();
        let handled = jobsender.handle_scan_message(&world.scan_queue, &world.jobs, &message, &none, &leg);
        deliveries.push((message.receives, alone(&world, handled)));
    }
    let expected = (1..6).map(|receives| (receives, Verdict::Return)).chain([(6, Verdict::Acknowledge)]);
    assert_eq!(deliveries, expected.collect::<Vec<_>>());
    assert!(world.parked().is_empty());
    assert_eq!(world.scan_queue.inner.bodies().len(), 2, "the acknowledged one, and the same anew");
}

#[test]
fn late_and_malformed_messages_change_nothing() {
    let world = ScanWorld::new(1, Duration::from_millis(50), &Crash::never()).filled();
    let routes = [route("source", "a/")];
    let report = alone(&world, world.scheduled(1, &routes, LEG));
    assert!(report.complete || report.handed_over > 0);
    while !world.scan_queue.inner.bodies().is_empty() {
        alone(&world, world.deliver(2, LEG));
    }
    let before = world.record();
    let bodies = [
        RangeJob { id: before.id.clone(), range: 0 }.body(),
        RangeJob { id: "another".into(), range: 0 }.body(),
        "{\"scan\": 7}".to_owned(),
    ];
    for body in bodies {
        alone(&world, world.scan_queue.send_batch(&[body])).unwrap();
        assert_eq!(alone(&world, world.deliver(3, LEG)), Some(Verdict::Acknowledge));
    }
    assert_eq!(world.record(), before);
    assert_eq!(world.parked(), [("malformed".to_owned(), 1)].into());
}

#[test]
fn a_range_in_other_hands_is_waited_for() {
    let world = ScanWorld::new(1, Duration::from_millis(250), &Crash::never()).filled();
    let routes = [route("source", "a/"), route("source", "b/")];
    alone(&world, world.scheduled(1, &routes, Duration::from_secs(20)));
    let body = world.scan_queue.inner.bodies()[0].clone();
    alone(&world, world.scan_queue.send_batch(&[body])).unwrap();
    let twice = world.scan_queue.inner.bodies();
    let mut processes = world.processes(1, 8, &[], LEG);
    let random = &mut fastrand::Rng::with_seed(1);
    run(&world.clock, random, &Crash::never(), &mut processes, DAYS, || world.scan_queue.inner.bodies().is_empty());
    assert!(twice.len() > 1);
    assert_eq!((world.sent(), world.seen().ends), (world.differing(), 1));
}

/// A route with a list of these keys.
fn listed(world: &ScanWorld, keys: &[String]) -> NamedRoute {
    world.source.insert("keys.txt", keys.join("\n"));
    let place = KeyListPlace { bucket: "source".into(), key: ObjectKey::new("keys.txt").unwrap() };
    NamedRoute { keys_from: Some(place), ..route("source", "") }
}

#[test]
fn a_route_with_a_list_sends_what_it_names_and_a_crash_loses_none_of_it() {
    let mut moments = 0;
    loop {
        moments += 1;
        let crash = Crash::at(moments);
        let world = ScanWorld::new(1, Duration::from_secs(3), &crash).filled();
        let named = world.differing();
        let routes = [listed(&world, &named)];
        let mut processes = world.processes(1, 2, &routes, Duration::from_secs(20));
        let done = || world.seen().ends > 0 && world.scan_queue.inner.bodies().is_empty();
        run(&world.clock, &mut fastrand::Rng::with_seed(1), &crash, &mut processes, DAYS, done);
        let mut sent = world.sent();
        sent.dedup();
        assert_eq!(sent, named, "moment {moments}");
        assert_eq!((world.seen().ends, world.parked().len()), (1, 0), "moment {moments}");
        if !crash.happened() {
            // The beginning, and places in the list of 334 keys at which a leg ended and another went on.
            assert!(world.seen().places.len() >= 3, "{:?}", world.seen().places);
            break;
        }
    }
    assert!(moments > 50, "only {moments} moments");
}

#[test]
fn a_leg_that_only_finds_its_place_in_a_list_is_no_progress() {
    let world = ScanWorld::new(1, Duration::from_secs(3), &Crash::never()).filled();
    let routes = [listed(&world, &world.differing())];
    assert_eq!(alone(&world, world.scheduled(1, &routes, Duration::from_secs(20))).handed_over, 1);
    assert!(world.record().ranges[&0].range.after.starts_with("list 0000000000 0000000000 "));
    let body = world.scan_queue.inner.bodies();
    assert_eq!(alone(&world, world.deliver(2, Duration::ZERO)), Some(Verdict::Return));
    assert_eq!(world.scan_queue.inner.bodies(), body, "it is not sent anew");
}

#[test]
fn a_route_that_leads_into_itself_is_refused_by_name_and_holds_no_other_up() {
    let mut world = ScanWorld::new(1, Duration::ZERO, &Crash::never());
    world.source.insert("a/1", "x");
    world.destination = world.source.clone();
    let inside = NamedRoute { des_prefix: "a/copies".into(), ..route("source", "a/") };
    let routes = [inside, route("source", "a/")];
    let report = alone(&world, world.scheduled(1, &routes, LEG));
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
    assert!(report.errors[0].contains("inside its own source"), "{:?}", report.errors);
    assert_eq!((report.sent, report.handed_over), (1, 0), "{report:?}");
    assert_eq!(world.record().ranges.len(), 0, "its range would hold up the next scan");
    assert!(!report.complete);
}
