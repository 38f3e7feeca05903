//! Bodies on their way through the server: counted, damaged, cut off.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use s3s::{Body, StdError};

use crate::record::Exchange;

/// A connection closed on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was dropped by an injected fault")
    }
}

impl std::error::Error for Dropped {}

/// A request's body, shared so that what the service leaves of it can still be read.
#[derive(Clone)]
pub(crate) struct RequestBody {
    inner: Arc<Mutex<Received>>,
}

struct Received {
    incoming: Incoming,
    exchange: Arc<Exchange>,
}

impl RequestBody {
    pub fn new(incoming: Incoming, exchange: Arc<Exchange>) -> Self {
        Self { inner: Arc::new(Mutex::new(Received { incoming, exchange })) }
    }

    /// Reads what is left. A client that is still sending may not notice an answer, and an unread body would have hyper
    /// close the connection.
    pub async fn drain(&self) {
        let mut body = self.clone();
        loop {
            let frame = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
            if !matches!(frame, Some(Ok(_))) {
                return;
            }
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut received = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = ready!(Pin::new(&mut received.incoming).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(bytes) = frame.data_ref()
        {
            received.exchange.add_received(bytes.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).incoming.size_hint()
    }
}

/// How an answer's body differs from what the service made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    /// The connection is dropped here.
    pub drop_at: Option<u64>,
    /// The body ends here.
    pub end_at: Option<u64>,
    /// This byte is flipped.
    pub flip_at: Option<u64>,
}

/// An answer's body, damaged.
pub(crate) struct AnswerBody {
    inner: Pin<Box<Body>>,
    damage: Damage,
    position: u64,
}

impl AnswerBody {
    pub fn new(inner: Body, damage: Damage) -> Self {
        Self { inner: Box::pin(inner), damage, position: 0 }
    }

    fn alter(&mut self, bytes: Bytes) -> Bytes {
        let limit = self.damage.drop_at.or(self.damage.end_at).unwrap_or(u64::MAX);
        let length = (limit - self.position).min(bytes.len() as u64);
        let mut bytes = bytes.slice(..length as usize);
        if let Some(at) = self.damage.flip_at
            && (self.position..self.position + length).contains(&at)
        {
            bytes = flip(&bytes, (at - self.position) as usize);
        }
        self.position += length;
        bytes
    }
}

/// A copy with one bit of the byte at `index` flipped.
pub(crate) fn flip(bytes: &Bytes, index: usize) -> Bytes {
    let mut copy = BytesMut::from(bytes.as_ref());
    copy[index] ^= 1;
    copy.freeze()
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        if self.damage.drop_at.is_some_and(|at| self.position >= at) {
            return Poll::Ready(Some(Err(Dropped.into())));
        }
        if self.damage.end_at.is_some_and(|at| self.position >= at) {
            return Poll::Ready(None);
        }
        let frame = ready!(self.inner.as_mut().poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|bytes| self.alter(bytes)))))
    }
}
