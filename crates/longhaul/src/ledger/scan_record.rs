//! What is remembered of a scan: which ranges of which routes are still open, and who works on them. Pure.
//!
//! One row holds all of a scan, and every change is one conditional save of it. So a range and the pieces it is cut into
//! change together, a range is closed once, and the save that closes the last one is the end of the scan: there can be
//! no second one. Messages only carry the number of a range. A message whose range is closed, or whose scan is another
//! one, is late, and nothing is to be done for it.
//!
//! Leases save cost and are no matter of correctness: two that work on one range at once send its jobs twice, and of
//! both only the one whose lease stands can change the range.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    ledger::{
        lease::{Lease, holds},
        scan_counts::{ScanTotals, SendReport},
    },
    object::Timestamp,
    route::{KeyRange, NamedRoute},
};

/// The row of the ledger that the scans of one stack share.
pub(crate) const ROW: &str = "jobsender";

/// The most ranges that may be open at once. With two bounds of 1,024 bytes and some hundred bytes more for each, they
/// stay far below the 400 KB of a row of DynamoDB, whatever the keys are.
pub const MAX_RANGES: usize = 100;

/// What is remembered of the scans of one stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanRecord {
    /// The run that began the scan, while it is under way.
    pub lease: Option<Lease>,
    /// When the last scan began.
    pub started: Option<Timestamp>,
    /// When the last scan that came to its end did so.
    pub finished: Option<Timestamp>,
    /// Which scan it is; messages name it.
    #[serde(default)]
    pub id: String,
    /// The ranges that are not compared to their end, by number.
    #[serde(default)]
    pub ranges: BTreeMap<u32, RangeRow>,
    /// The routes as they were when the scan began.
    #[serde(default)]
    pub routes: Vec<NamedRoute>,
    /// The number of the next range.
    #[serde(default)]
    pub next: u32,
    /// What came of the scan so far.
    #[serde(default)]
    pub totals: ScanTotals,
    /// When a range last came further.
    #[serde(default)]
    pub moved: Option<Timestamp>,
    /// The places, among the scan's routes, of those whose comparison ended since a store does not list in byte order.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unordered: BTreeSet<u32>,
}

/// An open range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeRow {
    /// The place of its route among the scan's routes.
    pub route: u32,
    /// What is still to be compared.
    pub range: KeyRange,
    /// Who works on it, or is about to send its message.
    pub lease: Option<Lease>,
    /// Whether there is a message for it.
    pub message: RangeMessage,
    /// When anybody last had to do with it.
    pub touched: Timestamp,
}

/// Whether there is a message for a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RangeMessage {
    /// The run that began the scan works on it by itself.
    None,
    /// The holder of the lease is about to send one.
    Due,
    /// One was sent.
    Sent,
}

/// What becomes of the wish to work on a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is ours.
    Ours(NamedRoute, KeyRange),
    /// Somebody else works on it until then.
    Busy(Option<Timestamp>),
    /// It is closed.
    Closed,
}

/// Which ranges a sweep takes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// Those whose message was never sent, since whoever was to send it is gone.
    Unsent,
    /// Also those that nobody has had to do with since that time: their message must be lost.
    AlsoSilentSince(Timestamp),
}

/// The one who changes ranges.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// Its lease.
    pub lease: &'a Lease,
    /// The time.
    pub now: Timestamp,
}

impl ScanRecord {
    /// A new scan in the place of `last`: one range for each route, all in the hands of the run that begins it.
    pub fn begin(last: Option<Self>, id: &str, routes: &[NamedRoute], hand: Holder<'_>) -> Self {
        let whole = |route: u32| RangeRow {
            route,
            range: KeyRange::all(),
            lease: Some(hand.lease.clone()),
            message: RangeMessage::None,
            touched: hand.now,
        };
        let ranges: BTreeMap<u32, RangeRow> = (0..).take(routes.len()).map(|number| (number, whole(number))).collect();
        let finished = last.and_then(|last| last.finished);
        Self {
            lease: Some(hand.lease.clone()),
            started: Some(hand.now),
            finished: if ranges.is_empty() { Some(hand.now) } else { finished },
            id: id.to_owned(),
            next: ranges.len() as u32,
            ranges,
            routes: routes.to_vec(),
            ..Self::default()
        }
    }

    /// Takes a range to work on it. Who only sends its message does not stand in the way: the message has arrived.
    pub fn take(&mut self, number: u32, hand: Holder<'_>) -> Taken {
        let Some(row) = self.ranges.get_mut(&number) else { return Taken::Closed };
        let at_work = row.message != RangeMessage::Due && !is_of(row, hand) && holds(row.lease.as_ref(), hand.now);
        if at_work {
            return Taken::Busy(row.lease.as_ref().and_then(|lease| lease.until));
        }
        let Some(route) = self.routes.get(row.route as usize) else { return Taken::Closed };
        row.lease = Some(hand.lease.clone());
        row.message = RangeMessage::Sent;
        row.touched = hand.now;
        Taken::Ours(route.clone(), row.range.clone())
    }

    /// The run that began the scan turns to one of its ranges. What others have taken up meanwhile is theirs.
    pub fn turn_to(&mut self, number: u32, hand: Holder<'_>) -> Taken {
        let Some(row) = self.ranges.get_mut(&number) else { return Taken::Closed };
        if !is_of(row, hand) {
            return Taken::Busy(row.lease.as_ref().and_then(|lease| lease.until));
        }
        let Some(route) = self.routes.get(row.route as usize).cloned() else { return Taken::Closed };
        (row.touched, row.lease) = (hand.now, Some(hand.lease.clone()));
        let range = row.range.clone();
        self.renew(hand);
        Taken::Ours(route, range)
    }

    /// Everything up to `cursor` was compared and sent; the lease is renewed. Whether the range is still ours.
    pub fn advance(&mut self, number: u32, cursor: &str, counts: &SendReport, hand: Holder<'_>) -> bool {
        let Some(row) = self.own(number, hand) else { return false };
        (row.touched, row.lease) = (hand.now, Some(hand.lease.clone()));
        // A save whose answer was lost is made again: the same keys are not counted twice.
        if cursor > row.range.after.as_str() {
            row.range = row.range.behind(cursor);
            self.totals.add(counts);
            self.moved = Some(hand.now);
        }
        self.renew(hand);
        true
    }

    /// Closes a range. Whether it was still ours; the last one ends the scan.
    pub fn close(&mut self, number: u32, counts: &SendReport, hand: Holder<'_>) -> bool {
        if self.own(number, hand).is_none() {
            return false;
        }
        self.ranges.remove(&number);
        self.totals.add(counts);
        self.moved = Some(hand.now);
        if self.is_complete() {
            self.finished = Some(hand.now);
        }
        self.renew(hand);
        true
    }

    /// Whether all that was to be compared was.
    pub fn is_complete(&self) -> bool {
        self.ranges.is_empty() && self.unordered.is_empty()
    }

    /// Ends the comparison of a range's route, with all of its ranges, if the range is ours. The scan is not complete then,
    /// whatever becomes of other routes.
    pub fn end_route(&mut self, number: u32, hand: Holder<'_>) {
        let Some(route) = self.own(number, hand).map(|row| row.route) else { return };
        self.ranges.retain(|_, row| row.route != route);
        self.unordered.insert(route);
        self.moved = Some(hand.now);
        self.renew(hand);
    }

    /// Shortens a range to the first of `pieces`, and opens the others for messages that are then due: as many as `max` open
    /// ranges leave room for, the last one up to the end of all. Nothing happens if the range is not ours, or has changed
    /// since it was cut.
    pub fn split(&mut self, number: u32, pieces: &[KeyRange], max: usize, hand: Holder<'_>) {
        let room = max.saturating_sub(self.ranges.len());
        let [first, others @ .., last] = pieces else { return };
        let Some(row) = self.own(number, hand).filter(|_| room > 0) else { return };
        if (&first.after, &last.until) != (&row.range.after, &row.range.until) {
            return;
        }
        row.range.until.clone_from(&first.until);
        row.touched = hand.now;
        let new = RangeRow { message: RangeMessage::Due, ..row.clone() };
        let mut ranges: Vec<KeyRange> = others.iter().chain([last]).take(room).cloned().collect();
        if let Some(end) = ranges.last_mut() {
            end.until.clone_from(&last.until);
        }
        for range in ranges {
            self.ranges.insert(self.next, RangeRow { range, ..new.clone() });
            self.next += 1;
        }
    }

    /// The end of a range, if it is ours.
    pub fn own_until(&mut self, number: u32, hand: Holder<'_>) -> Option<Option<String>> {
        self.own(number, hand).map(|row| row.range.until.clone())
    }

    /// Our ranges for which messages are due.
    pub fn due(&self, hand: Holder<'_>) -> Vec<u32> {
        let due = self.ranges.iter().filter(|(_, row)| is_of(row, hand) && row.message == RangeMessage::Due);
        due.map(|(number, _)| *number).collect()
    }

    /// Lets go of a range for which there is a message.
    pub fn release(&mut self, number: u32, hand: Holder<'_>) {
        if let Some(row) = self.own(number, hand) {
            (row.lease, row.message, row.touched) = (None, RangeMessage::Sent, hand.now);
        }
    }

    /// Notes that messages for our ranges are about to be sent.
    pub fn announce(&mut self, numbers: &[u32], hand: Holder<'_>) {
        for number in numbers {
            if let Some(row) = self.own(*number, hand) {
                (row.message, row.touched) = (RangeMessage::Due, hand.now);
            }
        }
    }

    /// The messages that we announced were sent; what others took meanwhile is theirs.
    pub fn mark_sent(&mut self, numbers: &[u32], hand: Holder<'_>) {
        for number in numbers {
            if let Some(row) = self.own(*number, hand).filter(|row| row.message == RangeMessage::Due) {
                (row.lease, row.message, row.touched) = (None, RangeMessage::Sent, hand.now);
            }
        }
    }

    /// Announces messages for ranges that nobody works on and for which there is none.
    pub fn sweep(&mut self, sweep: Sweep, hand: Holder<'_>) {
        let is_lost = |row: &RangeRow| {
            let silent = match sweep {
                Sweep::Unsent => false,
                Sweep::AlsoSilentSince(time) => row.touched <= time,
            };
            !holds(row.lease.as_ref(), hand.now) && (row.message != RangeMessage::Sent || silent)
        };
        for row in self.ranges.values_mut().filter(|row| is_lost(row)) {
            row.lease = Some(hand.lease.clone());
            (row.message, row.touched) = (RangeMessage::Due, hand.now);
        }
    }

    /// Gives up what is open, since there is no queue through which others could carry on. The scan has no end then.
    pub fn abandon(&mut self) {
        self.ranges.clear();
    }

    /// Lets the lease of the scan's run hold on, if that is the hand.
    fn renew(&mut self, hand: Holder<'_>) {
        if let Some(lease) = self.lease.as_mut().filter(|lease| lease.owner == hand.lease.owner) {
            *lease = hand.lease.clone();
        }
    }

    fn own(&mut self, number: u32, hand: Holder<'_>) -> Option<&mut RangeRow> {
        self.ranges.get_mut(&number).filter(|row| is_of(row, hand))
    }
}

fn is_of(row: &RangeRow, hand: Holder<'_>) -> bool {
    row.lease.as_ref().is_some_and(|lease| lease.owner == hand.lease.owner)
}

#[cfg(test)]
#[path = "scan_record_tests.rs"]
mod tests;
