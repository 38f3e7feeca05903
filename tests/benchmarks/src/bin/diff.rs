//! Peak memory and speed of a diff: `make bench-diff ARGS="--keys 10000000 --differing --ranges 8"`.

use benchmarks::Diff;
use clap::Parser;
use test_s3::KeyShape;

#[derive(Parser)]
struct Args {
    /// Keys on each side.
    #[arg(long, default_value_t = 10_000_000)]
    keys: u64,
    /// Every so manieth key differs; none if 0.
    #[arg(long, default_value_t = 0)]
    differing_every: u64,
    /// One in a thousand differs, and the keys are awkward: not ASCII, and clustered.
    #[arg(long)]
    differing: bool,
    /// Listings side by side.
    #[arg(long, default_value_t = 8)]
    ranges: u32,
}

fn main() {
    let args = Args::parse();
    let (differing_every, shape) = match args.differing {
        true => (1000, KeyShape::Awkward),
        false => (args.differing_every, KeyShape::Numbered),
    };
    let measured = benchmarks::diff(Diff { keys: args.keys, differing_every, shape, ranges: args.ranges });
    let found = measured.would_copy.len();
    println!(
        "{} keys on each side, {} ranges, TLS; exactly the {found} that differ were found",
        args.keys, args.ranges
    );
    println!("peak RSS (VmHWM)   {:.1} MiB", measured.peak_bytes as f64 / f64::from(1 << 20));
    println!(
        "wall time          {:.1} s, {:.0} keys of the source a second",
        measured.seconds,
        args.keys as f64 / measured.seconds
    );
    println!(
        "processor time     {:.1} s, {:.2} s per million keys of one side",
        measured.cpu_seconds,
        measured.cpu_seconds * 1e6 / (2.0 * args.keys as f64)
    );
}
