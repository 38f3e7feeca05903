//! Fills a bucket without longhaul.

use bytes::Bytes;
use hyper::Method;
use tokio::task::JoinSet;

use crate::http::{Connection, path};

/// More at once bring nothing: the store is on this machine.
const CONNECTIONS: usize = 16;

/// Puts objects into a bucket that lets anybody write.
///
/// # Panics
/// If one of them is refused.
pub async fn fill(endpoint: &str, bucket: &str, objects: Vec<(String, Bytes)>) {
    let mut puts = JoinSet::new();
    for share in objects.chunks(objects.len().div_ceil(CONNECTIONS).max(1)) {
        let (endpoint, bucket, share) = (endpoint.to_owned(), bucket.to_owned(), share.to_vec());
        puts.spawn(async move {
            let mut connection = Connection::open(&endpoint).await;
            for (key, bytes) in share {
                let answer = connection.ask(Method::PUT, &path(&bucket, &key), bytes).await;
                assert_eq!(answer.status, 200, "{key:?}: {answer:?}");
            }
        });
    }
    while let Some(put) = puts.join_next().await {
        put.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }
}
