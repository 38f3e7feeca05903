//! What the jobsender does for a route with a list of keys: sends of what the list names that which is missing or different.

use crate::{
    columns::ListedKey,
    compare::Compare,
    diff::Pair,
    engine::Engine,
    error::StoreError,
    keys_from::KeysFrom,
    listing::Lines,
    look::{Found, LOOKS, Looker, Wanted},
    object::{Listed, ObjectKey, Timestamp},
    ports::{Clock, Destination, Ledger, Source},
    queue::JobQueue,
    rows::Passed,
    scan::Scan,
    send::{SendError, SendReport, SendSettings, Step},
    sending::{Candidate, Sending, Sight},
};

/// A list of keys under way, in the manner of [`RangeSender`](crate::send::RangeSender). Its cursor is the number of entries of
/// the list that are done, since a list need not be in the order of its keys.
pub(crate) struct ListSender<'a, S, D, L, C, Q, K> {
    sending: Sending<'a, S, D, L, C, Q>,
    keys: KeysFrom<'a, K, C>,
    looker: Looker<'a, S, D, L, C>,
    done: u64,
    told: Passed,
}

/// Sends what `keys` name to the list's end, or until the engine's time is up or it is told to stop: then the report is not
/// complete. The totals stand also behind an error. What leads nowhere is counted in `skipped`: `outside-prefix`, `gone`,
/// `not-current`, `delete-marker`, `invalid-key`, `ignored`. What one side refuses to show is sent, as `unseen`.
pub async fn send_list<S, D, L, C, Q, K>(
    engine: &Engine<S, D, L, C>,
    scan: &Scan,
    keys: KeysFrom<'_, K, C>,
    queue: &Q,
    settings: SendSettings,
) -> (SendReport, Result<(), SendError>)
where
    S: Source,
    D: Destination,
    L: Ledger,
    C: Clock,
    Q: JobQueue,
    K: Source,
{
    let mut sender = ListSender::new(engine, scan, keys, queue, settings);
    let ended = loop {
        match sender.step().await {
            Ok(Step::More) => {}
            ended => break ended,
        }
    };
    // What was found before an error is sent all the same.
    let sent = sender.flush().await;
    let mut report = sender.take_report();
    report.complete = matches!(ended, Ok(Step::End));
    (report, ended.map(|_| ()).and(sent))
}

impl<'a, S: Source, D: Destination, L: Ledger, C: Clock, Q: JobQueue, K: Source> ListSender<'a, S, D, L, C, Q, K> {
    /// Begins; nothing is looked at yet.
    pub(crate) fn new(
        engine: &'a Engine<S, D, L, C>,
        scan: &'a Scan,
        keys: KeysFrom<'a, K, C>,
        queue: &'a Q,
        settings: SendSettings,
    ) -> Self {
        let mut sending = Sending::new(engine, scan, queue, settings);
        if settings.versions == Lines::Versions {
            sending.report.compared_by = "version";
        }
        let looker = Looker::new(engine, scan, wanted(scan.compare, settings.versions));
        Self { sending, keys, looker, done: 0, told: Passed::default() }
    }

    /// Passes over the entries that an earlier leg has done.
    pub(crate) async fn go_on_behind(&mut self, cursor: &str) -> Result<(), SendError> {
        let done = cursor.parse().unwrap_or(0);
        while self.done < done {
            let most = usize::try_from(done - self.done).unwrap_or(LOOKS).min(LOOKS);
            let (named, ended) = self.keys.some(most).await;
            self.done += named.len() as u64;
            if ended? {
                break;
            }
        }
        self.told = self.keys.passed();
        Ok(())
    }

    /// Looks at some more entries. Behind an error only [`flush`](Self::flush) makes sense.
    pub(crate) async fn step(&mut self) -> Result<Step, SendError> {
        if self.sending.is_over() {
            return Ok(Step::Over);
        }
        let (named, ended) = self.keys.some(LOOKS).await;
        let entries = named.len() as u64;
        let found = self.looker.look_at_all(named).await;
        // A batch that an error cuts short is not done: the next leg looks at all of it again.
        self.sending.take_found(found).await?;
        self.done += entries;
        self.count_passed();
        Ok(if ended? { Step::End } else { Step::More })
    }

    fn count_passed(&mut self) {
        let (now, before) = (self.keys.passed(), self.told);
        let counts = [
            ("not-current", now.not_current - before.not_current),
            ("delete-marker", now.delete_markers - before.delete_markers),
        ];
        for (why, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            *self.sending.report.skipped.entry(why).or_default() += count;
        }
        self.told = now;
    }

    /// Sends what waits for more to come.
    pub(crate) async fn flush(&mut self) -> Result<(), SendError> {
        self.sending.flush().await
    }

    /// Behind a [`flush`](Self::flush): how many entries are done, in digits that are in order as texts.
    pub(crate) fn cursor(&self) -> Option<String> {
        (self.done > 0 && self.sending.has_sent_all()).then(|| format!("{:020}", self.done))
    }

    /// What it came to since the last time that this was asked.
    pub(crate) fn take_report(&mut self) -> SendReport {
        self.sending.take_report()
    }
}

/// The ledger remembers parked versions by their tags; and what is compared with it must be what is there now.
fn wanted(compare: Compare, versions: Lines) -> Wanted {
    match (compare, versions) {
        (Compare::Newer, _) | (_, Lines::Versions) => Wanted::Everything,
        (Compare::Size | Compare::Checksum | Compare::None, Lines::Objects) => Wanted::SizeAndTag,
    }
}

impl<S: Source, D: Destination, L: Ledger, C: Clock, Q: JobQueue> Sending<'_, S, D, L, C, Q> {
    async fn take_found(&mut self, all: Vec<Result<Found, StoreError>>) -> Result<(), SendError> {
        let mut failed = None;
        for found in all {
            match found {
                Err(error) => {
                    failed = Some(error);
                    break;
                }
                Ok(Found::Outside(key)) => {
                    tracing::warn!(src_key = %key, reason = "outside-prefix", "the list names a key with another prefix");
                    self.skip("outside-prefix");
                }
                Ok(Found::Filtered) => self.skip("ignored"),
                Ok(Found::Gone(key)) => {
                    tracing::warn!(src_key = %key, reason = "gone", "the list names a key that the source has not");
                    self.skip("gone");
                }
                Ok(Found::Unplaceable(key, error)) => {
                    tracing::warn!(src_key = %key, reason = "invalid-key", "no place at the destination: {error}");
                    self.skip("invalid-key");
                }
                Ok(Found::Refused { listed, destination_key, error }) => {
                    let reason = error.kind().reason();
                    tracing::warn!(src_key = %listed.key, reason, "it cannot be looked at, and is sent all the same: {error}");
                    self.take_unseen(listed, destination_key);
                }
                Ok(Found::Pair(pair)) => self.take_selected(Candidate { pair: *pair, sight: Sight::Seen }),
            }
        }
        self.judge().await?;
        self.send_full().await?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    fn take_unseen(&mut self, listed: ListedKey, destination_key: ObjectKey) {
        let ListedKey { key, size, version_id, etag } = listed;
        let source = Listed { key, size: size.unwrap_or_default(), etag, modified: Timestamp::default(), version_id };
        let pair = Pair { source, destination_key: Ok(destination_key), destination: None };
        self.take_selected(Candidate { pair, sight: Sight::Refused });
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use futures_util::FutureExt;

    use super::*;
    use crate::{
        engine::{Patience, Settings, Silent},
        memory::Memory,
        memory_ledger::MemoryLedger,
        memory_queue::MemoryQueue,
        pack::Packing,
        retry::RetryPolicy,
        route::Route,
        scan::{Mode, Selection},
    };
    use futures_util::future::{BoxFuture, pending};

    /// Time stands still.
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
        fn sleep(&self, _duration: Duration) -> BoxFuture<'static, ()> {
            pending().boxed()
        }
    }

    #[test]
    fn a_list_goes_on_behind_the_entries_that_an_earlier_leg_has_done() {
        let (source, destination) = (Memory::new("source"), Memory::new("destination"));
        let lines: Vec<String> = (0..250).map(|number| format!("k{number:03}")).collect();
        lines.iter().for_each(|key| drop(source.insert(key, "x")));
        source.insert("keys.txt", lines.join("\n"));
        let policy = RetryPolicy { max_retries: 0, ..RetryPolicy::default() };
        let patience = Patience::new(Still, policy, Duration::from_secs(1), 7, Arc::new(Silent));
        let engine = Engine::new(source.clone(), destination, MemoryLedger::new("test"), patience, Settings::default());
        let scan = Scan { route: Route::keeping_names("", "p"), selection: Selection::all(), compare: Compare::Size };
        let queue = MemoryQueue::new(Arc::new(Still), Duration::from_secs(60));
        let settings = SendSettings { versions: Lines::Objects, packing: Packing::of_small(10), mode: Mode::Copy };
        let sender = || {
            let list = ObjectKey::new("keys.txt").unwrap();
            let keys = KeysFrom::open(&source, &engine.patience, &list, "source").now_or_never().unwrap().unwrap();
            ListSender::new(&engine, &scan, keys, &queue, settings)
        };
        let mut first = sender();
        assert_eq!(first.step().now_or_never().unwrap().unwrap(), Step::More);
        first.flush().now_or_never().unwrap().unwrap();
        let cursor = first.cursor().unwrap();
        assert_eq!((cursor.as_str(), first.take_report().sent), ("00000000000000000100", 100));
        let mut next = sender();
        next.go_on_behind(&cursor).now_or_never().unwrap().unwrap();
        while next.step().now_or_never().unwrap().unwrap() != Step::End {}
        next.flush().now_or_never().unwrap().unwrap();
        assert_eq!(next.take_report().sent, 150);
        assert_eq!(next.cursor().unwrap(), "00000000000000000250");
    }
}
