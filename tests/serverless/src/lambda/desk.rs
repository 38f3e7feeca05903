//! Where work for a process lies until it is taken, and until it is answered.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Notify, oneshot, watch};

use crate::lambda::runtime_api::Answer;

/// Work, and whom to tell about it.
#[derive(Debug)]
pub(crate) struct Work {
    pub payload: Bytes,
    pub deadline: Duration,
    pub took: oneshot::Sender<()>,
    pub reply: oneshot::Sender<Answer>,
}

/// Work as it is given to the process.
#[derive(Debug)]
pub(crate) struct Assignment {
    pub id: String,
    pub payload: Bytes,
    /// In milliseconds since 1970.
    pub deadline_ms: u128,
}

/// Whether an answer belongs to work that is in hand.
#[derive(Debug)]
pub(crate) enum Accepted {
    Yes,
    UnknownId,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(String, Work)>,
    in_hand: HashMap<String, oneshot::Sender<Answer>>,
    offered: u64,
    init_error: Option<Value>,
    closed: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Desk {
    state: Mutex<State>,
    arrived: Notify,
    first_poll: watch::Sender<Option<Instant>>,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id that the work gets. On a closed desk it is dropped, which its owner notices.
    pub fn offer(&self, work: Work) -> String {
        let mut state = self.lock();
        state.offered += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", state.offered);
        if !state.closed {
            state.waiting.push_back((id.clone(), work));
            self.arrived.notify_one();
        }
        id
    }

    /// Waits for work.
    pub async fn next(&self) -> Assignment {
        self.first_poll.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert_with(Instant::now);
            is_first
        });
        loop {
            // A notice that comes between the look and the wait is kept.
            if let Some(assignment) = self.take() {
                return assignment;
            }
            self.arrived.notified().await;
        }
    }

    fn take(&self) -> Option<Assignment> {
        let mut state = self.lock();
        while let Some((id, work)) = state.waiting.pop_front() {
            let Work { payload, deadline, took, reply } = work;
            // Nobody waits for its answer any more.
            if reply.is_closed() {
                continue;
            }
            let end = SystemTime::now() + deadline;
            let deadline_ms = end.duration_since(UNIX_EPOCH).expect("it is later than 1970").as_millis();
            state.in_hand.insert(id.clone(), reply);
            // Nobody may wait for this.
            let _ = took.send(());
            return Some(Assignment { id, payload, deadline_ms });
        }
        None
    }

    pub fn reply(&self, id: &str, answer: Answer) -> Accepted {
        match self.lock().in_hand.remove(id) {
            Some(reply) => {
                // Whoever asked may have given up.
                let _ = reply.send(answer);
                Accepted::Yes
            }
            None => Accepted::UnknownId,
        }
    }

    pub fn cannot_start(&self, error: Value) {
        self.lock().init_error = Some(error);
    }

    pub fn init_error(&self) -> Option<Value> {
        self.lock().init_error.clone()
    }

    pub fn first_poll(&self) -> Option<Instant> {
        *self.first_poll.borrow()
    }

    pub async fn polled(&self) {
        let seen = self.first_poll.subscribe().wait_for(Option::is_some).await.is_ok();
        debug_assert!(seen, "the sender lives as long as the desk");
    }

    /// Drops all work, which its owners notice, and takes no more.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
        state.in_hand.clear();
    }
}
