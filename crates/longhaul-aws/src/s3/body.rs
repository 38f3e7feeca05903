//! Bodies between the SDK's types and the engine's.

use std::{
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use aws_sdk_s3::primitives::{ByteStream as SdkStream, SdkBody};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body::{Body, Frame, SizeHint};
use longhaul::{
    object::{Location, ObjectKey},
    store::{ByteStream, Chunks, ErrorKind, StoreError},
};

/// A body for an upload. Its length is announced, so that it is sent as it is, without chunk signatures.
pub(crate) fn upload(body: ByteStream) -> SdkStream {
    let left = body.length();
    SdkStream::new(SdkBody::from_body_1_x(Upload { chunks: Mutex::new(body.into_chunks()), left }))
}

struct Upload {
    // The SDK wants bodies that may be shared between threads; nobody ever does, so the lock is never taken.
    chunks: Mutex<Chunks>,
    left: u64,
}

impl Body for Upload {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        let this = &mut *self;
        let chunks = this.chunks.get_mut().unwrap_or_else(PoisonError::into_inner);
        let next = std::task::ready!(chunks.poll_next_unpin(context));
        if let Some(Ok(chunk)) = &next {
            this.left = this.left.saturating_sub(chunk.len() as u64);
        }
        Poll::Ready(next.map(|chunk| chunk.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A body that is being downloaded.
pub(crate) fn download(body: SdkStream, length: u64, location: &Location, key: &ObjectKey) -> ByteStream {
    let (location, key) = (location.clone(), key.clone());
    let mut body = Box::pin(body);
    let chunks = stream::poll_fn(move |context| body.as_mut().poll_next(context)).map(move |chunk| {
        chunk.map_err(|error| {
            let failed = StoreError::new(ErrorKind::Unavailable, "GetObject", "the body broke off");
            failed.caused_by(error).at(&location).on(&key)
        })
    });
    ByteStream::new(length, chunks)
}
