//! Memory does not depend on the size of objects, parts or listings. The large runs are commands; these are small ones.

const MIB: u64 = 1 << 20;
/// What the large runs must stay under as well.
const LIMIT: u64 = 64 * MIB;

#[test]
fn a_copy_needs_the_same_memory_whatever_the_size_of_its_parts() {
    let measured = benchmarks::giant(1024 * MIB, 64 * MIB, 16);
    assert_eq!(measured.summary["copied"], 1);
    println!("peak RSS {} MiB", measured.peak_bytes / MIB);
    assert!(measured.peak_bytes < LIMIT, "{} bytes", measured.peak_bytes);
}

#[test]
fn a_diff_needs_the_same_memory_whatever_the_length_of_its_listings() {
    let (short, long) = (benchmarks::diff(20_000, 0), benchmarks::diff(200_000, 1000));
    assert_eq!((short.would_copy, long.would_copy), (0, 200));
    println!("peak RSS {} and {} MiB", short.peak_bytes / MIB, long.peak_bytes / MIB);
    assert!(long.peak_bytes < LIMIT, "{} bytes", long.peak_bytes);
    // Ten times the keys, and no more than noise on top.
    assert!(long.peak_bytes < short.peak_bytes + 8 * MIB, "{} against {}", long.peak_bytes, short.peak_bytes);
}
