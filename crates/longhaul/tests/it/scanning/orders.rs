//! Stores that list in another order: the comparison of their route ends by name, and no key is lost in silence.

use longhaul::memory::KeyOrder;

use super::*;

/// Differing keys of one folder each, around `/` and around letters and planes.
fn fill(world: &ScanWorld, prefix: &str) {
    for number in 0..600 {
        let folder = ["p", "p (1)", "p.d", "P", "\u{ff5e}", "😀"][number / 100];
        world.source.insert(&format!("{prefix}{folder}/{number:05}"), "x");
    }
}

fn in_order(seed: u64, order: KeyOrder) -> ScanWorld {
    let mut world = ScanWorld::new(seed, Duration::from_millis(250), &Crash::never());
    world.source = world.source.with_order(order);
    world
}

#[test]
fn a_store_in_another_order_ends_the_comparison_of_its_route_by_name_and_other_routes_go_on() {
    let world = in_order(1, KeyOrder::Tree);
    fill(&world, "a/");
    (0..300).for_each(|number| drop(world.source.insert(&format!("b/{number:04}"), "x")));
    let routes = [route("source", "a/"), route("source", "b/")];
    let report = alone(&world, world.scheduled(1, &routes, LEG));
    while alone(&world, world.deliver(2, LEG)).is_some() {}
    let told = world.parked().get("unordered-listing").copied().unwrap_or_default() + report.errors.len();
    assert!(told > 0, "nobody hears of it");
    assert!(report.errors.iter().all(|error| error.contains("longhaul copy") && error.starts_with("source/a/")));
    let record = world.record();
    assert_eq!((record.ranges.len(), record.unordered.into_iter().collect::<Vec<_>>()), (0, vec![0]));
    assert_eq!((record.finished, world.seen().ends), (None, 0), "it is not complete");
    let of_b = world.sent().iter().filter(|key| key.starts_with("b/")).count();
    assert_eq!(of_b, 300, "the other route is compared to its end");
}

#[test]
fn no_cut_of_a_scan_among_many_jobsenders_loses_a_key_of_a_store_in_another_order() {
    for order in KeyOrder::ALL {
        let mut complete = 0;
        for seed in 0..25 {
            let world = in_order(seed, order);
            fill(&world, "a/");
            let routes = [route("source", "a/")];
            let mut processes = world.processes(seed, 4, &routes, LEG);
            let done = || {
                let begun = world.seen().saves > 0 && world.record().ranges.is_empty();
                begun && world.scan_queue.inner.bodies().is_empty()
            };
            run(&world.clock, &mut fastrand::Rng::with_seed(seed), &Crash::never(), &mut processes, DAYS, done);
            let mut sent = world.sent();
            sent.dedup();
            assert!(sent.len() == 600 || world.seen().ends == 0, "{order:?} {seed}: {} keys, and complete", sent.len());
            complete += world.seen().ends;
        }
        assert_eq!(complete, if order == KeyOrder::Bytes { 25 } else { complete }, "{order:?}");
        assert!(order != KeyOrder::Tree || complete == 0, "the tree's order is not the bytes' with these keys");
    }
}

#[test]
fn keys_that_come_and_go_where_ranges_meet_are_no_other_order() {
    for seed in 0..40 {
        let world = ScanWorld::new(seed, Duration::from_millis(250), &Crash::never()).filled();
        let routes = [route("source", "a/"), route("source", "b/")];
        let random = std::cell::RefCell::new(fastrand::Rng::with_seed(seed));
        let mut processes = world.processes(seed, 4, &routes, LEG);
        let (stores, random) = (&world, &random);
        let come_and_go = Process::new(move |_| {
            async move {
                let key = format!("a/{:05}-", random.borrow_mut().u32(..1000));
                if random.borrow_mut().bool() {
                    stores.source.insert(&key, "new");
                } else {
                    stores.source.remove(&key);
                }
                stores.clock.sleep(Duration::from_millis(40)).await;
            }
            .boxed_local()
        });
        processes.push(come_and_go);
        let differing: Vec<String> = world.differing();
        let done = || world.seen().ends > 0 && world.scan_queue.inner.bodies().is_empty();
        run(&world.clock, &mut fastrand::Rng::with_seed(seed), &Crash::never(), &mut processes, DAYS, done);
        assert_eq!((world.record().unordered.len(), world.parked().len()), (0, 0), "seed {seed}");
        let sent = world.sent();
        assert!(differing.iter().all(|key| sent.contains(key)), "seed {seed}");
    }
}
