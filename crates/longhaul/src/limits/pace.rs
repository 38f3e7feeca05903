//! How slowly a body may move before the way counts as dead. Pure.
//!
//! "No byte within the time-out" alone lets a store keep a part, and with it a place among the parts in flight, for as long as
//! it likes: with one byte a minute.

use std::time::Duration;

use crate::store::Tally;

/// Bytes per second that every body moves at least, in the mean over one time-out. With the default number of parts in flight
/// that is 3 KB/s for all of them: no line over which anybody copies is slower, and a part of 8 MiB ends within a day.
const LEAST_RATE: u64 = 100;

/// Where the user holds bodies back, a body may be so many times slower than its share.
const UNFAIRNESS: u64 = 10;

/// The least rate of each of `concurrency` bodies that share `bandwidth`.
pub(crate) fn least_rate(concurrency: usize, bandwidth: Option<u64>) -> u64 {
    let bodies = u64::try_from(concurrency.max(1)).unwrap_or(u64::MAX);
    bandwidth.map_or(LEAST_RATE, |all| LEAST_RATE.min(all / bodies / UNFAIRNESS))
}

/// A body that is watched, one time-out after the other.
pub(crate) struct Pace {
    least_rate: u64,
    seen: u64,
}

impl Pace {
    pub fn of(tally: &Tally, least_rate: u64) -> Self {
        Self { least_rate, seen: tally.bytes() }
    }

    /// After another `window`: what is wrong, if the body was too slow in it. The answer to a body that went by whole may take
    /// one more window.
    pub fn too_slow(&mut self, tally: &Tally, window: Duration) -> Option<String> {
        let moved = tally.bytes() - std::mem::replace(&mut self.seen, tally.bytes());
        let least = self.least_rate.saturating_mul(window.as_secs());
        match moved {
            0 => Some("no byte moved".to_owned()),
            moved if moved < least && !tally.is_whole() => Some(format!("only {moved} bytes moved")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, task::Poll};

    use bytes::Bytes;
    use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};

    use super::*;
    use crate::{
        copy::attempt::Silent,
        limits::{
            clock::Clock,
            retry::{RequestPolicy, RetryPolicy},
        },
        object::{Timestamp, WithMd5},
        store::{Chunks, ErrorKind, Metered, Promise},
    };

    const MINUTE: Duration = Duration::from_secs(60);

    /// Every sleep is over at once.
    struct Hasty;

    impl Clock for Hasty {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            futures_util::future::ready(()).boxed()
        }
    }

    /// A body of `length` bytes that comes in pieces of `piece`, and its tally.
    fn body(length: u64, piece: usize) -> (Chunks, Tally) {
        let tally = Tally::new(WithMd5::No);
        let pieces = stream::repeat_with(move || Ok(Bytes::from(vec![0; piece]))).boxed();
        let promise = Promise::of_length(length);
        (Metered::wrap(pieces, tally.clone(), promise, |_| ()).into_chunks(), tally)
    }

    #[tokio::test]
    async fn a_body_that_drips_for_ever_is_ended_and_its_rate_named() {
        let patience = RequestPolicy::new(Hasty, RetryPolicy::default(), MINUTE, 7, Arc::new(Silent));
        let (mut chunks, tally) = body(1 << 40, 1);
        let mut windows = 0;
        let dripping = std::future::poll_fn(|context| {
            windows += 1;
            assert!(windows < 1000, "it dripped for a thousand time-outs");
            let _ = chunks.poll_next_unpin(context);
            Poll::<()>::Pending
        });
        let error = patience.while_moving("UploadPart", &tally, LEAST_RATE, dripping).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains("only 1 bytes moved within 60 s"), "{error}");
    }

    #[tokio::test]
    async fn a_slow_line_is_no_dripping_one() {
        let (mut chunks, tally) = body(1 << 40, 6000);
        let mut pace = Pace::of(&tally, LEAST_RATE);
        for _ in 0..100 {
            chunks.next().await;
            assert_eq!(pace.too_slow(&tally, MINUTE), None);
        }
        assert_eq!(pace.too_slow(&tally, MINUTE).as_deref(), Some("no byte moved"));
    }

    #[tokio::test]
    async fn the_answer_to_a_whole_body_has_a_time_out_of_its_own() {
        let (mut chunks, tally) = body(3, 3);
        let mut pace = Pace::of(&tally, LEAST_RATE);
        chunks.next().await;
        assert_eq!(pace.too_slow(&tally, MINUTE), None);
        assert_eq!(pace.too_slow(&tally, MINUTE).as_deref(), Some("no byte moved"));
    }

    #[test]
    fn who_holds_bodies_back_is_not_told_that_they_are_slow() {
        let of = |bandwidth| least_rate(10, bandwidth);
        assert_eq!((of(None), of(Some(1 << 30)), of(Some(2000)), of(Some(1))), (LEAST_RATE, LEAST_RATE, 20, 0));
    }
}
