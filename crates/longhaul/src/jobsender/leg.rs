//! One leg of a scan: its time, its lease and its messages.

use std::{future::Future, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    copy::attempt::{Engine, EngineOf, OpenStores, Settings},
    jobsender::{
        error::Stopped,
        process::{Jobsender, ScanQueues, SendSettings},
    },
    ledger::{Holder, Lease, LedgerError, ScanLedger, ScanRecord, SendReport},
    limits::{Clock, LegTime, RequestPolicy},
    queue::{JobQueue, MAX_BATCH, QueueError, RangeJob},
    route::{IgnoreList, Mode, NamedRoute, ScanSpec, Selection},
    store::Source,
    worker::into_itself,
};

/// What a leg came to on one range.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// What was compared and sent.
    pub counts: SendReport,
    /// Whether the record was told of any key.
    pub moved: bool,
    /// Whether others carry on with pieces of the range.
    pub was_split: bool,
}

/// One leg. What it changes in the scan's record it changes in the name of its lease.
pub(crate) struct ScanLeg<'a, W, G, C, Q> {
    pub jobsender: &'a Jobsender<W, G, C>,
    pub queues: ScanQueues<'a, Q>,
    pub ignore: &'a IgnoreList,
    /// Ends early enough to hand over what is left.
    pub leg: LegTime,
    /// The end of all.
    pub last: Duration,
    /// Set when the process is to stop, whatever time is left.
    pub told_to_stop: CancellationToken,
    pub halt: CancellationToken,
    /// The scan.
    pub id: String,
    pub lease: Lease,
}

impl<W: OpenStores, G: ScanLedger, C: Clock, Q: JobQueue> ScanLeg<'_, W, G, C, Q> {
    /// Sends the messages that are due. What fails stays due.
    pub async fn send_due(&self, numbers: &[u32]) {
        self.send_due_of(&self.id, numbers).await;
    }

    pub(crate) async fn send_due_of(&self, id: &str, numbers: &[u32]) {
        let Some(queue) = self.queues.scan.filter(|_| !numbers.is_empty()) else { return };
        if let Err(error) = self.send_messages(queue, id, numbers).await {
            tracing::warn!(%error, "messages of a scan could not be sent; somebody else will send them");
            return;
        }
        let mark = |record: &mut ScanRecord, hand: Holder<'_>| record.mark_sent(numbers, hand);
        if let Err(error) = self.jobsender.change((id, &self.lease, self.last), mark).await {
            tracing::warn!(%error, "messages of a scan were sent and could not be marked as sent; they may be sent again");
        }
    }

    pub async fn send_messages(&self, queue: &Q, id: &str, numbers: &[u32]) -> Result<(), QueueError> {
        let bodies: Vec<String> =
            numbers.iter().map(|range| RangeJob { id: id.to_owned(), range: *range }.body()).collect();
        for batch in bodies.chunks(MAX_BATCH) {
            // What fails alone takes the others along once more, which changes nothing but cost.
            self.repeated(|| async {
                let answers = queue.send_batch(batch).await?;
                answers.into_iter().collect::<Result<Vec<()>, QueueError>>()
            })
            .await?;
        }
        Ok(())
    }

    /// A request to a queue, repeated with patience.
    pub async fn repeated<T, F, Fut>(&self, mut request: F) -> Result<T, QueueError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, QueueError>>,
    {
        const TRIES: u32 = 5;
        let mut failures = 0;
        loop {
            match request().await {
                Err(error) if error.retryable && failures + 1 < TRIES => {
                    tracing::debug!(%error, "will be repeated");
                    let wait = self.jobsender.settings.policy.delay(failures, None, self.jobsender.random());
                    self.jobsender.clock.sleep(wait).await;
                    failures += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Changes the scan's record; see [`Jobsender::change`].
    pub async fn change<T>(
        &self,
        change: impl FnMut(&mut ScanRecord, Holder<'_>) -> T,
    ) -> Result<Option<T>, LedgerError> {
        self.jobsender.change((&self.id, &self.lease, self.last), change).await
    }

    /// Whether the time is up, or the run was told to stop.
    pub fn is_over(&self) -> bool {
        self.leg.stop.is_cancelled() || self.jobsender.clock.elapsed() >= self.leg.end
    }

    /// Refused credentials are read again by the next leg.
    pub fn heed<T>(&self, ended: &Result<T, Stopped>) {
        if ended.as_ref().err().is_some_and(Stopped::is_refused_credentials) {
            self.jobsender.surroundings.credentials_refused();
        }
    }

    pub fn scan(&self, route: &NamedRoute) -> ScanSpec {
        let selection = Selection { ignore: self.ignore.clone(), ..Selection::all() };
        ScanSpec { route: route.route(), selection, compare: self.jobsender.settings.compare }
    }

    pub fn send_settings(&self) -> SendSettings {
        let settings = &self.jobsender.settings;
        SendSettings { versions: settings.versions, packing: settings.packing, mode: Mode::Copy }
    }

    /// An engine for the stores of one route.
    pub async fn engine(&self, route: &NamedRoute) -> Result<EngineOf<W, C>, Stopped> {
        let Jobsender { surroundings, clock, settings, observer, .. } = self.jobsender;
        let source = surroundings.source(&route.src_bucket).await.map_err(Stopped::Unreachable)?;
        let destination = surroundings.destination(&route.des_bucket).await.map_err(Stopped::Unreachable)?;
        if route.route().leads_into_itself() && surroundings.is_one_bucket(source.location(), destination.location()) {
            return Err(Stopped::IntoItself(into_itself(source.location()).message));
        }
        let ledger = surroundings.ledger(&self.lease.owner, self.leg.until);
        let (clock, observer) = (clock.clone(), observer.clone());
        let mut patience = RequestPolicy::with_clock(
            clock,
            settings.policy,
            settings.timeout,
            self.jobsender.seed(),
            observer.clone(),
        );
        patience.stop = self.leg.stop.clone();
        patience.halt = self.halt.clone();
        patience.end = Some(self.leg.end);
        Ok(Engine::new(source, destination, ledger, patience, Settings::default()).observed_by(observer))
    }
}
