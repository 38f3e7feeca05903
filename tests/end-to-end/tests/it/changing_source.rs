//! A source that changes while it is copied: the destination is one version of it, or says that it could not be.

use end_to_end::{Cli, MIB, World, seed, sha256_of_synthetic};
use test_s3::{FaultCounter, FaultKind, FaultRule, Options, Versioning, When};

use crate::shared::assert_copied_once;

const KEY: &str = "changing.bin";
const SIZE: u64 = 64 * MIB;

/// A world whose source bucket holds one object of this seed.
async fn world(seed: u64, versioning: Versioning) -> World {
    let world = World::start(Options { seed, cheap_etags: true, ..Options::default() }).await;
    world.store().create_bucket("src", versioning);
    world.store().put_synthetic_with_crc("src", KEY, seed, SIZE);
    world
}

fn cli(world: &World) -> Cli {
    world.haul().set("--part-size", "8MiB").set("--concurrency", "2")
}

fn add(world: &World, kind: FaultKind, times: u64) -> FaultCounter {
    world.server.faults().add(FaultRule::new(kind).on("GetObject").in_bucket("src").times(times))
}

fn copied(world: &World) -> Option<String> {
    world.store().sha256("dst", KEY)
}

/// The copy is the source as it is now, made after the change, and nothing lies around.
fn assert_new_version(world: &World, old: u64) {
    let now = world.store().sha256("src", KEY);
    assert_ne!(now, Some(sha256_of_synthetic(old, SIZE)), "the source did not change");
    assert_copied_once(world, KEY, &now.expect("the source"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_overwritten_once_is_copied_as_it_is_then() {
    let seed = seed();
    let world = world(seed, Versioning::Never).await;
    let counter = add(&world, FaultKind::OverwriteSource, 1);
    let finished = cli(&world).run().await.assert_exit(0);
    assert_eq!(counter.count(), 1);
    assert_eq!(finished.outcome(KEY), "copied");
    assert_new_version(&world, seed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ignores_if_match_does_not_mix_versions() {
    let seed = seed();
    let world = world(seed, Versioning::Never).await;
    let counter = add(&world, FaultKind::OverwriteSource, 1);
    add(&world, FaultKind::IgnoreIfMatch, u64::MAX);
    cli(&world).run().await.assert_exit(0);
    assert_eq!(counter.count(), 1);
    assert_new_version(&world, seed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_overwritten_at_three_random_moments_is_copied_as_one_of_its_versions() {
    let seed = seed();
    let mut random = fastrand::Rng::with_seed(seed);
    let world = world(seed, Versioning::Never).await;
    let seeds = [seed, seed.wrapping_add(1), seed.wrapping_add(2), seed.wrapping_add(3)];
    let (mut life, mut stopped) = (None, None);
    for next in &seeds[1..] {
        // Both parts in flight are stopped while some of the eight are still to be read: the old version cannot become
        // complete.
        let passes = random.u64(0..=3);
        let holds = [(); 2].map(|()| world.server.hold_after("GetObject", When::AfterEffect, passes));
        // Only now do the requests of the round before go on: they might be the last ones that there are to stop.
        drop(stopped.take());
        let life = life.get_or_insert_with(|| cli(&world).spawn());
        for hold in &holds {
            life.until("the object is read", hold.reached()).await;
        }
        world.store().put_synthetic_with_crc("src", KEY, *next, SIZE);
        stopped = Some(holds);
    }
    drop(stopped);
    let finished = life.expect("it was started").finish().await.assert_exit(0);
    assert_eq!(finished.outcome(KEY), "copied");
    let copied = copied(&world).expect("the object was copied");
    assert!(
        seeds.iter().any(|seed| sha256_of_synthetic(*seed, SIZE) == copied),
        "the copy is no version of the source"
    );
    assert_eq!(world.store().uploads("dst"), []);
}

async fn assert_keeps_changing(ignores_if_match: bool) {
    let world = world(seed(), Versioning::Never).await;
    let counter = add(&world, FaultKind::OverwriteSource, u64::MAX);
    if ignores_if_match {
        add(&world, FaultKind::IgnoreIfMatch, u64::MAX);
    }
    let finished = cli(&world).run().await.assert_exit(2);
    assert!(counter.count() > 2, "only {} changes", counter.count());
    assert_eq!(finished.outcome(KEY), "failed");
    assert_eq!(finished.reason(KEY), "source-keeps-changing", "{}", finished.all());
    assert_eq!(finished.total("failed"), 1);
    assert_eq!(copied(&world), None);
    assert_eq!(world.store().uploads("dst"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_keeps_changing_is_reported_and_leaves_nothing_behind() {
    assert_keeps_changing(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_keeps_changing_in_a_store_that_ignores_if_match_is_reported_too() {
    assert_keeps_changing(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_with_versions_is_copied_as_it_was_at_first_however_often_it_changes() {
    let seed = seed();
    for kinds in [vec![FaultKind::OverwriteSource], vec![FaultKind::OverwriteSource, FaultKind::IgnoreIfMatch]] {
        let world = world(seed, Versioning::Enabled).await;
        for kind in kinds {
            add(&world, kind, u64::MAX);
        }
        let finished = cli(&world).run().await.assert_exit(0);
        assert!(world.store().versions("src", KEY).len() > 2, "the source did not change");
        assert_eq!(finished.outcome(KEY), "copied");
        assert_eq!(copied(&world), Some(sha256_of_synthetic(seed, SIZE)));
        assert_eq!(world.store().uploads("dst"), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_source_that_keeps_changing_is_copied_as_one_of_its_versions() {
    let seed = seed();
    let world = World::start(Options { seed, ..Options::default() }).await;
    world.store().put_synthetic_with_crc("src", KEY, seed, MIB);
    let counter = add(&world, FaultKind::OverwriteSource, u64::MAX);
    cli(&world).run().await.assert_exit(0);
    assert_eq!(counter.count(), 1, "one GET is pin and stream");
    assert_eq!(copied(&world), Some(sha256_of_synthetic(seed, MIB)));
}
