//! When a jobsender may begin a scan.
//!
//! It saves cost and is no matter of correctness: a scan that begins while the last one's jobs are still waiting would send
//! them a second time. Two never run at once, as far as a lease can tell.

use std::time::Duration;

use crate::{
    ledger::{Holder, Lease, LedgerError, ROW, ScanLedger, ScanRecord, Token, holds, lease_from},
    limits::Clock,
    object::Timestamp,
    queue::{JobQueue, QueueError},
    route::NamedRoute,
};

/// When a gate opens.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// A scan that began, and last came further, so long ago holds the next one up no more, whatever the queue says.
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
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The scan that has begun.
    pub id: String,
    /// Whether the last scan, or its jobs, were not through when this one began, because it would have been held up for too
    /// long.
    pub forced: bool,
}

/// A scan that wants to begin.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The lease of the run that begins it.
    pub lease: &'a Lease,
    /// What is to be scanned.
    pub routes: &'a [NamedRoute],
    /// Distinguishes the scan from every other.
    pub token: &'a Token,
    /// What becomes of the last scan's open ranges.
    pub open: OpenRanges,
}

/// What becomes of ranges that the last scan left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenRanges {
    /// Others carry on with them, and a new scan waits.
    Wait,
    /// Nobody would carry on with them; the new scan begins anew.
    Replace,
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

/// Asks for the right to scan until the lease ends.
pub async fn take_turn<L: ScanLedger, Q: JobQueue, C: Clock>(
    gate: &Gate,
    ledger: &L,
    queue: &Q,
    clock: &C,
    wish: Wish<'_>,
) -> Result<Turn, GateError> {
    let loaded = ledger.load_scan(ROW).await?;
    let now = clock.now();
    let (last, token) = loaded.map_or((None, None), |(record, token)| (Some(record), Some(token)));
    let known = last.clone().unwrap_or_default();
    if holds(known.lease.as_ref(), now) {
        return Ok(Turn::NotNow("another-run"));
    }
    let open = wish.open == OpenRanges::Wait && !known.ranges.is_empty();
    // A scan that comes further is not overdue, however long it takes; and when it ends its last jobs are new.
    let since = known.started.max(known.moved);
    let overdue = is_overdue(since, now, gate.max_age);
    if open && !overdue {
        return Ok(Turn::NotNow("scan-open"));
    }
    let empty = reads_empty(gate, queue, clock).await?;
    if !empty && !overdue {
        return Ok(Turn::NotNow("jobs-waiting"));
    }
    let id = &wish.token.0;
    let now = clock.now();
    let record = ScanRecord::begin(last, id, wish.routes, Holder { lease: &lease_from(now, wish.lease), now });
    match ledger.save_scan(ROW, &record, token.as_ref(), wish.token).await? {
        true => Ok(Turn::Ours(Ticket { id: id.clone(), forced: open || !empty })),
        false => Ok(Turn::NotNow("another-run")),
    }
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

/// Nobody knows of an earlier scan, or it is long ago that it began or came further.
fn is_overdue(since: Option<Timestamp>, now: Timestamp, max_age: Duration) -> bool {
    let max_age = i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX);
    since.is_none_or(|since| now.0.saturating_sub(since.0) >= max_age)
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
