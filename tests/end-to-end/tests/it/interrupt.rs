//! Ctrl-C, two processes at once, and the death of one of them.

use end_to_end::{Cli, MIB, Running, World, accepted_parts, arrived_parts, seed, sha256_of_synthetic};
use test_s3::{Hold, Options, When};

use crate::shared::assert_copied_once;

const KEY: &str = "large.bin";
const PARTS: usize = 40;
const SIZE: u64 = PARTS as u64 * 5 * MIB;

struct StoppedCopy {
    world: World,
    expected: String,
}

impl StoppedCopy {
    async fn new() -> Self {
        let seed = seed();
        let world = World::start(Options { seed, cheap_etags: true, ..Options::default() }).await;
        world.store().put_synthetic_with_crc("src", KEY, seed, SIZE);
        Self { world, expected: sha256_of_synthetic(seed, SIZE) }
    }

    fn cli(&self) -> Cli {
        self.world.haul().set("--part-size", "5MiB").set("--concurrency", "2")
    }

    /// A run that has brought over three parts and cannot go on: the two in flight are stopped.
    async fn stopped(&self, cli: &Cli) -> (Running, [Hold; 2]) {
        let holds = [(); 2].map(|()| self.world.server.hold_after("UploadPart", When::BeforeEffect, 3));
        let mut life = cli.spawn();
        for hold in &holds {
            life.until("two parts are stopped", hold.reached()).await;
        }
        (life, holds)
    }

    fn accepted(&self) -> usize {
        accepted_parts(&self.world.server.requests()).len()
    }

    fn arrived(&self) -> usize {
        arrived_parts(&self.world.server.requests()).len()
    }

    /// The object is there once, with the right bytes, and nothing lies around.
    fn assert_right(&self) {
        assert_copied_once(&self.world, KEY, &self.expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_ends_after_its_parts_in_flight_and_the_next_one_resumes() {
    let haul = StoppedCopy::new().await;
    let (mut life, holds) = haul.stopped(&haul.cli().without("--json")).await;
    life.interrupt();
    life.says("Ctrl-C").await;
    drop(holds);
    let finished = life.finish_soon().await.assert_exit(130);
    assert_eq!((haul.accepted(), haul.arrived()), (5, 5), "not just the parts in flight were finished");
    assert_eq!(finished.outcome(KEY), "interrupted", "{}", finished.all());
    assert!(finished.stdout.contains("run the same command again to resume"), "{}", finished.all());

    let next = haul.cli().run().await.assert_exit(0);
    assert_eq!(next.line(KEY)["parts_resumed"], 5, "{}", next.all());
    assert_eq!(haul.arrived(), PARTS, "a part was sent again");
    haul.assert_right();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_interrupted_twice_ends_at_once_and_the_next_one_resumes() {
    let haul = StoppedCopy::new().await;
    // The parts in flight are stopped for good: whoever waits for them does not end.
    let (mut life, lost) = haul.stopped(&haul.cli()).await;
    life.interrupt();
    life.says("Ctrl-C").await;
    life.interrupt();
    let finished = life.finish_soon().await.assert_exit(130);
    assert!(finished.stderr.contains("run the same command again to resume"), "{}", finished.all());
    assert_eq!(haul.accepted(), 3);

    haul.cli().run().await.assert_exit(0);
    assert_eq!(haul.arrived(), PARTS + lost.len(), "an accepted part was sent again");
    haul.assert_right();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_leaves_an_object_alone_that_the_first_one_copies() {
    let haul = StoppedCopy::new().await;
    let (first, holds) = haul.stopped(&haul.cli()).await;
    let second = haul.cli().run().await.assert_exit(2);
    assert_eq!(second.outcome(KEY), "busy", "{}", second.all());
    assert_eq!((second.total("busy"), second.total("copied"), second.total("failed")), (1, 0, 0));
    assert_eq!(haul.arrived(), 5, "the second process sent parts");
    drop(holds);
    first.finish().await.assert_exit(0);
    assert_eq!(haul.arrived(), PARTS);
    haul.assert_right();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_begin_at_once_do_no_damage() {
    let haul = StoppedCopy::new().await;
    let (one, other) = (haul.cli().spawn(), haul.cli().spawn());
    let (one, other) = tokio::join!(one.finish(), other.finish());
    assert!([one.code, other.code].contains(&Some(0)), "{}\n{}", one.all(), other.all());
    for ended in [&one, &other] {
        let outcome = ended.find_line(KEY).map(|line| line["outcome"].clone());
        let fine = [None, Some("copied".into()), Some("busy".into()), Some("skipped".into())];
        assert!(fine.contains(&outcome), "{}", ended.all());
    }
    haul.assert_right();
    let last = haul.cli().run().await.assert_exit(0);
    assert_eq!((last.total("copied"), last.total("same")), (0, 1));
}

/// A second machine, which knows nothing of the first, finds its upload, takes over what is there by content, and
/// completes it while the first one is stopped; then the first one goes on.
async fn two_machines() -> StoppedCopy {
    let haul = StoppedCopy::new().await;
    let (first, holds) = haul.stopped(&haul.cli()).await;
    let second = haul.cli().set("--ledger", haul.world.path("elsewhere.sqlite")).run().await.assert_exit(0);
    assert_eq!(second.line(KEY)["parts_resumed"], 3, "{}", second.all());
    assert_eq!(haul.world.store().sha256("dst", KEY).as_ref(), Some(&haul.expected));
    drop(holds);
    first.finish().await.assert_exit(0);
    haul
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_that_copy_one_object_do_no_damage() {
    let haul = two_machines().await;
    assert_eq!(haul.world.store().sha256("dst", KEY).as_ref(), Some(&haul.expected));
    assert_eq!(haul.world.store().versions("dst", KEY).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_that_copy_one_object_leave_no_upload_behind() {
    assert_eq!(two_machines().await.world.store().uploads("dst"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_frees_its_object_at_once() {
    let haul = StoppedCopy::new().await;
    let (life, _lost) = haul.stopped(&haul.cli()).await;
    assert_eq!(life.kill().await.code, None);
    let next = haul.cli().run().await.assert_exit(0);
    assert_eq!(next.outcome(KEY), "copied", "{}", next.all());
    assert_eq!(next.line(KEY)["parts_resumed"], 3, "{}", next.all());
    haul.assert_right();
}
