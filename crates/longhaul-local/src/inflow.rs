//! Brings a body from the runtime to a file.
//!
//! No thread is held while the body waits for the network: chunks are gathered, and each gathering is written by a
//! blocking thread of its own while the next one arrives. So any number of bodies can flow with few threads, and none
//! waits for a thread that another body holds.

use bytes::Bytes;
use futures_util::{StreamExt, stream::Fuse};
use longhaul::store::{ByteStream, Chunks, ErrorKind, StoreError};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::call::Call;

/// Bytes that are gathered for one write.
const BATCH: usize = 256 * 1024;

/// What takes the bytes. It is dropped when the body breaks off, and cleans up then.
pub(crate) trait Sink: Send + 'static {
    /// Takes the next bytes; called in a blocking thread.
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError>;
}

enum Writer<S> {
    Idle(S),
    Busy(JoinHandle<Result<S, StoreError>>),
}

/// Writes all of `body` to `sink`, and gives it back only when exactly the announced number of bytes has arrived.
pub(crate) async fn pour<S: Sink>(call: &Call, body: ByteStream, sink: S) -> Result<S, StoreError> {
    let length = body.length();
    let mut chunks = body.into_chunks().fuse();
    let mut writer = Writer::Idle(sink);
    let mut arrived: u64 = 0;
    loop {
        let batch = gather(&mut chunks).await?;
        let sink = writer.settle(call).await?;
        arrived += batch.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        if arrived > length || (batch.is_empty() && arrived < length) {
            let message = format!("{arrived} bytes arrived where {length} were announced");
            return Err(call.error(ErrorKind::Corrupt, message));
        }
        if batch.is_empty() {
            return Ok(sink);
        }
        writer = start(sink, batch);
    }
}

/// The next chunks; none at the end of the body.
async fn gather(chunks: &mut Fuse<Chunks>) -> Result<Vec<Bytes>, StoreError> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH {
        let Some(chunk) = chunks.next().await else { break };
        let chunk = chunk?;
        bytes += chunk.len();
        batch.push(chunk);
    }
    Ok(batch)
}

fn start<S: Sink>(mut sink: S, batch: Vec<Bytes>) -> Writer<S> {
    Writer::Busy(spawn_blocking(move || -> Result<S, StoreError> {
        batch.iter().try_for_each(|chunk| sink.write(chunk))?;
        Ok(sink)
    }))
}

impl<S> Writer<S> {
    async fn settle(self, call: &Call) -> Result<S, StoreError> {
        match self {
            Self::Idle(sink) => Ok(sink),
            Self::Busy(writing) => writing.await.map_err(|error| call.broken(error))?,
        }
    }
}

#[cfg(test)]
mod tests {
    use longhaul::object::Location;

    use super::*;

    struct Held(Vec<u8>);

    impl Sink for Held {
        fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }

    async fn poured(length: u64, chunks: &[&'static str]) -> Result<Vec<u8>, ErrorKind> {
        let call = Call::new("PutObject", &Location::new("file:", "/data"), None);
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
        let body = ByteStream::new(length, futures_util::stream::iter(chunks));
        let sink = pour(&call, body, Held(Vec::new())).await;
        sink.map(|sink| sink.0).map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn a_body_is_taken_only_at_its_announced_length() {
        assert_eq!(poured(3, &["a", "bc"]).await, Ok(b"abc".to_vec()));
        assert_eq!(poured(0, &[]).await, Ok(Vec::new()));
        assert_eq!(poured(4, &["a", "bc"]).await, Err(ErrorKind::Corrupt));
        assert_eq!(poured(2, &["a", "bc"]).await, Err(ErrorKind::Corrupt));
    }
}
