//! Peak memory and speed of one giant object: `make bench-memory ARGS="--size 20GiB"`.

use bytesize::ByteSize;
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// Size of the object.
    #[arg(long, default_value = "20GiB")]
    size: ByteSize,
    /// Size of a part.
    #[arg(long, default_value = "1GiB")]
    part_size: ByteSize,
    /// Parts in flight.
    #[arg(long, default_value_t = 16)]
    concurrency: u32,
}

fn main() {
    let args = Args::parse();
    let measured = benchmarks::giant(args.size.as_u64(), args.part_size.as_u64(), args.concurrency);
    let gib = args.size.as_u64() as f64 / f64::from(1 << 30);
    println!("object {}, parts of {}, {} in flight, TLS", args.size, args.part_size, args.concurrency);
    println!("peak RSS (VmHWM)   {:.1} MiB", measured.peak_bytes as f64 / f64::from(1 << 20));
    println!("wall time          {:.1} s, {:.0} MiB/s", measured.seconds, gib * 1024.0 / measured.seconds);
    println!("processor time     {:.1} s, {:.2} s per GiB", measured.cpu_seconds, measured.cpu_seconds / gib);
}
