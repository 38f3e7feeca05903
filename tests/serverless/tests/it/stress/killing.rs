//! Workers and jobsenders, real processes, are killed (SIGKILL) at random while thousands of objects and two giants are on
//! their way. At the end everything is there and proved, nothing is parked, and no upload is left behind.

use std::{
    collections::VecDeque,
    env,
    time::{Duration, Instant},
};

use serverless::{Cloud, Longhaul, OTHER_BUCKET, OWN_BUCKET, Running, Setup};
use test_s3::PutOptions;
use tokio::time::sleep;

use crate::scene::MIB;

const SMALL: usize = 5_000;
const GIANTS: [(&str, u64); 2] = [("giants/one.bin", 256 * MIB), ("giants/two.bin", 192 * MIB + 17)];
const WORKERS: usize = 3;
/// So many processes die before the rest is left in peace.
const KILLS: u32 = 40;
/// A run that takes longer has hung.
const LIMIT: Duration = Duration::from_secs(420);

fn setup() -> Setup {
    // Messages of the dead come back within seconds, as do their leases: see JobTimeout.
    Setup { visibility: Duration::from_secs(8), ..Setup::cheap() }
}

fn seed() -> u64 {
    let given = env::var("LONGHAUL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("LONGHAUL_SEED={seed} repeats the choices of this run");
    seed
}

/// The processes under way, oldest first.
struct Crew {
    longhaul: Longhaul,
    workers: VecDeque<Running>,
    jobsender: Option<Running>,
}

impl Crew {
    async fn worker(&mut self) {
        self.workers.push_back(self.longhaul.start(&["work", "--stack", "test", "--visibility", "6"]));
    }

    fn send(&mut self) {
        self.jobsender = Some(self.longhaul.start(&["send", "--stack", "test", "--time-limit", "6"]));
    }

    /// Kills a process at random and starts another in its place.
    async fn kill_one(&mut self, random: &mut fastrand::Rng) {
        if random.u8(..).is_multiple_of(4) {
            if let Some(jobsender) = self.jobsender.take() {
                jobsender.kill().await;
            }
            self.send();
            return;
        }
        let place = random.usize(..self.workers.len());
        if let Some(worker) = self.workers.remove(place) {
            worker.kill().await;
        }
        self.worker().await;
    }
}

async fn are_empty(cloud: &Cloud) -> bool {
    for queue in [&cloud.events, &cloud.jobs, &cloud.segments, &cloud.scan] {
        let depth = queue.depth().await;
        if depth.visible + depth.in_flight > 0 {
            return false;
        }
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_everything_arrives_and_nothing_is_left_behind() {
    let Some(cloud) = Cloud::required_as(setup()).await else { return };
    let mut random = fastrand::Rng::with_seed(seed());
    let own = cloud.own.store();
    for index in 0..SMALL {
        own.put(OWN_BUCKET, &format!("small/{index:05}"), format!("object {index}"), PutOptions::default());
    }
    for (key, size) in GIANTS {
        own.put_synthetic_with_crc(OWN_BUCKET, key, size, size);
    }
    let longhaul = Longhaul::of(&cloud).await.with("JobTimeout", "10").with("MaxThread", "4");
    // So slow that the giants are on their way while processes die.
    let longhaul = longhaul.with("Bandwidth", "10000000");
    let longhaul = longhaul.with("ChunkSize", &(5 * MIB).to_string()).with("SegmentSize", &(20 * MIB).to_string());
    let mut crew = Crew { longhaul, workers: VecDeque::new(), jobsender: None };
    for _ in 0..WORKERS {
        crew.worker().await;
    }
    crew.send();
    let other = cloud.other.store();
    let arrived = || other.keys(OTHER_BUCKET).len();
    let (began, mut kills) = (Instant::now(), 0);
    while arrived() < SMALL + GIANTS.len() || !are_empty(&cloud).await {
        assert!(began.elapsed() < LIMIT, "after {LIMIT:?} and {kills} kills only {} objects are there", arrived());
        sleep(Duration::from_millis(random.u64(100..900))).await;
        if kills < KILLS {
            crew.kill_one(&mut random).await;
            kills += 1;
        } else if crew.jobsender.as_mut().is_none_or(Running::is_over) {
            // What a killed jobsender did not send, the next one does.
            crew.send();
        }
    }
    assert!(kills >= 5, "only {kills} processes were killed: the run was over too soon to show anything");
    for (key, _) in GIANTS {
        assert_eq!(own.sha256(OWN_BUCKET, key), other.sha256(OTHER_BUCKET, key), "{key}");
    }
    for index in 0..SMALL {
        let key = format!("small/{index:05}");
        assert_eq!(other.read(OTHER_BUCKET, &key), own.read(OWN_BUCKET, &key), "{key}");
    }
    assert_eq!(cloud.parked.drain().await.len(), 0, "something was parked");
    assert_eq!(other.uploads(OTHER_BUCKET), [], "an upload was left behind");
    let rows = cloud.table.rows().await;
    // Rows of scans have no state.
    let states = rows.iter().filter_map(|row| row.get("State")?.as_s().ok());
    assert_eq!(states.filter(|state| *state != "done").count(), 0, "records are not done");
    eprintln!("{kills} processes were killed in {:?}", began.elapsed());
}
