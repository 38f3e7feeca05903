//! Stored bytes: real, synthetic, discarded, or several of these in a row.
//!
//! A `Data` is immutable and cheap to clone; slices and joins share the bytes.

use std::{
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;
use s3s::{
    StdError,
    stream::{ByteStream, RemainingLength},
};

use crate::synthetic::{CHUNK, synthetic_bytes};

#[derive(Debug, Clone)]
enum Source {
    Bytes(Bytes),
    Synthetic { seed: u64, offset: u64 },
    Discarded,
}

#[derive(Debug, Clone)]
struct Segment {
    start: u64,
    length: u64,
    source: Source,
}

/// The body of an object or part.
#[derive(Debug, Clone)]
pub struct Data {
    segments: Arc<[Segment]>,
    length: u64,
}

impl Data {
    /// Real bytes, in the pieces in which they arrived.
    #[must_use]
    pub fn from_chunks(chunks: Vec<Bytes>) -> Self {
        let pieces = chunks.into_iter().map(|chunk| (chunk.len() as u64, Source::Bytes(chunk)));
        Self::from_pieces(pieces)
    }

    /// `length` bytes of `seed`, made when they are read.
    #[must_use]
    pub fn synthetic(seed: u64, length: u64) -> Self {
        Self::from_pieces([(length, Source::Synthetic { seed, offset: 0 })])
    }

    /// `length` bytes that were thrown away.
    #[must_use]
    pub fn discarded(length: u64) -> Self {
        Self::from_pieces([(length, Source::Discarded)])
    }

    /// The bytes of `parts`, one after the other.
    pub fn concat<'a>(parts: impl IntoIterator<Item = &'a Data>) -> Self {
        let segments = parts.into_iter().flat_map(|data| data.segments.iter());
        Self::from_pieces(segments.map(|segment| (segment.length, segment.source.clone())))
    }

    fn from_pieces(pieces: impl IntoIterator<Item = (u64, Source)>) -> Self {
        let mut segments: Vec<Segment> = Vec::new();
        let mut start = 0;
        for (length, source) in pieces {
            if length == 0 {
                continue;
            }
            let joins = matches!(source, Source::Discarded)
                && segments.last().is_some_and(|last| matches!(last.source, Source::Discarded));
            if joins && let Some(last) = segments.last_mut() {
                last.length += length;
            } else {
                segments.push(Segment { start, length, source });
            }
            start += length;
        }
        Self { segments: segments.into(), length: start }
    }

    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether bytes were thrown away, so that this body cannot be read.
    #[must_use]
    pub fn is_discarded(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment.source, Source::Discarded))
    }

    /// The bytes in `range`, which must lie within the body.
    #[must_use]
    pub fn slice(&self, range: Range<u64>) -> Self {
        let pieces = self.segments.iter().filter_map(|segment| {
            let from = range.start.max(segment.start);
            let to = range.end.min(segment.start + segment.length);
            let skip = from.saturating_sub(segment.start);
            (from < to).then(|| (to - from, segment.source.cut(skip, to - from)))
        });
        Self::from_pieces(pieces)
    }

    /// Reads the bytes in `range`, which must lie within the body.
    #[must_use]
    pub fn reader(&self, range: Range<u64>) -> DataReader {
        let index = self.segments.partition_point(|segment| segment.start + segment.length <= range.start);
        DataReader { segments: Arc::clone(&self.segments), index, position: range.start, end: range.end }
    }

    /// Calls `see` with every piece of the body; false if the bytes were thrown away.
    pub fn for_each_chunk(&self, mut see: impl FnMut(&[u8])) -> bool {
        let mut reader = self.reader(0..self.length);
        while let Some(chunk) = reader.next_chunk() {
            match chunk {
                Ok(bytes) => see(&bytes),
                Err(BytesDiscarded) => return false,
            }
        }
        true
    }
}

impl From<Bytes> for Data {
    fn from(bytes: Bytes) -> Self {
        Self::from_chunks(vec![bytes])
    }
}

impl Source {
    fn cut(&self, skip: u64, length: u64) -> Self {
        match self {
            Self::Bytes(bytes) => Self::Bytes(bytes.slice(skip as usize..(skip + length) as usize)),
            Self::Synthetic { seed, offset } => Self::Synthetic { seed: *seed, offset: offset + skip },
            Self::Discarded => Self::Discarded,
        }
    }
}

/// The body was uploaded into a bucket that keeps no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BytesDiscarded;

impl std::fmt::Display for BytesDiscarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the bytes of this object were discarded when they were uploaded")
    }
}

impl std::error::Error for BytesDiscarded {}

/// Reads a body piece by piece.
#[derive(Debug)]
pub struct DataReader {
    segments: Arc<[Segment]>,
    index: usize,
    position: u64,
    end: u64,
}

impl DataReader {
    /// The next piece, or `None` at the end.
    pub fn next_chunk(&mut self) -> Option<Result<Bytes, BytesDiscarded>> {
        if self.position >= self.end {
            return None;
        }
        let segment = self.segments.get(self.index)?;
        let skip = self.position - segment.start;
        let available = (segment.length - skip).min(self.end - self.position);
        let bytes = match &segment.source {
            Source::Bytes(bytes) => bytes.slice(skip as usize..(skip + available) as usize),
            Source::Synthetic { seed, offset } => synthetic_bytes(*seed, offset + skip, available.min(CHUNK) as usize),
            Source::Discarded => return Some(Err(BytesDiscarded)),
        };
        self.position += bytes.len() as u64;
        if self.position >= segment.start + segment.length {
            self.index += 1;
        }
        Some(Ok(bytes))
    }
}

impl Stream for DataReader {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.next_chunk().map(|chunk| chunk.map_err(StdError::from)))
    }
}

impl ByteStream for DataReader {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact((self.end - self.position) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &Data) -> Vec<u8> {
        let mut all = Vec::new();
        assert!(data.for_each_chunk(|chunk| all.extend_from_slice(chunk)));
        all
    }

    #[test]
    fn a_slice_of_a_join_equals_the_slice_of_the_bytes() {
        let joined = Data::concat([
            &Data::from_chunks(vec![Bytes::from_static(b"abc"), Bytes::from_static(b"defg")]),
            &Data::synthetic(9, 20).slice(5..15),
        ]);
        let whole = read(&joined);
        assert_eq!(whole.len(), 17);
        for start in 0..17 {
            for end in start..17 {
                assert_eq!(read(&joined.slice(start as u64..end as u64)), &whole[start..end]);
            }
        }
    }

    #[test]
    fn discarded_bytes_cannot_be_read() {
        let data = Data::concat([&Data::discarded(5), &Data::discarded(6)]);
        assert_eq!((data.len(), data.is_discarded()), (11, true));
        assert!(!data.for_each_chunk(|_| {}));
    }
}
