//! What the jobsender does for a route with a list of keys: sends of what the list names that which is missing or different.

use crate::{
    compare::Compare,
    engine::Engine,
    error::StoreError,
    keys_from::KeysFrom,
    listing::Lines,
    look::{Found, LOOKS, Wanted, look_at_all},
    ports::{Clock, Destination, Ledger, Source},
    queue::JobQueue,
    scan::Scan,
    send::{SendError, SendReport, SendSettings},
    sending::Sending,
};

/// Sends what `keys` name to the list's end, or until the engine's time is up or it is told to stop: then the report is not
/// complete. The totals stand also behind an error. What leads nowhere is counted in `skipped`: `outside-prefix`, `gone`,
/// `not-current`, `delete-marker`, `access-denied`, `invalid-key`, `ignored`.
pub async fn send_list<S, D, L, C, Q, K>(
    engine: &Engine<S, D, L, C>,
    scan: &Scan,
    keys: &mut KeysFrom<'_, K, C>,
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
    let mut sending = Sending::new(engine, scan, queue, settings);
    let wanted = wanted(scan.compare, settings.versions);
    if settings.versions == Lines::Versions {
        sending.report.compared_by = "version";
    }
    let ended = loop {
        let (named, ended) = keys.some(LOOKS).await;
        let found = look_at_all(engine, scan, wanted, named).await;
        let sent = sending.take_found(found).await;
        match sent.and_then(|()| Ok(ended?)) {
            Ok(true) => {
                sending.report.complete = true;
                break Ok(());
            }
            Ok(false) if sending.is_over() => break Ok(()),
            Ok(false) => {}
            Err(error) => break Err(error),
        }
    };
    let passed = keys.passed();
    for (why, count) in [("not-current", passed.not_current), ("delete-marker", passed.delete_markers)] {
        if count > 0 {
            *sending.report.skipped.entry(why).or_default() += count;
        }
    }
    // What was found before an error is sent all the same.
    let sent = sending.flush().await;
    (sending.report, ended.and(sent))
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
                Ok(Found::Denied { key, error, .. }) => {
                    tracing::warn!(src_key = %key, reason = "access-denied", "it cannot be looked at: {error}");
                    self.skip("access-denied");
                }
                Ok(Found::Pair(pair)) => {
                    self.report.objects += 1;
                    self.report.bytes += pair.source.size;
                    if self.is_plainly_same(&pair) {
                        self.report.same += 1;
                    } else {
                        self.pending.push(*pair);
                    }
                }
            }
        }
        self.judge().await?;
        self.send_full().await?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}
