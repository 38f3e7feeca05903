//! What becomes of a message, from what became of its objects. Pure.

use std::time::Duration;

use crate::{
    copy::attempt::{ObjectReport, Outcome},
    ledger::Reason,
    object::Timestamp,
    planted::{self, Defect},
    queue::{LONGEST_WAIT, wait},
};

/// What becomes of one entry of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its outcome is durable.
    Done,
    /// It is parked with this reason: nothing but help can make it succeed.
    Park(Reason),
    /// It goes on with the next leg.
    Retry(Retry),
}

/// Work that the next leg carries on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How long to wait before.
    pub after: Duration,
    /// Whether this leg brought anything across.
    pub progress: Progress,
    /// Why it is not done.
    pub reason: Reason,
}

/// Whether a leg brought anything across.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The next leg has less to do; or another one is at work on it.
    Made,
    /// The next leg has as much to do.
    None,
}

/// The wait for a lease whose end is not known.
const UNKNOWN_LEASE: Duration = Duration::from_secs(30);

/// Spread behind the end of a lease, so that those who wait do not come all at once.
const LEASE_JITTER: Duration = Duration::from_secs(10);

/// What a report means for its entry, at time `now` and in delivery number `receives`; `random` is in 0..1.
pub fn of_report(report: &ObjectReport, now: Timestamp, receives: u32, random: f64) -> Ending {
    let reason = report.reason.clone().unwrap_or_else(|| Reason::new("unknown", "no reason was given"));
    let again = |after, progress| Ending::Retry(Retry { after, progress, reason: reason.clone() });
    match report.outcome {
        Outcome::Copied | Outcome::Skipped | Outcome::Gone | Outcome::Continues => Ending::Done,
        Outcome::Failed if report.needs_help || planted::is(Defect::ParkAtOnce) => Ending::Park(reason),
        Outcome::Busy => again(lease_rest(report.busy_until, now) + LEASE_JITTER.mul_f64(random), Progress::Made),
        Outcome::Interrupted | Outcome::Failed if report.parts_copied > 0 => again(Duration::ZERO, Progress::Made),
        Outcome::Interrupted | Outcome::Failed => again(wait(receives, random), Progress::None),
    }
}

fn lease_rest(until: Option<Timestamp>, now: Timestamp) -> Duration {
    let rest = until.map(|until| Duration::from_millis(u64::try_from(until.0 - now.0).unwrap_or(0)));
    rest.unwrap_or(UNKNOWN_LEASE).min(LONGEST_WAIT)
}

/// What becomes of the whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing is left.
    Acknowledge,
    /// These entries go into a new message, then this one is acknowledged.
    SendOn(Vec<usize>),
    /// The message is given back for so long.
    Return(Duration),
    /// The queue would give up on the message: its entries are parked with their reasons.
    GiveUp(Vec<(usize, Reason)>),
}

/// Decides from the entries that go on with the next leg. What got anywhere is sent on as a new message, whose deliveries are
/// counted anew; what got nowhere is given back, so that its deliveries add up to an end.
pub fn plan(endings: &[Ending], receives: u32, max_receives: u32) -> Plan {
    let left = || {
        endings.iter().enumerate().filter_map(|(place, ending)| match ending {
            Ending::Retry(again) => Some((place, again)),
            Ending::Done | Ending::Park(_) => None,
        })
    };
    let Some(soonest) = left().map(|(_, again)| again.after).min() else { return Plan::Acknowledge };
    let places = || left().map(|(place, _)| place).collect();
    let last_delivery = receives >= max_receives;
    if left().count() < endings.len() {
        return Plan::SendOn(places());
    }
    let progress = left().any(|(_, again)| again.progress == Progress::Made);
    match (last_delivery, progress) {
        (true, true) => Plan::SendOn(places()),
        (true, false) => Plan::GiveUp(left().map(|(place, again)| (place, again.reason.clone())).collect()),
        (false, _) => Plan::Return(soonest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(seconds: u64, progress: Progress) -> Ending {
        Ending::Retry(Retry { after: Duration::from_secs(seconds), progress, reason: Reason::new("throttled", "") })
    }

    fn park() -> Ending {
        Ending::Park(Reason::new("access-denied", ""))
    }

    #[test]
    fn a_message_is_acknowledged_when_nothing_is_left_of_it() {
        assert_eq!(plan(&[], 1, 60), Plan::Acknowledge);
        assert_eq!(plan(&[Ending::Done, park()], 1, 60), Plan::Acknowledge);
    }

    #[test]
    fn one_object_that_is_not_done_goes_back_to_the_queue() {
        assert_eq!(plan(&[again(7, Progress::None)], 1, 60), Plan::Return(Duration::from_secs(7)));
        assert_eq!(plan(&[again(0, Progress::Made)], 59, 60), Plan::Return(Duration::ZERO));
    }

    #[test]
    fn of_a_packed_message_only_the_rest_is_sent_on() {
        let endings = [Ending::Done, again(7, Progress::None), park(), again(9, Progress::None)];
        assert_eq!(plan(&endings, 1, 60), Plan::SendOn(vec![1, 3]));
    }

    #[test]
    fn a_packed_message_that_gets_nowhere_counts_its_deliveries() {
        let endings = [again(7, Progress::None), again(3, Progress::None)];
        assert_eq!(plan(&endings, 1, 60), Plan::Return(Duration::from_secs(3)));
    }

    #[test]
    fn the_last_delivery_ends_in_a_reason_or_in_a_new_message() {
        let gave_up = Plan::GiveUp(vec![(0, Reason::new("throttled", ""))]);
        assert_eq!(plan(&[again(7, Progress::None)], 60, 60), gave_up);
        assert_eq!(plan(&[again(0, Progress::Made)], 60, 60), Plan::SendOn(vec![0]));
    }

    #[test]
    fn the_wait_between_legs_doubles_up_to_fifteen_minutes() {
        assert_eq!(wait(1, 1.0), Duration::from_secs(10));
        assert_eq!(wait(3, 1.0), Duration::from_secs(40));
        assert_eq!(wait(60, 1.0), LONGEST_WAIT);
        assert_eq!(wait(2, 0.0), Duration::from_secs(10));
    }
}
