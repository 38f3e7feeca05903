//! Peak memory and speed of a diff: `make bench-diff ARGS="--keys 10000000"`.

use clap::Parser;

#[derive(Parser)]
struct Args {
    /// Keys on each side.
    #[arg(long, default_value_t = 10_000_000)]
    keys: u64,
    /// Every so manieth key differs; none if 0.
    #[arg(long, default_value_t = 0)]
    differing_every: u64,
}

fn main() {
    let args = Args::parse();
    let measured = benchmarks::diff(args.keys, args.differing_every);
    println!("{} keys on each side, {} to copy, TLS", args.keys, measured.would_copy);
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
