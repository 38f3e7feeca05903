//! What goes wrong, how often, and until when. Everything is drawn from the seed.

use std::{collections::BTreeSet, time::Duration};

use longhaul::store::ErrorKind;

use crate::counts::{Fault, Op};

/// How often each fault befalls a request that it can befall, out of ten thousand.
#[derive(Clone, Debug)]
pub struct Rates([u16; Fault::ALL.len()]);

/// The faults of one seed.
pub struct Faults {
    random: fastrand::Rng,
    rates: Rates,
    /// The longest usual latency.
    latency: Duration,
    /// Longer than any attempt may take.
    stall: Duration,
    /// From then on nothing goes wrong any more.
    until: Duration,
    /// Only requests of these numbers may go wrong, where the set is given.
    only: Option<BTreeSet<u64>>,
    requests: u64,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Its number, by which it can be left out of a smaller run.
    pub number: u64,
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// Until the effect.
    pub before: Duration,
    /// Until the answer.
    pub after: Duration,
    /// How long a stall or a freeze takes.
    pub standstill: Duration,
    /// What an error says.
    pub kind: ErrorKind,
}

impl Rates {
    /// Most seeds have some faults often and others not at all, so that what one fault does is not drowned by another.
    pub fn draw(random: &mut fastrand::Rng) -> Self {
        let general = [20, 60, 150][random.usize(..3)];
        let mut rates = Fault::ALL.map(|_| if random.u8(..4) == 0 { 0 } else { random.u16(1..=general) });
        let mut set = |fault: Fault, rate: u16| {
            let place = Fault::ALL.iter().position(|other| *other == fault);
            if let Some(rate_of) = place.and_then(|place| rates.get_mut(place)) {
                *rate_of = rate;
            }
        };
        for fault in [Fault::KillBefore, Fault::KillAfter, Fault::FreezeBefore, Fault::FreezeAfter] {
            set(fault, [0, 5, 20, 60][random.usize(..4)]);
        }
        set(Fault::Denied, if random.u8(..5) == 0 { 60 } else { 0 });
        set(Fault::BodyBreaks, [0, 100, 400][random.usize(..3)]);
        set(Fault::EntryFails, [0, 500, 1500][random.usize(..3)]);
        set(Fault::Damaged, [0, 100, 300][random.usize(..3)]);
        set(Fault::WrongAnswer, [0, 100, 300][random.usize(..3)]);
        set(Fault::Late, [0, 50, 300][random.usize(..3)]);
        Self(rates)
    }

    /// Every request may well fail.
    pub fn plenty() -> Self {
        Self(Fault::ALL.map(|fault| if is_of_a_process(fault) || fault == Fault::Denied { 0 } else { 500 }))
    }
}

impl Faults {
    /// Faults until a moment.
    pub fn new(seed: u64, rates: Rates, latency: Duration, stall: Duration, only: Option<BTreeSet<u64>>) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { random, rates, latency, stall, until: Duration::MAX, only, requests: 0 }
    }

    /// Lets nothing go wrong from `now` on.
    pub fn end(&mut self, now: Duration) {
        self.until = now;
    }

    /// Lets things go wrong as often as this from now on.
    pub fn raise(&mut self, rates: Rates) {
        self.rates = rates;
    }

    /// Whether things still go wrong.
    pub fn are_on(&self, now: Duration) -> bool {
        now < self.until
    }

    /// What becomes of the next request. Only a process can be killed or frozen.
    pub fn draw(&mut self, op: Op, now: Duration, of_a_process: bool) -> Draw {
        self.requests += 1;
        let number = self.requests;
        let mut dice = self.random.u16(..10_000);
        let mut fault = None;
        for (candidate, rate) in Fault::ALL.into_iter().zip(self.rates.0) {
            let rate = rate.saturating_mul(rarity(op));
            let may = candidate.befalls(op) && (of_a_process || !is_of_a_process(candidate));
            if may && dice < rate {
                fault = Some(candidate);
                break;
            }
            dice = if may { dice.saturating_sub(rate) } else { dice };
        }
        let (before, after) = (self.pause(), self.pause());
        let standstill = self.stall + self.stall.mul_f64(self.random.f64() * 8.0);
        let kind = self.kind(op);
        let spared = !self.are_on(now) || self.only.as_ref().is_some_and(|only| !only.contains(&number));
        let fault = fault.filter(|_| !spared);
        Draw { number, fault, before, after, standstill, kind }
    }

    /// The number of something that happens and is no request's fault: out of ten thousand.
    pub fn happens(&mut self, rate: u16, now: Duration) -> Option<u64> {
        self.requests += 1;
        let drawn = self.random.u16(..10_000) < rate;
        let spared = !self.are_on(now) || self.only.as_ref().is_some_and(|only| !only.contains(&self.requests));
        (drawn && !spared).then_some(self.requests)
    }

    /// Randomness for those who need some besides.
    pub fn random(&mut self) -> &mut fastrand::Rng {
        &mut self.random
    }

    /// Most answers come at once, in virtual time.
    fn pause(&mut self) -> Duration {
        match self.random.u8(..4) {
            0 => self.latency.mul_f64(self.random.f64()),
            1 => self.latency.mul_f64(self.random.f64() / 10.0),
            _ => Duration::ZERO,
        }
    }

    fn kind(&mut self, op: Op) -> ErrorKind {
        let kinds = [ErrorKind::Throttled, ErrorKind::Unavailable, ErrorKind::TimedOut, ErrorKind::Other];
        let kind = kinds[self.random.usize(..kinds.len())];
        // Another conditional write is under way.
        let conflict = matches!(op, Op::Put | Op::Complete) && self.random.u8(..4) == 0;
        if conflict { ErrorKind::Conflict } else { kind }
    }
}

/// What is asked rarely goes wrong more often.
fn rarity(op: Op) -> u16 {
    match op {
        Op::Delete | Op::Park => 20,
        Op::LoadMany | Op::SourceListVersions | Op::Get => 4,
        Op::List | Op::Abort | Op::Depth | Op::SourceList => 2,
        _ => 1,
    }
}

fn is_of_a_process(fault: Fault) -> bool {
    matches!(fault, Fault::KillBefore | Fault::KillAfter | Fault::FreezeBefore | Fault::FreezeAfter)
}
