//! Processes: how many tasks they have, and how they are killed, frozen and waited for.

use std::{
    future::Future,
    task::{Poll, Waker},
    time::Duration,
};

use crate::executor::{ProcessId, Sim, lock};

/// How a process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Running,
    Frozen,
    Killed,
}

pub(super) struct Process {
    pub standing: Standing,
    pub tasks: usize,
    /// Tasks that became ready while the process was frozen.
    pub held: Vec<usize>,
    pub watchers: Vec<Waker>,
    /// The process is killed when it has been polled so often.
    pub polls_left: Option<u32>,
}

impl Sim {
    /// A process without tasks; killed after so many polls, if any number is given.
    pub fn new_process(&self, polls: Option<u32>) -> ProcessId {
        let mut state = self.state();
        state.processes.push(Process {
            standing: Standing::Running,
            tasks: 0,
            held: Vec::new(),
            watchers: Vec::new(),
            polls_left: polls,
        });
        ProcessId(state.processes.len() - 1)
    }

    /// Kills a process. Its tasks are dropped as soon as none of them is being polled.
    pub fn kill(&self, process: ProcessId) {
        assert!(process != ProcessId::WORLD, "the world cannot be killed");
        let mut state = self.state();
        let killed = &mut state.processes[process.0];
        if killed.standing == Standing::Killed || killed.tasks == 0 {
            return;
        }
        killed.standing = Standing::Killed;
        let watchers = std::mem::take(&mut killed.watchers);
        state.kills += 1;
        drop(state);
        watchers.into_iter().for_each(Waker::wake);
    }

    /// Does not poll the tasks of a process for so long.
    pub fn freeze(&self, process: ProcessId, time: Duration) {
        {
            let mut state = self.state();
            let frozen = &mut state.processes[process.0];
            if frozen.standing != Standing::Running {
                return;
            }
            frozen.standing = Standing::Frozen;
        }
        let sim = self.clone();
        self.spawn(ProcessId::WORLD, async move {
            sim.sleep(time).await;
            sim.thaw(process);
        });
    }

    fn thaw(&self, process: ProcessId) {
        let mut state = self.state();
        let frozen = &mut state.processes[process.0];
        if frozen.standing == Standing::Frozen {
            frozen.standing = Standing::Running;
        }
        let held = std::mem::take(&mut frozen.held);
        lock(&self.ready).extend(held);
    }

    /// Whether a process was killed.
    pub fn is_killed(&self, process: ProcessId) -> bool {
        self.state().processes[process.0].standing == Standing::Killed
    }

    /// Ends when all tasks of a process have ended, or it is killed.
    pub fn ended(&self, process: ProcessId) -> impl Future<Output = ()> + Send + use<> {
        let sim = self.clone();
        std::future::poll_fn(move |context| {
            let mut state = sim.state();
            let process = &mut state.processes[process.0];
            if process.tasks == 0 || process.standing == Standing::Killed {
                return Poll::Ready(());
            }
            process.watchers.push(context.waker().clone());
            Poll::Pending
        })
    }

    /// A task of this process has ended, or was dropped.
    pub(super) fn finished(&self, process: ProcessId) {
        let watchers = {
            let mut state = self.state();
            let process = &mut state.processes[process.0];
            process.tasks -= 1;
            if process.tasks == 0 {
                process.held.clear();
                std::mem::take(&mut process.watchers)
            } else {
                Vec::new()
            }
        };
        watchers.into_iter().for_each(Waker::wake);
    }

    /// Kills a process whose polls are used up.
    pub(super) fn count_poll(&self, process: ProcessId) {
        let used_up = match &mut self.state().processes[process.0].polls_left {
            Some(left) => {
                *left = left.saturating_sub(1);
                *left == 0
            }
            None => false,
        };
        if used_up {
            self.state().processes[process.0].polls_left = None;
            self.kill(process);
        }
    }
}
