//! Jobs on their way into a queue: packed into messages, and sent in batches.

use crate::{
    ledger::SendReport,
    limits::{Clock, RequestPolicy},
    queue::{
        object_job::{Job, Jobs},
        packer::{Packer, batch_of},
        port::{JobQueue, MAX_BATCH, QueueError, keep_refused},
    },
    route::Mode,
};

/// What waits for its message, or its batch, to be full.
pub(crate) struct Outbox<'a, C, Q> {
    queue: &'a Q,
    patience: &'a RequestPolicy<C>,
    mode: Mode,
    packer: Packer,
    ready: Vec<Jobs>,
}

impl<'a, C: Clock, Q: JobQueue> Outbox<'a, C, Q> {
    /// Nothing waits yet. In a dry run nothing is sent either.
    pub fn new(queue: &'a Q, patience: &'a RequestPolicy<C>, mode: Mode, packer: Packer) -> Self {
        Self { queue, patience, mode, packer, ready: Vec::new() }
    }

    /// Takes a job.
    pub fn push(&mut self, job: Job) {
        self.ready.extend(self.packer.push(job));
    }

    /// Sends the batches that are full.
    pub async fn send_full(&mut self, report: &mut SendReport) -> Result<(), QueueError> {
        while self.ready.len() >= MAX_BATCH {
            self.send_some(report).await?;
        }
        Ok(())
    }

    /// Sends all that is left. A batch that is refused for good does not hold up the others; a queue that does not work does.
    pub async fn flush(&mut self, report: &mut SendReport) -> Result<(), QueueError> {
        self.ready.extend(self.packer.finish());
        let mut all = Ok(());
        while !self.ready.is_empty() {
            let sent = self.send_some(report).await;
            if sent.as_ref().is_err_and(|error| error.retryable) {
                let rest = std::mem::take(&mut self.ready);
                report.messages += rest.len() as u64;
                count_refused(report, &rest);
            }
            all = all.and(sent);
        }
        all
    }

    /// Sends one batch; entries that fail alone are sent again, and those that go on failing are counted.
    async fn send_some(&mut self, report: &mut SendReport) -> Result<(), QueueError> {
        let mut bodies: Vec<String> = self.ready.iter().take(MAX_BATCH).map(Jobs::body).collect();
        bodies.truncate(batch_of(&bodies));
        let batch: Vec<Jobs> = self.ready.drain(..bodies.len()).collect();
        report.messages += batch.len() as u64;
        if self.mode == Mode::DryRun {
            return Ok(());
        }
        let mut left: Vec<(Jobs, String)> = batch.into_iter().zip(bodies).collect();
        let mut failures = 0;
        loop {
            let error = match self.send_once(&mut left).await {
                None => return Ok(()),
                Some(error) => error,
            };
            if !error.retryable || failures >= self.patience.policy.max_retries {
                count_refused(report, left.iter().map(|(jobs, _)| jobs));
                return Err(error);
            }
            tracing::debug!(%error, "will be repeated");
            let wait = self.patience.policy.delay(failures, None, 1.0);
            self.patience.clock.sleep(wait).await;
            failures += 1;
        }
    }

    /// Leaves in `left` what was not accepted, and says why.
    async fn send_once(&self, left: &mut Vec<(Jobs, String)>) -> Option<QueueError> {
        let bodies: Vec<String> = left.iter().map(|(_, body)| body.clone()).collect();
        let answers = match self.queue.send_batch(&bodies).await {
            Ok(answers) => answers,
            Err(error) => return Some(error),
        };
        keep_refused(left, answers, self.queue.name())
    }
}

/// These messages, counted as sent before, were not.
fn count_refused<'a>(report: &mut SendReport, messages: impl IntoIterator<Item = &'a Jobs>) {
    for jobs in messages {
        let objects = jobs.jobs.len() as u64;
        report.refused += objects;
        report.sent -= objects;
        report.sent_bytes -= jobs.jobs.iter().map(|job| job.size).sum::<u64>();
        report.messages -= 1;
    }
}
