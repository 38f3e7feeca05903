//! What one process may have in flight: parts at once, and bytes per second.
//!
//! The limit of parts adapts as TCP's window does: an overloaded store or line cuts it, success lets it grow back, by one
//! for each round of parts. A cut counts once for all parts that were in flight when it was made.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

/// Parts in flight, all objects together.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: f64,
    max: f64,
    in_flight: usize,
    started: u64,
    cut_at: u64,
}

/// The right to have one part in flight; dropping it gives it back.
#[derive(Debug)]
pub struct Permit {
    budget: Budget,
    number: u64,
}

impl Budget {
    /// Begins at `max`, which is never exceeded; at least 1.
    pub fn new(max: usize) -> Self {
        let max = max.max(1) as f64;
        let state = State { limit: max, max, in_flight: 0, started: 0, cut_at: 0 };
        Self(Arc::new(Shared { state: Mutex::new(state), freed: Notify::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_acquire(&self) -> Option<Permit> {
        let mut state = self.state();
        if state.in_flight >= state.limit as usize {
            return None;
        }
        state.in_flight += 1;
        state.started += 1;
        Some(Permit { budget: self.clone(), number: state.started })
    }

    /// Waits for a free place.
    pub async fn acquire(&self) -> Permit {
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            // Registered before the look, so that a place freed in between is not missed.
            freed.as_mut().enable();
            if let Some(permit) = self.try_acquire() {
                return permit;
            }
            freed.await;
        }
    }

    /// How many parts may be in flight now.
    pub fn limit(&self) -> usize {
        self.state().limit as usize
    }
}

impl Permit {
    /// The part arrived: a little more may be tried.
    pub fn succeeded(self) {
        {
            let mut state = self.budget.state();
            state.limit = (state.limit + 1.0 / state.limit).min(state.max);
        }
        self.budget.0.freed.notify_one();
    }

    /// The store or the line is overloaded: from now on a third less, but at least one.
    pub fn overloaded(self) {
        let mut state = self.budget.state();
        if self.number > state.cut_at {
            state.cut_at = state.started;
            state.limit = (state.limit * 2.0 / 3.0).max(1.0);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.state().in_flight -= 1;
        self.budget.0.freed.notify_one();
    }
}

/// Bytes per second, all objects together.
#[derive(Clone, Debug)]
pub struct Bandwidth(Option<Arc<Cap>>);

#[derive(Debug)]
struct Cap {
    bytes_per_second: u64,
    free_at: Mutex<Duration>,
}

impl Bandwidth {
    /// `None` is no cap.
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        Self(
            bytes_per_second
                .map(|rate| Arc::new(Cap { bytes_per_second: rate.max(1), free_at: Mutex::new(Duration::ZERO) })),
        )
    }

    /// Whether there is no cap.
    pub fn is_unlimited(&self) -> bool {
        self.0.is_none()
    }

    /// Books `bytes` at time `now` and says how long to wait before they are sent.
    pub fn book(&self, bytes: u64, now: Duration) -> Duration {
        let Some(cap) = &self.0 else { return Duration::ZERO };
        let mut free_at = cap.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let start = (*free_at).max(now);
        *free_at = start + Duration::from_secs_f64(bytes as f64 / cap.bytes_per_second as f64);
        start - now
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn no_more_permits_than_the_limit() {
        let budget = Budget::new(2);
        let first = budget.acquire().now_or_never().unwrap();
        let _second = budget.acquire().now_or_never().unwrap();
        assert!(budget.acquire().now_or_never().is_none());
        drop(first);
        assert!(budget.acquire().now_or_never().is_some());
    }

    #[test]
    fn one_overload_cuts_once_for_all_parts_in_flight() {
        let budget = Budget::new(9);
        let permits: Vec<_> = (0..9).map(|_| budget.acquire().now_or_never().unwrap()).collect();
        permits.into_iter().for_each(Permit::overloaded);
        assert_eq!(budget.limit(), 6);
    }

    #[test]
    fn success_raises_the_limit_back_to_its_maximum_and_not_beyond() {
        let budget = Budget::new(3);
        budget.acquire().now_or_never().unwrap().overloaded();
        assert_eq!(budget.limit(), 2);
        for _ in 0..10 {
            budget.acquire().now_or_never().unwrap().succeeded();
        }
        assert_eq!(budget.limit(), 3);
    }

    #[test]
    fn the_limit_never_falls_below_one() {
        let budget = Budget::new(4);
        for _ in 0..20 {
            budget.acquire().now_or_never().unwrap().overloaded();
        }
        assert_eq!(budget.limit(), 1);
    }

    #[test]
    fn bytes_beyond_the_bandwidth_wait_their_turn() {
        let bandwidth = Bandwidth::new(Some(1000));
        assert_eq!(bandwidth.book(500, Duration::ZERO), Duration::ZERO);
        assert_eq!(bandwidth.book(500, Duration::ZERO), Duration::from_millis(500));
        assert_eq!(bandwidth.book(500, Duration::from_secs(9)), Duration::ZERO);
    }
}
