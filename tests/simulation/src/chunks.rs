//! Bodies on their way: in pieces, counted while they are in somebody's memory, and sometimes damaged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use longhaul::store::{ByteStream, ErrorKind, StoreError};

use crate::{
    counts::Fault,
    store::SimStore,
    world::{Call, World},
};

/// Bodies come in so many pieces, if they have as many bytes.
const PIECES: usize = 4;

impl SimStore {
    /// A body that comes in chunks, slowly, and may break off or be damaged. Nobody may hold more than a few of them.
    pub(crate) fn chunked(&self, body: ByteStream, breaks: bool, damaged: bool) -> ByteStream {
        let length = body.length();
        let world = self.world.clone();
        let left = if breaks { world.faults().random().usize(..3) } else { usize::MAX };
        let held = Arc::new(AtomicUsize::new(0));
        let chunks = body.into_chunks().flat_map(|chunk| stream::iter(split(chunk))).enumerate();
        let chunks = chunks.then(move |(place, chunk)| {
            let (world, held, breaks) = (world.clone(), Arc::clone(&held), place >= left);
            async move {
                let dice = world.faults().random().u8(..8);
                if dice == 0 {
                    world.sim().sleep(Duration::from_millis(3)).await;
                }
                if !breaks {
                    return Some(chunk.map(|bytes| {
                        let bytes = if damaged && place == 0 { damage(&bytes) } else { bytes };
                        lend(&world, bytes, held, length)
                    }));
                }
                world.note(900, || "a body breaks off".to_owned());
                match dice {
                    // It ends as if it were whole.
                    1..=3 => None,
                    _ => Some(Err(StoreError::new(ErrorKind::Unavailable, "GetObject", "the body broke off"))),
                }
            }
        });
        ByteStream::new(length, chunks.scan((), |(), chunk| std::future::ready(chunk)))
    }

    /// Takes a body in as it comes; an error at its end stays there. Whether it arrives with another byte than was sent, which
    /// happens only where somebody can notice.
    pub(crate) async fn received(&self, call: &Call<'_>, body: ByteStream, noticed: bool) -> (ByteStream, bool) {
        let length = body.length();
        let mut chunks = body.into_chunks();
        let mut held = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let broken = chunk.is_err();
            // What has arrived is no more in the memory of the process.
            held.push(chunk.map(|bytes| Bytes::copy_from_slice(&bytes)));
            if broken {
                break;
            }
        }
        let whole = length > 0 && held.iter().all(Result::is_ok);
        let damaged = whole && noticed && self.notices_damage && call.has(Fault::Damaged);
        if let Some(Ok(first)) = held.first_mut().filter(|_| damaged) {
            *first = damage(first);
        }
        (ByteStream::new(length, stream::iter(held)), damaged)
    }
}

/// One to four pieces.
fn split(chunk: Result<Bytes, StoreError>) -> Vec<Result<Bytes, StoreError>> {
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
fn lend(world: &World, bytes: Bytes, held: Arc<AtomicUsize>, length: u64) -> Bytes {
    let all = held.fetch_add(1, Ordering::Relaxed) + 1;
    if all >= PIECES {
        world.violated(|| format!("flat memory: a body of {length} bytes is held whole"));
    }
    Bytes::from_owner(Lent { bytes, held })
}

/// The same bytes but for one bit.
fn damage(bytes: &Bytes) -> Bytes {
    let mut other = bytes.to_vec();
    if let Some(first) = other.first_mut() {
        *first ^= 1;
    }
    Bytes::from(other)
}
