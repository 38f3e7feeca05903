//! What the jobsender does for a route with a list of keys: sends of what the list names that which is missing or different.

use crate::{
    copy::attempt::{Backends, Engine},
    jobsender::{
        candidates::{Candidate, Sending, Sight},
        error::SendError,
        process::SendSettings,
        send_range::Step,
    },
    ledger::{MISSING_NAMED, SendReport},
    object::{Listed, ObjectKey, Timestamp},
    queue::JobQueue,
    route::{Compare, ScanSpec},
    scan::{
        key_list::{KeysFrom, ListCursor, ListPlace, ListedKey, Passed},
        listing::{Found, LOOKS, Lines, Looker, Pair, Wanted},
    },
    store::{Source, StoreError},
};

/// A list of keys under way, in the manner of [`RangeSender`](crate::jobsender::send_range::RangeSender). Its cursor is a [`ListCursor`].
pub(crate) struct ListSender<'a, B: Backends, Q, K> {
    sending: Sending<'a, B, Q>,
    keys: KeysFrom<'a, K, B::Clock>,
    looker: Looker<'a, B>,
    done: ListPlace,
    /// So far an earlier leg has done it.
    behind: ListPlace,
    begun_anew: u32,
    told: Passed,
}

/// Sends what `keys` name to the list's end, or until the engine's time is up or it is told to stop: then the report is not
/// complete. The totals stand also behind an error. What leads nowhere is counted in `skipped`: `outside-prefix`, `gone`,
/// `not-current`, `delete-marker`, `invalid-key`, `ignored`. What one side refuses to show is sent, as `unseen`.
pub async fn send_list<B: Backends, Q, K>(
    engine: &Engine<B>,
    scan: &ScanSpec,
    keys: KeysFrom<'_, K, B::Clock>,
    queue: &Q,
    settings: SendSettings,
) -> (SendReport, Result<(), SendError>)
where
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

impl<'a, B: Backends, Q: JobQueue, K: Source> ListSender<'a, B, Q, K> {
    /// Begins; nothing is looked at yet.
    pub(crate) fn new(
        engine: &'a Engine<B>,
        scan: &'a ScanSpec,
        keys: KeysFrom<'a, K, B::Clock>,
        queue: &'a Q,
        settings: SendSettings,
    ) -> Self {
        let mut sending = Sending::new(engine, scan, queue, settings);
        if settings.versions == Lines::Versions {
            sending.report.compared_by = "version";
        }
        let looker = Looker::new(engine, scan, wanted(scan.compare, settings.versions));
        let start = ListPlace::default();
        Self { sending, keys, looker, done: start, behind: start, begun_anew: 0, told: Passed::default() }
    }

    /// Goes on where an earlier leg left this list. Another list of this name is begun anew.
    pub(crate) fn go_on_behind(&mut self, cursor: &str) {
        if cursor.is_empty() {
            return;
        }
        match ListCursor::parse(cursor) {
            Some(earlier) if earlier.tag == *self.keys.tag() => {
                self.keys.pass_files(earlier.place.files);
                self.done = self.keys.place();
                self.behind = ListPlace { entries: earlier.place.entries, ..self.done };
                self.begun_anew = earlier.begun_anew;
            }
            earlier => {
                let tag = self.keys.tag().as_str();
                tracing::warn!(
                    event = "list-changed",
                    tag,
                    "the list is not the one that was begun with: it is begun anew"
                );
                self.begun_anew = earlier.map_or(0, |earlier| earlier.begun_anew).saturating_add(1);
                self.sending.report.begun_anew += 1;
            }
        }
    }

    /// Looks at some more entries. Behind an error only [`flush`](Self::flush) makes sense.
    pub(crate) async fn step(&mut self) -> Result<Step, SendError> {
        if self.sending.is_over() {
            return Ok(Step::Over);
        }
        if self.done < self.behind {
            return self.pass_over().await;
        }
        let (named, ended) = self.keys.some(LOOKS).await;
        let found = self.looker.look_at_all(named).await;
        let sight = if self.looker.wanted() == Wanted::Everything { Sight::Seen } else { Sight::Named };
        // A batch that an error cuts short is not done: the next leg looks at all of it again.
        self.sending.take_found(found, sight).await?;
        self.done = self.keys.place();
        self.count_passed();
        Ok(if ended? { Step::End } else { Step::More })
    }

    /// Passes over some of the entries that an earlier leg has done.
    async fn pass_over(&mut self) -> Result<Step, SendError> {
        let left = usize::try_from(self.behind.entries - self.done.entries).unwrap_or(usize::MAX);
        let (_, ended) = self.keys.some(left.min(LOOKS)).await;
        self.done = self.keys.place();
        self.told = self.keys.passed();
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

    /// Behind a [`flush`](Self::flush): how far the list is done.
    pub(crate) fn cursor(&self) -> Option<String> {
        let (begun_anew, place, tag) = (self.begun_anew, self.done, self.keys.tag().clone());
        let has_begun = place > ListPlace::default();
        (has_begun && self.sending.has_sent_all()).then(|| ListCursor { begun_anew, place, tag }.to_string())
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

impl<B: Backends, Q: JobQueue> Sending<'_, B, Q> {
    async fn take_found(&mut self, all: Vec<Result<Found, StoreError>>, sight: Sight) -> Result<(), SendError> {
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
                    self.name_missing(key);
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
                Ok(Found::Pair(pair)) => self.take_selected(Candidate { pair: *pair, sight }),
            }
        }
        self.judge().await?;
        self.send_full().await?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    fn name_missing(&mut self, key: ObjectKey) {
        if self.report.missing.len() < MISSING_NAMED {
            self.report.missing.push(key);
        }
    }

    fn take_unseen(&mut self, listed: ListedKey, destination_key: ObjectKey) {
        let ListedKey { key, size, version_id, etag } = listed;
        let source = Listed { key, size: size.unwrap_or_default(), etag, modified: Timestamp::default(), version_id };
        let pair = Pair { source, destination_key: Ok(destination_key), destination: None };
        self.take_selected(Candidate { pair, sight: Sight::Refused });
    }
}

#[cfg(test)]
#[path = "send_list_tests.rs"]
mod tests;
