//! The demo's data set: what real buckets hold, awkward keys included.

use std::collections::BTreeMap;

use test_s3::{ContentHeaders, PutOptions, Store};

/// Keys that careless tools change.
const AWKWARD: [&str; 9] = [
    "awkward/a//b",
    "/lead",
    "awkward/dir/",
    "awkward/..",
    "awkward/a b+c%20&=?#",
    "awkward/\u{1}control",
    "日本語/写真.jpg",
    "straße/größe.txt",
    "awkward/🚚",
];

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Small objects, up to 64 KiB each.
    pub small: u32,
    /// Large objects.
    pub large: u32,
    /// Bytes of a large object.
    pub large_bytes: u64,
}

/// What was put into the bucket.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Fills `bucket`.
pub fn fill(store: &Store, bucket: &str, size: Size, seed: u64) -> Made {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut made = Made { objects: 0, bytes: 0 };
    let mut put = |key: &str, length: u64, seed: u64| {
        let bytes = test_s3::synthetic_bytes(seed, 0, usize::try_from(length).unwrap_or(0));
        store.put(bucket, key, bytes, envelope(seed));
        made.objects += 1;
        made.bytes += length;
    };
    for number in 0..size.small {
        let length = if number % 50 == 0 { 0 } else { random.u64(1..64 << 10) };
        put(&format!("small/{:03}/{number:06}.dat", number % 97), length, random.u64(..));
    }
    for key in AWKWARD {
        let length = if key.ends_with('/') { 0 } else { random.u64(1..4 << 10) };
        put(key, length, random.u64(..));
    }
    for number in 0..size.large {
        store.put_synthetic_with_crc(bucket, &format!("large/{number:02}.bin"), random.u64(..), size.large_bytes);
        made.objects += 1;
        made.bytes += size.large_bytes;
    }
    made
}

fn envelope(seed: u64) -> PutOptions {
    PutOptions {
        headers: ContentHeaders { content_type: Some("application/x-demo".into()), ..ContentHeaders::default() },
        metadata: BTreeMap::from([("seed".to_owned(), seed.to_string())]),
        ..PutOptions::default()
    }
}
