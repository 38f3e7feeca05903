//! What one giant asks for, counted under virtual time without faults: `make scale`.
//!
//! Counts depend on the number of parts and not on their bytes, so a part has 16 bytes here, which stand for 5 GiB. Each
//! worker is one process at a time, as a Lambda with that much concurrency would be.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use clap::Parser;
use longhaul::{
    ledger::{MAX_SEGMENTS, State},
    object::{Headers, Verify},
    scan::Lines,
    worker::DeletePolicy,
};
use serde_json::json;
use simulation::{
    actors,
    clock::wall,
    executor::{End, ProcessId, Sim},
    faults::{Faults, Rates},
    history::Version,
    oracle::Oracle,
    scenario::{Make, Scenario},
    stage::{JOBS, Stage},
    trace::Trace,
    world::World,
};

/// Bytes that stand for a part.
const PART: u64 = 16;

/// Counts the requests of one giant over many workers.
#[derive(Parser)]
#[command(name = "scale")]
struct Args {
    /// Parts of the object: 10,000 of 5 GiB are 50 TB.
    #[arg(long, default_value_t = 10_000)]
    parts: u64,
    /// Least parts of a segment: one of 5 GiB, or 512 of 8 MiB.
    #[arg(long, default_value_t = 1)]
    segment: u64,
    /// Workers at once.
    #[arg(long, default_value_t = 100)]
    workers: usize,
    /// Milliseconds that a request takes at most, each way.
    #[arg(long, default_value_t = 20)]
    latency: u64,
}

fn main() -> std::process::ExitCode {
    let args = Args::parse();
    let mut random = fastrand::Rng::with_seed(1);
    let scenario = scenario(&args, &mut random);
    let mut faults = Faults::new(1, Rates::plenty(), scenario.latency, scenario.timeout, None);
    faults.end(Duration::ZERO);
    let sim = Sim::new();
    let world = World::new(sim.clone(), faults, Oracle::default(), Trace::hashed());
    let stage = Arc::new(Stage::new(world.clone(), scenario));
    let (end, _) = sim.run(&mut random, u64::MAX, Box::pin(one_giant(Arc::clone(&stage), args.parts)));
    let place = Stage::destination_key(0);
    let arrived = stage.destination.bytes(&place) == stage.source.bytes(&Stage::source_key(0));
    let done = world.oracle().records().get(&place).is_some_and(|kept| kept.record.state == State::Done);
    let segment = args.segment.max(args.parts.div_ceil(MAX_SEGMENTS.into()));
    println!("{} parts in segments of {segment} over {} workers", args.parts, args.workers);
    println!(
        "arrived: {arrived}, recorded: {done}, virtual seconds without the bytes: {:.1}",
        world.now().as_secs_f64()
    );
    for (op, count) in &world.counts().operations {
        println!("{:<20} {count:>9}", format!("{op:?}"));
    }
    match (end, arrived && done, world.violation()) {
        (End::Finished, true, None) => std::process::ExitCode::SUCCESS,
        (_, _, violation) => {
            eprintln!("it did not end well: {violation:?}");
            std::process::ExitCode::FAILURE
        }
    }
}

/// All that S3 and SQS offer, and nothing that goes wrong.
fn scenario(args: &Args, random: &mut fastrand::Rng) -> Scenario {
    Scenario {
        source: Make::Amazon,
        source_versions: false,
        destination: Make::Amazon,
        destination_versions: false,
        page: 1000,
        keys: 1,
        part_size: PART,
        threshold: PART,
        segment: Some(args.segment * PART),
        concurrency: 50,
        verify: Verify::Auto,
        lines: Lines::Objects,
        deletes: DeletePolicy::Ignore,
        leg: Duration::from_secs(870),
        timeout: Duration::from_secs(60),
        latency: Duration::from_millis(args.latency),
        retries: 20,
        max_receives: 60,
        lanes: args.workers,
        batch: 1,
        fleet: false,
        skew: 0,
        delay: Duration::ZERO,
        twice: 0,
        sudden: 0,
        second_stack: false,
        marked: false,
        actions: Vec::new(),
        ..Scenario::draw(random)
    }
}

async fn one_giant(stage: Arc<Stage>, parts: u64) {
    let world = &stage.world;
    for queue in 0..stage.queues.len() {
        for lane in 0..stage.scenario.lanes {
            world.sim().spawn(ProcessId::WORLD, actors::lane(Arc::clone(&stage), queue, lane as u64));
        }
    }
    let size = parts * PART;
    let bytes: Bytes = (0..size).map(|byte| (byte % 251) as u8).collect::<Vec<u8>>().into();
    stage.source.continue_from(wall(world.now()));
    let etag = stage.source.insert(&Stage::source_key(0), bytes.clone());
    let version = Version { bytes, etag, headers: Headers::default(), written: world.now(), ended: None };
    world.oracle().source_written(&Stage::source_id(0), version);
    let job = json!({"Src_bucket": "source", "Src_key": Stage::source_key(0), "Des_bucket": "destination",
        "Des_key": Stage::destination_key(0), "Size": size});
    stage.queues[JOBS].deliver(job.to_string(), Duration::ZERO);
    while !stage.is_quiet() {
        world.sim().sleep(Duration::from_secs(1)).await;
    }
}
