//! Bodies on their way: in pieces, counted while they are in somebody's memory, and sometimes damaged.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use longhaul::store::StoreError;

use crate::world::World;

/// Bodies come in so many pieces, if they have as many bytes.
const PIECES: usize = 4;

/// One to four pieces.
pub(crate) fn split(chunk: Result<Bytes, StoreError>) -> Vec<Result<Bytes, StoreError>> {
    match chunk {
        Ok(mut bytes) => {
            let piece = bytes.len().div_ceil(PIECES).max(1);
            let mut pieces = Vec::with_capacity(PIECES);
            while bytes.len() > piece {
                pieces.push(Ok(bytes.split_to(piece)));
            }
            pieces.push(Ok(bytes));
            pieces
        }
        Err(error) => vec![Err(error)],
    }
}

/// A chunk in the memory of a process.
struct Lent {
    bytes: Bytes,
    held: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Hands out a chunk of a body of `length` bytes, of which `held` others are still in somebody's memory.
pub(crate) fn lend(world: &World, bytes: Bytes, held: Arc<AtomicUsize>, length: u64) -> Bytes {
    let all = held.fetch_add(1, Ordering::Relaxed) + 1;
    if all >= PIECES {
        world.violated(|| format!("flat memory: a body of {length} bytes is held whole"));
    }
    Bytes::from_owner(Lent { bytes, held })
}

/// The same bytes but for one bit.
pub(crate) fn damage(bytes: &Bytes) -> Bytes {
    let mut other = bytes.to_vec();
    if let Some(first) = other.first_mut() {
        *first ^= 1;
    }
    Bytes::from(other)
}
