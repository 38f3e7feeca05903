//! Memory does not depend on the size of objects, parts or listings. The large runs are commands; these are small ones.

use benchmarks::Diff;
use test_s3::KeyShape;

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
    let one = Diff { keys: 20_000, differing_every: 0, shape: KeyShape::Numbered, ranges: 1 };
    let (short, long) = (benchmarks::diff(one), benchmarks::diff(Diff { keys: 200_000, differing_every: 1000, ..one }));
    assert_eq!((short.would_copy.len(), long.would_copy.len()), (0, 200));
    println!("peak RSS {} and {} MiB", short.peak_bytes / MIB, long.peak_bytes / MIB);
    assert!(long.peak_bytes < LIMIT, "{} bytes", long.peak_bytes);
    // Ten times the keys, and no more than noise on top.
    assert!(long.peak_bytes < short.peak_bytes + 8 * MIB, "{} against {}", long.peak_bytes, short.peak_bytes);
}

#[test]
fn listings_side_by_side_find_the_same_differences_in_little_memory() {
    for ranges in [1, 8] {
        let wanted = Diff { keys: 200_000, differing_every: 1000, shape: KeyShape::Awkward, ranges };
        let measured = benchmarks::diff(wanted);
        println!("{ranges} ranges: peak RSS {} MiB, {:.1} s", measured.peak_bytes / MIB, measured.seconds);
        assert_eq!(measured.would_copy.len(), 200);
        // Each listing holds some pages of its own.
        assert!(
            measured.peak_bytes < LIMIT + ranges_need(ranges),
            "{} bytes with {ranges} ranges",
            measured.peak_bytes
        );
    }
}

/// So much more may be held by listings beyond the first.
fn ranges_need(ranges: u32) -> u64 {
    u64::from(ranges - 1) * 5 * MIB
}
