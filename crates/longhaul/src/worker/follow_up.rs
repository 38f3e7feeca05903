//! Messages that follow from a message: segments of a giant, an object that begins again, the rest of a packed one.

use std::sync::{Mutex, PoisonError};

use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};

use crate::{
    copy::{
        attempt::{CopyJob, EngineOf, Follow, OpenStores},
        segment::copy_segment,
    },
    ledger::SegmentRef,
    limits::Clock,
    queue::{JobQueue, MAX_BATCH, QueueError, Segment, SegmentJob, keep_refused},
    worker::{process::Delivery, rules::Buckets},
};

/// Batches of messages that are sent at once.
const BATCHES_AT_ONCE: usize = 8;

impl<W: OpenStores, C: Clock, Q: JobQueue> Delivery<'_, W, C, Q> {
    /// Sends the messages that carry an object on.
    pub(crate) async fn carry_on(
        &self,
        engine: &EngineOf<W, C>,
        buckets: &Buckets,
        job: &CopyJob,
        follow: &Follow,
    ) -> Result<(), QueueError> {
        let message = |at: &SegmentRef| SegmentJob {
            src_bucket: buckets.source.clone(),
            des_bucket: buckets.destination.clone(),
            segment: Segment {
                src_key: job.source_key.clone(),
                des_key: job.destination_key.clone(),
                size: job.size,
                at: at.clone(),
            },
        };
        let (segments, queue) = match (follow, self.queues.segments) {
            (Follow::Segments(segments), Some(queue)) => (segments, queue),
            // Without that queue nothing is cut up; if it ever were, its message may not be acknowledged.
            (Follow::Segments(_), None) => return Err(no_segments_queue(self.queues.own.name())),
            (Follow::Object, _) => {
                let nowhere = SegmentRef { generation: 0, upload_id: String::new(), segment: 0 };
                return self.send(self.queues.jobs, vec![message(&nowhere).object_body()]).await;
            }
        };
        let bodies: Vec<String> = segments.iter().map(|at| message(at).body()).collect();
        let batches: Vec<_> = bodies.chunks(MAX_BATCH).map(|batch| self.send(queue, batch.to_vec()).boxed()).collect();
        stream::iter(batches).buffer_unordered(BATCHES_AT_ONCE).try_collect::<Vec<()>>().await?;
        if let Some(first) = segments.first()
            && let Err(error) = copy_segment::note_sent(engine, job, first).await
        {
            tracing::warn!(%error, "that segments were sent could not be noted; a duplicate may send them again");
        }
        Ok(())
    }

    /// Sends messages until the queue has accepted each of them: entries of a batch can fail alone.
    pub(crate) async fn send(&self, queue: &Q, bodies: Vec<String>) -> Result<(), QueueError> {
        let left = Mutex::new(bodies);
        self.repeated(|| async {
            let bodies = left.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let answers = queue.send_batch(&bodies).await?;
            let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
            keep_refused(&mut left, answers, queue.name()).map_or(Ok(()), Err)
        })
        .await
    }

    /// A request to the queue, repeated with patience.
    pub(crate) async fn repeated<T, F, Fut>(&self, mut request: F) -> Result<T, QueueError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, QueueError>>,
    {
        const TRIES: u32 = 5;
        let mut failures = 0;
        loop {
            match request().await {
                Ok(answer) => return Ok(answer),
                Err(error) if !error.retryable || failures + 1 >= TRIES => return Err(error),
                Err(error) => {
                    let wait = self.worker.settings.policy.delay(failures, None, self.worker.random());
                    tracing::debug!(%error, "will be repeated");
                    self.worker.clock.sleep(wait).await;
                }
            }
            failures += 1;
        }
    }
}

fn no_segments_queue(own: &str) -> QueueError {
    let message = "an object was cut into segments, and no queue of segments is named".to_owned();
    QueueError { queue: own.to_owned(), operation: "SendMessageBatch", message, retryable: false, source: None }
}
