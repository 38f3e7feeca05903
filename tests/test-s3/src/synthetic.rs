//! Bytes and listings computed on the fly.
//!
//! Synthetic bytes are a pure function of a seed and an offset, so any range of a terabyte can be read without holding
//! it. Synthetic listings are arithmetic: the key with a greater number is the greater key.

use std::ops::Range;

use bytes::Bytes;

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The size of the pieces in which synthetic bytes are produced.
pub(crate) const CHUNK: u64 = 256 * 1024;

/// The finaliser of splitmix64: spreads every input bit over the whole word.
pub(crate) fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// Two words folded into one.
pub(crate) fn mix_two(a: u64, b: u64) -> u64 {
    mix(mix(a.wrapping_add(GOLDEN)) ^ b)
}

fn word(base: u64, index: u64) -> u64 {
    mix(base.wrapping_add(index.wrapping_mul(GOLDEN)))
}

/// Writes the bytes of `seed` that begin at `offset` into `out`.
pub fn fill(seed: u64, offset: u64, out: &mut [u8]) {
    // Without this, neighbouring seeds would be shifted copies of one another.
    let base = mix(seed.wrapping_add(GOLDEN));
    let skip = (offset % 8) as usize;
    let lead = ((8 - skip) % 8).min(out.len());
    let (head, rest) = out.split_at_mut(lead);
    head.copy_from_slice(&word(base, offset / 8).to_le_bytes()[skip..skip + lead]);
    let mut index = (offset + lead as u64) / 8;
    let mut words = rest.chunks_exact_mut(8);
    for eight in &mut words {
        eight.copy_from_slice(&word(base, index).to_le_bytes());
        index += 1;
    }
    let tail = words.into_remainder();
    let length = tail.len();
    tail.copy_from_slice(&word(base, index).to_le_bytes()[..length]);
}

/// The bytes of `seed` that begin at `offset`, `length` of them.
#[must_use]
pub fn synthetic_bytes(seed: u64, offset: u64, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    fill(seed, offset, &mut bytes);
    bytes.into()
}

/// The bytes of `seed` in `range`, in pieces of at most 256 KiB.
pub fn synthetic_chunks(seed: u64, range: Range<u64>) -> impl Iterator<Item = Bytes> {
    let mut position = range.start;
    std::iter::from_fn(move || {
        let length = CHUNK.min(range.end.saturating_sub(position));
        (length > 0).then(|| {
            let bytes = synthetic_bytes(seed, position, length as usize);
            position += length;
            bytes
        })
    })
}

/// What synthetic keys look like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyShape {
    /// The prefix and twelve digits.
    #[default]
    Numbered,
    /// Six kinds in equal parts: beginnings of hundreds of bytes in common, keys that are beginnings of others, characters of
    /// all lengths, and clusters far apart.
    Awkward,
}

/// The digits of awkward keys, in order: characters of one to four bytes.
const AWKWARD_DIGITS: [char; 10] = ['-', '~', 'é', 'ж', 'א', '\u{fff}', '日', '本', '\u{10400}', '😀'];
/// Numbers whose keys are each the beginning of the next.
const CHAIN: u64 = 100;

/// Key number `index` of `count` awkward ones.
fn awkward_key(prefix: &str, index: u64, count: u64) -> String {
    let of_kind = count.div_ceil(6).max(1);
    let (kind, number) = (index / of_kind, index % of_kind);
    match kind {
        0 => format!("{prefix}a/{}{number:012}", "common/".repeat(50)),
        1 => {
            let digits = format!("{number:08}").into_bytes();
            let digits = digits.into_iter().map(|digit| AWKWARD_DIGITS[usize::from(digit - b'0')]);
            format!("{prefix}b/{}", digits.collect::<String>())
        }
        2 => format!("{prefix}c/{:010}{}", number / CHAIN, "x".repeat((number % CHAIN) as usize)),
        3 => format!("{prefix}d/{:08}{}{:02}", number / 100, "ü".repeat(100), number % 100),
        4 => format!("{prefix}日本語/{number:010}/"),
        _ => format!("{prefix}😀//{number:012}"),
    }
}

/// A bucket's worth of keys that exist only as arithmetic.
#[derive(Debug, Clone)]
pub struct SyntheticKeys {
    /// What all keys begin with, with its slash if it has one.
    pub prefix: String,
    /// What follows.
    pub shape: KeyShape,
    /// How many keys there are.
    pub count: u64,
    /// The size of each object.
    pub size: u64,
    /// The seed of the bytes and ETags.
    pub seed: u64,
    /// Every so manyth object is one byte longer, and so differs from its twin in another bucket.
    pub differing_every: Option<u64>,
}

impl SyntheticKeys {
    /// `count` keys `keys/000000000000` and on, of 1 KiB each.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self {
            prefix: "keys/".to_owned(),
            shape: KeyShape::Numbered,
            count,
            size: 1024,
            seed: 1,
            differing_every: None,
        }
    }

    /// The key with this number.
    #[must_use]
    pub fn key(&self, index: u64) -> String {
        match self.shape {
            KeyShape::Numbered => format!("{}{index:012}", self.prefix),
            KeyShape::Awkward => awkward_key(&self.prefix, index, self.count),
        }
    }

    /// The size of the object with this number.
    #[must_use]
    pub fn size_of(&self, index: u64) -> u64 {
        let differs = self.differing_every.is_some_and(|every| every > 0 && index % every == every - 1);
        self.size + u64::from(differs)
    }

    /// The seed of the bytes of the object with this number.
    #[must_use]
    pub fn seed_of(&self, index: u64) -> u64 {
        mix_two(self.seed, index)
    }

    /// The number of `key`, if it is one of these keys.
    #[must_use]
    pub fn index_of(&self, key: &str) -> Option<u64> {
        let index = match self.shape {
            KeyShape::Numbered => key.strip_prefix(&self.prefix)?.parse().ok()?,
            KeyShape::Awkward => self.first_not(|other| other < key),
        };
        (index < self.count && self.key(index) == key).then_some(index)
    }

    /// The number of the first key for which `before` does not hold; `before` must hold for a prefix of the keys.
    pub(crate) fn first_not(&self, before: impl Fn(&str) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(&self.key(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// The ETag of bytes nobody hashed: 32 hex digits in the shape of an MD5.
pub(crate) fn synthetic_etag(seed: u64, size: u64) -> String {
    format!("{:016x}{:016x}", mix_two(seed, size), mix_two(size, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range_equals_the_same_slice_of_the_whole() {
        let whole = synthetic_bytes(7, 0, 1000);
        for start in 0..40 {
            for length in [0, 1, 2, 7, 8, 9, 63, 500] {
                let part = synthetic_bytes(7, start as u64, length);
                assert_eq!(part, whole.slice(start..start + length), "{length} bytes from {start}");
            }
        }
    }

    #[test]
    fn chunks_join_to_the_whole() {
        let range = 5..CHUNK * 2 + 17;
        let joined: Vec<u8> = synthetic_chunks(3, range.clone()).flatten().collect();
        assert_eq!(joined, synthetic_bytes(3, 5, (range.end - range.start) as usize));
    }

    #[test]
    fn another_seed_gives_other_bytes() {
        assert_ne!(synthetic_bytes(1, 0, 64), synthetic_bytes(2, 0, 64));
    }

    #[test]
    fn awkward_keys_are_in_order_and_know_their_numbers() {
        let keys = SyntheticKeys { shape: KeyShape::Awkward, ..SyntheticKeys::new(3001) };
        let all: Vec<String> = (0..3001).map(|index| keys.key(index)).collect();
        assert!(all.is_sorted_by(|one, next| one < next), "they are not in order");
        assert!(all.iter().all(|key| key.len() <= 1024));
        for (index, key) in (0..).zip(&all) {
            assert_eq!(keys.index_of(key), Some(index), "{key:?}");
        }
        assert_eq!(keys.index_of("keys/a/common"), None);
    }

    #[test]
    fn a_key_knows_its_number() {
        let keys = SyntheticKeys { differing_every: Some(3), ..SyntheticKeys::new(10) };
        assert_eq!(keys.index_of("keys/000000000009"), Some(9));
        assert_eq!(keys.index_of("keys/000000000010"), None);
        assert_eq!(keys.index_of("keys/9"), None);
        assert_eq!((keys.size_of(1), keys.size_of(2)), (1024, 1025));
        assert_eq!(keys.first_not(|key| key <= "keys/000000000004"), 5);
    }
}
