//! When a jobsender may begin a scan.
//!
//! It saves cost and is no matter of correctness: a scan that begins while the last one's jobs are still waiting would send
//! them a second time. Two never run at once, as far as a lease can tell.

use std::time::Duration;

use crate::{
    error::{LedgerError, QueueError},
    object::Timestamp,
    ports::{Clock, ScanLedger, ScanRecord},
    queue::JobQueue,
    record::{Lease, Token},
};

/// When a gate opens.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// A scan that began so long ago holds the next one up no more, whatever the queue says.
    pub max_age: Duration,
    /// How often in a row the queue must read empty: SQS counts approximately.
    pub empty_reads: u32,
    /// The pause between two reads.
    pub pause: Duration,
}

impl Gate {
    /// Three reads, a second apart.
    pub fn with_max_age(max_age: Duration) -> Self {
        Self { max_age, empty_reads: 3, pause: Duration::from_secs(1) }
    }
}

/// Whose turn it is.
#[derive(Debug)]
pub enum Turn {
    /// Ours: the scan may begin.
    Ours(Ticket),
    /// Not now; the word is for reports.
    NotNow(&'static str),
}

/// The right to scan, until it is given back or its lease ends.
#[derive(Debug)]
pub struct Ticket {
    record: ScanRecord,
    token: Token,
    /// Whether jobs of the last scan were still waiting when this one began, because it would have been held up for too long.
    pub forced: bool,
}

/// Why nothing is known of the gate.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// The row of the ledger that the scans of one stack share.
const ROW: &str = "jobsender";

/// Asks for the right to scan until the lease ends.
pub async fn take_turn<L: ScanLedger, Q: JobQueue, C: Clock>(
    gate: &Gate,
    ledger: &L,
    queue: &Q,
    clock: &C,
    lease: Lease,
    token: Token,
) -> Result<Turn, GateError> {
    let loaded = ledger.load_scan(ROW).await?;
    let now = clock.now();
    let (record, last) = loaded.map_or((ScanRecord::default(), None), |(record, token)| (record, Some(token)));
    if record.lease.as_ref().is_some_and(|held| held.until.is_none_or(|until| until > now)) {
        return Ok(Turn::NotNow("another-run"));
    }
    let empty = reads_empty(gate, queue, clock).await?;
    if !empty && !is_overdue(record.started, now, gate.max_age) {
        return Ok(Turn::NotNow("jobs-waiting"));
    }
    let record = ScanRecord { lease: Some(lease), started: Some(now), ..record };
    match ledger.save_scan(ROW, &record, last.as_ref(), &token).await? {
        true => Ok(Turn::Ours(Ticket { record, token, forced: !empty })),
        false => Ok(Turn::NotNow("another-run")),
    }
}

/// Gives the right back; `finished` is when the scan came to its end, if it did.
pub async fn give_back<L: ScanLedger>(
    ledger: &L,
    ticket: Ticket,
    finished: Option<Timestamp>,
    token: &Token,
) -> Result<(), LedgerError> {
    let record = ScanRecord { lease: None, finished: finished.or(ticket.record.finished), ..ticket.record };
    if !ledger.save_scan(ROW, &record, Some(&ticket.token), token).await? {
        tracing::warn!("another run took over before this one ended: its time was up");
    }
    Ok(())
}

async fn reads_empty<Q: JobQueue, C: Clock>(gate: &Gate, queue: &Q, clock: &C) -> Result<bool, QueueError> {
    for read in 0..gate.empty_reads {
        if read > 0 {
            clock.sleep(gate.pause).await;
        }
        if !queue.depth().await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Nobody knows of an earlier scan, or it is long ago.
fn is_overdue(started: Option<Timestamp>, now: Timestamp, max_age: Duration) -> bool {
    let max_age = i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX);
    started.is_none_or(|started| now.0.saturating_sub(started.0) >= max_age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_holds_the_next_one_up_for_a_limited_time() {
        let hour = Duration::from_secs(3600);
        assert!(is_overdue(None, Timestamp(5), hour));
        assert!(!is_overdue(Some(Timestamp(0)), Timestamp(3_599_999), hour));
        assert!(is_overdue(Some(Timestamp(0)), Timestamp(3_600_000), hour));
    }
}
