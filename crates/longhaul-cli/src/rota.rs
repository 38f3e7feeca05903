//! Which queue is asked next, and for how long. Pure; time is counted from any fixed moment.
//!
//! Queues are asked in turn. While one brings messages, the others are only looked at, so that an empty queue never
//! holds up a full one; when all are quiet, each is waited for. A queue that fails is left alone for a while, longer
//! each time.

use std::time::Duration;

/// How long an empty queue is waited for, and so also how long a stop may have to wait, and how long the others go unseen: the
/// segments of a giant come to a fleet that is idle.
const LONG_POLL: Duration = Duration::from_secs(2);
/// How long a queue is left alone after its first failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest time that a queue is left alone.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is known of one queue.
#[derive(Debug, Clone, Default)]
struct Known {
    brought: bool,
    answered: bool,
    failures: u32,
    resumes: Duration,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Ask the queue at this place, waiting so long for a first message.
    Ask {
        /// Its place.
        place: usize,
        /// How long.
        wait: Duration,
    },
    /// Every queue is left alone for so long.
    Pause(Duration),
}

/// The queues in turn.
#[derive(Debug)]
pub struct Rota {
    queues: Vec<Known>,
    next: usize,
}

impl Rota {
    /// So many queues.
    pub fn new(queues: usize) -> Self {
        Self { queues: vec![Known::default(); queues], next: 0 }
    }

    /// Whose turn it is.
    pub fn turn(&mut self, now: Duration) -> Turn {
        let (count, next) = (self.queues.len(), self.next);
        let mut in_turn = (0..count).map(|step| (next + step) % count);
        let Some(place) = in_turn.find(|&place| self.queues[place].resumes <= now) else {
            let soonest = self.queues.iter().map(|queue| queue.resumes).min();
            return Turn::Pause(soonest.map_or(LONGEST_PAUSE, |soonest| soonest.saturating_sub(now)));
        };
        self.next = (place + 1) % count;
        let others_bring = self.queues.iter().enumerate().any(|(other, queue)| other != place && queue.brought);
        Turn::Ask { place, wait: if others_bring { Duration::ZERO } else { LONG_POLL } }
    }

    /// The queue at `place` answered with so many messages.
    pub fn answered(&mut self, place: usize, messages: usize) {
        self.queues[place] = Known { brought: messages > 0, answered: true, ..Known::default() };
    }

    /// The queue at `place` failed, and is left alone for as long as is answered; `random` is in 0..1.
    pub fn failed(&mut self, place: usize, now: Duration, random: f64) -> Duration {
        let queue = &mut self.queues[place];
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(queue.failures.min(10))).min(LONGEST_PAUSE);
        let pause = pause.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
        (queue.brought, queue.failures, queue.resumes) = (false, queue.failures.saturating_add(1), now + pause);
        pause
    }

    /// Whether the queue at `place` ever answered.
    pub fn has_answered(&self, place: usize) -> bool {
        self.queues[place].answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn ask(place: usize, wait: Duration) -> Turn {
        Turn::Ask { place, wait }
    }

    #[test]
    fn quiet_queues_are_waited_for_in_turn() {
        let mut rota = Rota::new(2);
        for place in [0, 1, 0] {
            assert_eq!(rota.turn(NOW), ask(place, LONG_POLL));
            rota.answered(place, 0);
        }
    }

    #[test]
    fn an_empty_queue_does_not_hold_up_a_full_one() {
        let mut rota = Rota::new(2);
        rota.answered(1, 10);
        assert_eq!(rota.turn(NOW), ask(0, Duration::ZERO));
        rota.answered(0, 0);
        assert_eq!(rota.turn(NOW), ask(1, LONG_POLL));
        rota.answered(1, 0);
        assert_eq!(rota.turn(NOW), ask(0, LONG_POLL));
    }

    #[test]
    fn a_queue_that_fails_is_left_alone_while_the_other_works() {
        let mut rota = Rota::new(2);
        assert_eq!(rota.failed(0, NOW, 1.0), FIRST_PAUSE);
        assert_eq!(rota.turn(NOW), ask(1, LONG_POLL));
        assert_eq!(rota.turn(NOW), ask(1, LONG_POLL));
        rota.failed(1, NOW, 0.0);
        assert_eq!(rota.turn(NOW), Turn::Pause(FIRST_PAUSE / 2));
        assert_eq!(rota.turn(NOW + FIRST_PAUSE / 2), ask(1, LONG_POLL));
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_end_with_an_answer() {
        let mut rota = Rota::new(1);
        let pauses: Vec<_> = (0..8).map(|_| rota.failed(0, NOW, 1.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(!rota.has_answered(0));
        rota.answered(0, 0);
        assert!(rota.has_answered(0));
        assert_eq!(rota.failed(0, NOW, 1.0), FIRST_PAUSE);
    }
}
