//! Bytes on their way from a source to a destination.
//!
//! A body is never held whole. [`Metered`] stands between the two stores: it counts, hashes, keeps to the bandwidth and
//! guards the end. The last chunk is handed on only when length and checksum are what was promised, so a destination that
//! needs the whole length before it accepts can never accept wrong bytes from a source that names its checksum.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream};

use crate::{
    object::{Crc64, Hasher, Md5, WithMd5},
    store::error::{ErrorKind, StoreError},
};

/// The chunks of a body as they arrive.
pub type Chunks = BoxStream<'static, Result<Bytes, StoreError>>;

/// A body and the length it was announced with.
pub struct ByteStream {
    length: u64,
    chunks: Chunks,
}

impl ByteStream {
    /// `chunks` should hold exactly `length` bytes; [`Metered`] makes sure of it.
    pub fn new(length: u64, chunks: impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static) -> Self {
        Self { length, chunks: chunks.boxed() }
    }

    /// A body that is already in memory.
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self::new(bytes.len() as u64, futures_util::stream::iter([Ok(bytes)]))
    }

    /// The announced number of bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The chunks.
    pub fn into_chunks(self) -> Chunks {
        self.chunks
    }

    /// Reads all into memory, and no more than was announced; for small things and tests.
    pub async fn collect(mut self) -> Result<Vec<u8>, StoreError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunks.next().await {
            all.extend_from_slice(&chunk?);
            if all.len() as u64 > self.length {
                return Err(corrupt(format!("more than the {} bytes that were announced", self.length)));
            }
        }
        Ok(all)
    }
}

/// What went by in a [`Metered`] body, readable while and after it is sent.
#[derive(Clone)]
pub struct Tally(Arc<Mutex<TallyState>>);

struct TallyState {
    hasher: Hasher,
    bytes: u64,
    whole: bool,
    read_error: Option<StoreError>,
}

impl Tally {
    /// Counts nothing yet.
    pub fn new(with_md5: WithMd5) -> Self {
        Self(Arc::new(Mutex::new(TallyState {
            hasher: Hasher::new(with_md5),
            bytes: 0,
            whole: false,
            read_error: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, TallyState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that went by.
    pub fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Whether all bytes that were announced went by.
    pub(crate) fn is_whole(&self) -> bool {
        self.state().whole
    }

    /// CRC64NVME of the bytes that went by.
    pub fn crc(&self) -> Crc64 {
        self.state().hasher.crc()
    }

    /// MD5 of the bytes that went by, if it was asked for.
    pub fn md5(&self) -> Option<Md5> {
        self.state().hasher.md5()
    }

    /// The error of the *reading* side, if it was that which ended the body. The writing side only sees a body that
    /// breaks off, and its error would blame the wrong store.
    pub fn take_read_error(&self) -> Option<StoreError> {
        self.state().read_error.take()
    }
}

/// What a body must turn out to be.
#[derive(Clone, Copy, Debug)]
pub struct Promise {
    /// Exactly so many bytes.
    pub length: u64,
    /// With this checksum, where the source names one for exactly these bytes.
    pub crc64nvme: Option<Crc64>,
    /// With this MD5, where the source's tag seems to be that of exactly these bytes. Then the tally must compute it.
    pub md5: Option<TagPromise>,
}

impl Promise {
    /// So many bytes, and nothing more is known of them.
    pub fn of_length(length: u64) -> Self {
        Self { length, crc64nvme: None, md5: None }
    }

    fn check(&self, read: &Hasher) -> Result<(), StoreError> {
        let crc = read.crc();
        if let Some(expected) = self.crc64nvme.filter(|expected| *expected != crc) {
            let (read, named) = (crc.to_base64(), expected.to_base64());
            return Err(corrupt(format!("the bytes read have the CRC64NVME {read}, the source names {named}")));
        }
        let (Some(tag), Some(md5)) = (self.md5, read.md5()) else { return Ok(()) };
        if md5 != tag.md5 && tag.read_before != Some(crc) {
            let (read, named) = (md5.to_hex(), tag.md5.to_hex());
            return Err(corrupt(format!("the bytes read have the MD5 {read}, the source's tag is {named}")));
        }
        Ok(())
    }
}

/// What a source's tag says of the bytes. It may be no MD5 at all: that shows when the same bytes are read twice.
#[derive(Clone, Copy, Debug)]
pub struct TagPromise {
    /// The tag, read as an MD5.
    pub md5: Md5,
    /// The checksum of other bytes that were read before.
    pub read_before: Option<Crc64>,
}

/// A body that is counted, hashed and checked as it goes by.
pub struct Metered {
    chunks: Chunks,
    tally: Tally,
    promise: Promise,
    on_bytes: Box<dyn FnMut(u64) + Send>,
    ended: bool,
}

impl Metered {
    /// Wraps `chunks`; `on_bytes` hears of every chunk that is handed on.
    pub fn wrap(
        chunks: Chunks,
        tally: Tally,
        promise: Promise,
        on_bytes: impl FnMut(u64) + Send + 'static,
    ) -> ByteStream {
        tally.state().whole = promise.length == 0;
        let metered = Self { chunks, tally, promise, on_bytes: Box::new(on_bytes), ended: false };
        ByteStream { length: promise.length, chunks: metered.boxed() }
    }

    fn take(&mut self, chunk: &Bytes) -> Result<(), StoreError> {
        let mut state = self.tally.state();
        state.hasher.update(chunk);
        state.bytes += chunk.len() as u64;
        if state.bytes > self.promise.length {
            return Err(corrupt(format!("more than the {} bytes that were announced", self.promise.length)));
        }
        if state.bytes < self.promise.length {
            return Ok(());
        }
        state.whole = true;
        self.promise.check(&state.hasher)
    }

    fn check_end(&self) -> Result<(), StoreError> {
        let got = self.tally.state().bytes;
        if got < self.promise.length {
            return Err(corrupt(format!("the body ended after {got} of {} bytes", self.promise.length)));
        }
        Ok(())
    }

    fn fail(&mut self, error: StoreError) -> Poll<Option<Result<Bytes, StoreError>>> {
        self.ended = true;
        let seen = StoreError::new(error.kind(), "GetObject", "the source stopped sending");
        self.tally.state().read_error = Some(error);
        Poll::Ready(Some(Err(seen)))
    }
}

fn corrupt(message: String) -> StoreError {
    StoreError::new(ErrorKind::Corrupt, "GetObject", message)
}

impl Stream for Metered {
    type Item = Result<Bytes, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = std::task::ready!(self.chunks.poll_next_unpin(context));
        let this = &mut *self;
        match next {
            Some(Ok(chunk)) => match this.take(&chunk) {
                Ok(()) => {
                    (this.on_bytes)(chunk.len() as u64);
                    Poll::Ready(Some(Ok(chunk)))
                }
                Err(error) => this.fail(error),
            },
            Some(Err(error)) => this.fail(error),
            None => match this.check_end() {
                Ok(()) => {
                    this.ended = true;
                    Poll::Ready(None)
                }
                Err(error) => this.fail(error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metered(chunks: &[&'static str], promise: Promise) -> (Tally, ByteStream) {
        let tally = Tally::new(WithMd5::Yes);
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
        let body = Metered::wrap(futures_util::stream::iter(chunks).boxed(), tally.clone(), promise, |_| ());
        (tally, body)
    }

    #[tokio::test]
    async fn a_body_is_hashed_as_it_goes_by() {
        let (tally, body) = metered(&["ab", "c"], Promise::of_length(3));
        assert_eq!(body.collect().await.unwrap(), b"abc");
        assert_eq!(tally.crc(), Crc64::of(b"abc"));
        assert_eq!(tally.md5().unwrap().to_hex(), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[tokio::test]
    async fn a_body_that_ends_early_is_an_error_of_the_source() {
        let (tally, body) = metered(&["ab"], Promise::of_length(3));
        assert_eq!(body.collect().await.unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(tally.take_read_error().unwrap().to_string().contains("ended after 2 of 3 bytes"));
    }

    #[tokio::test]
    async fn the_last_chunk_of_wrong_bytes_is_withheld() {
        let promise = Promise { crc64nvme: Some(Crc64::of(b"abd")), ..Promise::of_length(3) };
        let (_, body) = metered(&["ab", "c"], promise);
        let mut chunks = body.into_chunks();
        assert!(chunks.next().await.unwrap().is_ok());
        assert_eq!(chunks.next().await.unwrap().unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(chunks.next().await.is_none());
    }

    #[tokio::test]
    async fn bytes_of_another_md5_than_the_tag_says_are_withheld_until_they_were_read_twice() {
        let md5 = Md5::from_hex("d41d8cd98f00b204e9800998ecf8427e").unwrap();
        for (read_before, passes) in [(None, false), (Some(Crc64::of(b"abd")), false), (Some(Crc64::of(b"abc")), true)]
        {
            let promise = Promise { md5: Some(TagPromise { md5, read_before }), ..Promise::of_length(3) };
            let (_, body) = metered(&["ab", "c"], promise);
            assert_eq!(body.collect().await.is_ok(), passes, "{read_before:?}");
        }
    }

    #[tokio::test]
    async fn bytes_past_the_announced_length_are_an_error() {
        let (_, body) = metered(&["abc", "d"], Promise::of_length(3));
        assert!(body.collect().await.is_err());
    }
}
