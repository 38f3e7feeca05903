//! A copy that is killed again and again, at every stage, sends no accepted part twice and ends right.
//!
//! `LONGHAUL_CRASH_MIB` sets the size of the object, `LONGHAUL_SEED` the moments of the kills.

use std::collections::BTreeSet;

use end_to_end::{
    Cli, Finished, MIB, Running, World, accepted_parts, arrived_parts, from_environment, seed, sha256_of_synthetic,
};
use fastrand::Rng;
use test_s3::{Hold, Options, When};

use crate::shared::assert_copied_once;

const PART_MIB: u64 = 8;
const KEY: &str = "long/haul.bin";

/// The state of the world when a life ended.
struct Kill {
    /// The parts that the store had confirmed before.
    accepted: BTreeSet<(String, u16)>,
    /// How many requests had arrived when the process was gone.
    arrived: usize,
}

/// One large object on its way, and what has happened to it.
struct KilledCopy {
    world: World,
    random: Rng,
    concurrency: usize,
    parts: usize,
    expected: String,
    kills: Vec<Kill>,
    /// Requests that never come through: held until the end.
    lost: Vec<Hold>,
}

impl KilledCopy {
    async fn new(default_mib: u64, concurrency: usize) -> Self {
        let seed = seed();
        let size = from_environment("LONGHAUL_CRASH_MIB").unwrap_or(default_mib) * MIB;
        let world = World::start(Options { seed, cheap_etags: true, ..Options::default() }).await;
        world.store().put_synthetic_with_crc("src", KEY, seed, size);
        Self {
            world,
            random: Rng::with_seed(seed),
            concurrency,
            parts: usize::try_from(size.div_ceil(PART_MIB * MIB)).expect("few parts"),
            expected: sha256_of_synthetic(seed, size),
            kills: Vec::new(),
            lost: Vec::new(),
        }
    }

    fn cli(&self) -> Cli {
        let cli = self.world.haul().set("--part-size", format!("{PART_MIB}MiB"));
        cli.set("--concurrency", self.concurrency.to_string())
    }

    fn accepted(&self) -> BTreeSet<(String, u16)> {
        accepted_parts(&self.world.server.requests())
    }

    async fn kill(&mut self, life: Running) {
        let accepted = self.accepted();
        life.kill().await;
        self.kills.push(Kill { accepted, arrived: self.world.server.requests().len() });
    }

    /// One life that brings over at least one new part. How many more it is granted is drawn, but those in flight may
    /// arrive as well, and enough must be left for the lives to come.
    async fn kill_after_new_parts(&mut self, lives_left: usize) {
        let before = self.world.server.requests().len();
        let share = (self.parts - self.accepted().len()) / lives_left;
        let wanted = self.random.usize(1..=8).min(share.saturating_sub(self.concurrency)).max(1);
        let mut life = self.cli().spawn();
        let new_parts = self
            .world
            .server
            .wait_for(|requests| accepted_parts(requests.get(before..).unwrap_or_default()).len() >= wanted);
        life.until("new parts were accepted", new_parts).await;
        self.kill(life).await;
    }

    /// One life that ends while its request is on the way (and then never comes through), or while its answer is.
    async fn kill_inside(&mut self, operation: &str, when: When) {
        let hold = self.world.server.hold(operation, when);
        let mut life = self.cli().spawn();
        life.until(operation, hold.reached()).await;
        self.kill(life).await;
        match when {
            When::BeforeEffect => self.lost.push(hold),
            When::AfterEffect => hold.release(),
        }
    }

    /// What must be true however often the copy was killed.
    fn assert_right(&self) {
        let requests = self.world.server.requests();
        let accepted = accepted_parts(&requests);
        let uploads: BTreeSet<&str> = accepted.iter().map(|(upload, _)| upload.as_str()).collect();
        assert_eq!(uploads.len(), 1, "parts went to several uploads");
        assert_eq!(accepted.len(), self.parts, "parts of the plan");
        let completed = requests.iter().filter(|request| request.operation == "CompleteMultipartUpload");
        assert_eq!(completed.filter(|request| request.effect_happened).count(), 1, "completed uploads");
        assert_copied_once(&self.world, KEY, &self.expected);
        self.kills.iter().for_each(|kill| self.assert_nothing_again_after(kill));
        let repeated = arrived_parts(&requests).len() - self.parts;
        let in_flight = self.kills.len() * self.concurrency;
        assert!(repeated <= in_flight, "{repeated} parts were sent again, {in_flight} can have been in flight");
        eprintln!("{} kills, {} parts, {repeated} sent again", self.kills.len(), self.parts);
    }

    /// No later life sends what was accepted before this kill. Lives are told apart by their first look at the parts,
    /// since bytes of a killed process may lie in the server's sockets for a moment.
    fn assert_nothing_again_after(&self, kill: &Kill) {
        let requests = self.world.server.requests();
        let later = &requests[kill.arrived..];
        let Some(look) = later.iter().position(|request| request.operation == "ListParts") else { return };
        let again: Vec<_> =
            arrived_parts(&later[look..]).into_iter().filter(|part| kill.accepted.contains(part)).collect();
        assert_eq!(again, [], "accepted parts were sent again");
    }

    async fn last_life(&self, cli: Cli) -> Finished {
        let finished = cli.run().await.assert_exit(0);
        self.assert_right();
        finished
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_killed_more_than_twenty_times_sends_no_accepted_part_twice_and_ends_right() {
    let mut haul = KilledCopy::new(2048, 8).await;
    let kills = (haul.parts / 12).max(2);
    haul.kill_inside("CreateMultipartUpload", When::BeforeEffect).await;
    haul.kill_inside("CreateMultipartUpload", When::AfterEffect).await;
    for left in (1..=kills).rev() {
        haul.kill_after_new_parts(left).await;
    }
    haul.kill_inside("CompleteMultipartUpload", When::BeforeEffect).await;
    haul.kill_inside("CompleteMultipartUpload", When::AfterEffect).await;
    let cli = haul.cli();
    haul.last_life(cli).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_loses_its_ledger_with_every_other_life_sends_no_accepted_part_twice() {
    let mut haul = KilledCopy::new(2048, 8).await;
    let kills = (haul.parts / 12).max(2);
    for left in (1..=kills).rev() {
        haul.kill_after_new_parts(left).await;
        if left % 2 == 0 {
            haul.world.lose_ledger();
        }
    }
    let cli = haul.cli();
    haul.last_life(cli).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_complete_and_the_ledger_is_recovered_without_sending_anything() {
    let mut haul = KilledCopy::new(64, 8).await;
    haul.kill_inside("CompleteMultipartUpload", When::AfterEffect).await;
    let sent = arrived_parts(&haul.world.server.requests()).len();
    // By size there is nothing to do; so this asks for the copy by name and has the record answer.
    let cli = haul.cli().set("--compare", "none");
    let finished = haul.last_life(cli).await;
    assert_eq!(arrived_parts(&haul.world.server.requests()).len(), sent);
    assert_eq!(haul.world.server.count("CreateMultipartUpload"), 1);
    assert_eq!(finished.outcome(KEY), "copied", "{}", finished.all());
    assert_eq!(finished.line(KEY)["proof"]["level"], "full-crc", "{}", finished.all());
}
