//! How the time of one giant falls with the workers: `make bench-segments`.
//!
//! One synthetic object goes through 1, 2, 4 and 8 processes of `longhaul work` on one queue of segments. Each process may
//! move so many bytes a second in total and no more, so the time of one is known, and only what lies between the workers
//! can keep eight of them from being eight times as fast. Queues and table are those of an emulator of AWS.
//!
//! Ends with 1 if the speed-up at the most workers is less than three quarters of their number.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use serverless::{Cloud, Longhaul, OTHER_BUCKET, OWN_BUCKET, Running, S3Record, Setup, notification};
use test_s3::Options;

const KEY: &str = "giant.bin";
const MIB: u64 = 1 << 20;
const PAUSE: Duration = Duration::from_millis(20);

/// Measures one giant over several workers.
#[derive(Parser)]
#[command(name = "bench-segments")]
struct Args {
    /// Size of the object in MiB.
    #[arg(long, default_value_t = 8192)]
    mib: u64,
    /// Size of a segment in MiB.
    #[arg(long, default_value_t = 128)]
    segment_mib: u64,
    /// Bytes a second of each worker, all its parts together.
    #[arg(long, default_value_t = 20_000_000)]
    bandwidth: u64,
    /// How many workers, run after run.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8")]
    workers: Vec<usize>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    println!("{} MiB in segments of {} MiB, {} bytes/s a worker", args.mib, args.segment_mib, args.bandwidth);
    println!("{:>7}  {:>9}  {:>8}  {:>10}  {:>9}", "workers", "seconds", "speed-up", "efficiency", "MB/s");
    let mut first = None;
    let mut last = (1, 1.0);
    for workers in args.workers.iter().copied() {
        let Some(seconds) = run(&args, workers).await else { return ExitCode::from(2) };
        let (base, base_seconds) = *first.get_or_insert((workers, seconds));
        let speed_up = base_seconds / seconds;
        let factor = workers as f64 / base as f64;
        let rate = (args.mib * MIB) as f64 / seconds / 1e6;
        println!("{workers:>7}  {seconds:>9.1}  {speed_up:>8.2}  {:>9.0}%  {rate:>9.1}", 100.0 * speed_up / factor);
        last = (workers / base, speed_up);
    }
    if last.1 >= 0.75 * last.0 as f64 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The seconds from the notification to the object; `None` without Python.
async fn run(args: &Args, workers: usize) -> Option<f64> {
    let options = Options { cheap_etags: true, record: false, ..Options::default() };
    let setup = Setup { own: options.clone(), other: options, ..Setup::default() };
    let cloud = Cloud::required_as(setup).await?;
    cloud.other.store().set_discard(OTHER_BUCKET, true);
    cloud.own.store().put_synthetic_with_crc(OWN_BUCKET, KEY, 7, args.mib * MIB);
    let longhaul = Longhaul::of(&cloud)
        .await
        .with("Bandwidth", &args.bandwidth.to_string())
        .with("SegmentSize", &(args.segment_mib * MIB).to_string());
    let mut running: Vec<Running> = Vec::new();
    for _ in 0..workers {
        running.push(longhaul.work(&["--messages", "1"]).await);
    }
    let began = Instant::now();
    cloud.events.send(notification(&[S3Record::created(OWN_BUCKET, KEY, args.mib * MIB)])).await;
    while cloud.other.store().get(OTHER_BUCKET, KEY).is_none() {
        tokio::time::sleep(PAUSE).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    for worker in running {
        worker.terminate();
        worker.ended().await.assert_exit(0);
    }
    Some(seconds)
}
