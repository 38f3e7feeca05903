//! Runs tasks in one thread under virtual time.
//!
//! Which ready task goes on next is drawn from the seed. When none is ready, the clock jumps to the next timer. Tasks belong
//! to processes: a process can be killed (its tasks are dropped where they wait), or frozen (its tasks are not polled for a
//! while, and then go on as if nothing had happened).

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_util::future::BoxFuture;

use self::processes::{Process, Standing};

mod processes;

/// A process. Tasks of the world itself belong to [`ProcessId::WORLD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub usize);

impl ProcessId {
    /// Queues, users and everything else that cannot be killed.
    pub const WORLD: Self = Self(0);
}

/// A task of a process: what one is told, another does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asker {
    /// The process.
    pub process: ProcessId,
    task: usize,
}

struct State {
    now: Duration,
    last_timer: u64,
    timers: BTreeMap<(Duration, u64), Waker>,
    processes: Vec<Process>,
    current: ProcessId,
    task: usize,
    spawned: Vec<(ProcessId, BoxFuture<'static, ()>)>,
    stopped: bool,
    kills: u64,
}

/// A handle of the executor, for everybody in the world. Clones are the same.
#[derive(Clone)]
pub struct Sim {
    state: Arc<Mutex<State>>,
    ready: Arc<Mutex<Vec<usize>>>,
}

struct TaskWaker {
    task: usize,
    queued: AtomicBool,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            lock(&self.ready).push(self.task);
        }
    }
}

struct Task {
    process: ProcessId,
    future: BoxFuture<'static, ()>,
    waker: Arc<TaskWaker>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why the executor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The root task came to its end, or somebody asked for it.
    Finished,
    /// Nothing is ready and no timer is set: everybody waits for somebody.
    Deadlock,
    /// More polls than the bound.
    TooManySteps,
}

impl Sim {
    /// An empty world at time zero.
    #[expect(clippy::new_without_default, reason = "a world is made on purpose")]
    pub fn new() -> Self {
        let state = State {
            now: Duration::ZERO,
            last_timer: 0,
            timers: BTreeMap::new(),
            processes: Vec::new(),
            current: ProcessId::WORLD,
            task: 0,
            spawned: Vec::new(),
            stopped: false,
            kills: 0,
        };
        let sim = Self { state: Arc::new(Mutex::new(state)), ready: Arc::default() };
        sim.new_process(None);
        sim
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Virtual time since the beginning.
    pub fn now(&self) -> Duration {
        self.state().now
    }

    /// The task that is being polled, with its process.
    pub fn asker(&self) -> Asker {
        let state = self.state();
        Asker { process: state.current, task: state.task }
    }

    /// The process whose task is being polled.
    pub fn current(&self) -> ProcessId {
        self.state().current
    }

    /// Processes killed so far, by whatever.
    pub fn kills(&self) -> u64 {
        self.state().kills
    }

    /// Adds a task to a process.
    pub fn spawn(&self, process: ProcessId, future: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.state();
        state.processes[process.0].tasks += 1;
        state.spawned.push((process, Box::pin(future)));
    }

    /// Ends after so much virtual time.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        let until = self.now().saturating_add(duration);
        Sleep { sim: self.clone(), until, timer: None }
    }

    /// Ends the world at once.
    pub fn stop(&self) {
        self.state().stopped = true;
    }

    /// Runs `root` and everything that it spawns, until `root` ends or the world is stopped.
    pub fn run(&self, random: &mut fastrand::Rng, max_steps: u64, root: BoxFuture<'static, ()>) -> (End, u64) {
        let mut tasks: Vec<Option<Task>> = Vec::new();
        let mut free: Vec<usize> = Vec::new();
        let sim = self.clone();
        self.spawn(ProcessId::WORLD, async move {
            root.await;
            sim.stop();
        });
        let mut steps = 0;
        let mut kills = 0;
        let end = loop {
            self.admit(&mut tasks, &mut free);
            if self.state().stopped {
                break End::Finished;
            }
            let now_killed = self.kills();
            if now_killed != kills {
                kills = now_killed;
                self.sweep(&mut tasks, &mut free);
            }
            let next = {
                let mut ready = lock(&self.ready);
                let count = ready.len();
                if count == 0 { None } else { Some(ready.swap_remove(random.usize(..count))) }
            };
            match next {
                Some(task) => {
                    steps += 1;
                    self.poll(&mut tasks, &mut free, task);
                }
                None if !self.jump() => break End::Deadlock,
                None => {}
            }
            if steps > max_steps {
                break End::TooManySteps;
            }
        };
        // What is left may look at the world while it is dropped.
        self.state().stopped = true;
        drop(tasks);
        let left = std::mem::take(&mut self.state().spawned);
        drop(left);
        (end, steps)
    }

    fn admit(&self, tasks: &mut Vec<Option<Task>>, free: &mut Vec<usize>) {
        let spawned = std::mem::take(&mut self.state().spawned);
        for (process, future) in spawned {
            let place = free.pop().unwrap_or_else(|| {
                tasks.push(None);
                tasks.len() - 1
            });
            let waker = TaskWaker { task: place, queued: AtomicBool::new(true), ready: Arc::clone(&self.ready) };
            tasks[place] = Some(Task { process, future, waker: Arc::new(waker) });
            lock(&self.ready).push(place);
        }
    }

    /// Drops the tasks of killed processes.
    fn sweep(&self, tasks: &mut [Option<Task>], free: &mut Vec<usize>) {
        for (place, slot) in tasks.iter_mut().enumerate() {
            let killed = slot.as_ref().is_some_and(|task| self.is_killed(task.process));
            if killed {
                let task = slot.take();
                lock(&self.ready).retain(|ready| *ready != place);
                self.finished(task.as_ref().map_or(ProcessId::WORLD, |task| task.process));
                free.push(place);
                drop(task);
            }
        }
    }

    fn poll(&self, tasks: &mut [Option<Task>], free: &mut Vec<usize>, place: usize) {
        let Some(task) = tasks[place].as_mut() else { return };
        {
            let mut state = self.state();
            let process = &mut state.processes[task.process.0];
            if process.standing == Standing::Frozen {
                process.held.push(place);
                return;
            }
            (state.current, state.task) = (task.process, place);
        }
        task.waker.queued.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&task.waker));
        let answer = task.future.as_mut().poll(&mut Context::from_waker(&waker));
        let process = task.process;
        self.state().current = ProcessId::WORLD;
        if answer.is_ready() {
            tasks[place] = None;
            // A late wake of the task that was here may wake the next one: that is allowed.
            lock(&self.ready).retain(|ready| *ready != place);
            free.push(place);
            self.finished(process);
        }
        self.count_poll(process);
    }

    /// Lets time pass until the next timer. Whether there is one.
    fn jump(&self) -> bool {
        let woken = {
            let mut state = self.state();
            let Some((&(at, _), _)) = state.timers.first_key_value() else { return false };
            state.now = at;
            let rest = state.timers.split_off(&(at, u64::MAX));
            std::mem::replace(&mut state.timers, rest)
        };
        woken.into_values().for_each(Waker::wake);
        true
    }
}

/// A wait of virtual time. Dropping it takes its timer away.
pub struct Sleep {
    sim: Sim,
    until: Duration,
    timer: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let sim = self.sim.clone();
        let mut state = sim.state();
        if state.now >= self.until {
            return Poll::Ready(());
        }
        let number = match self.timer {
            Some(number) => number,
            None => {
                state.last_timer += 1;
                state.last_timer
            }
        };
        self.timer = Some(number);
        state.timers.insert((self.until, number), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.timer {
            self.sim.state().timers.remove(&(self.until, number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_clock_jumps_to_the_next_timer() {
        let sim = Sim::new();
        let inner = sim.clone();
        let root = Box::pin(async move { inner.sleep(seconds(3600)).await });
        let (end, _) = sim.run(&mut fastrand::Rng::with_seed(1), 100, root);
        assert_eq!((end, sim.now()), (End::Finished, seconds(3600)));
    }

    #[test]
    fn a_killed_process_goes_no_further_and_a_frozen_one_goes_on_later() {
        let sim = Sim::new();
        let seen: Arc<Mutex<Vec<(&str, Duration)>>> = Arc::default();
        let (killed, frozen) = (sim.new_process(None), sim.new_process(None));
        for (name, process) in [("killed", killed), ("frozen", frozen)] {
            let (inner, seen) = (sim.clone(), Arc::clone(&seen));
            sim.spawn(process, async move {
                inner.sleep(seconds(10)).await;
                seen.lock().unwrap().push((name, inner.now()));
            });
        }
        let inner = sim.clone();
        let root = Box::pin(async move {
            inner.sleep(seconds(5)).await;
            inner.kill(killed);
            inner.freeze(frozen, seconds(20));
            inner.ended(frozen).await;
        });
        let (end, _) = sim.run(&mut fastrand::Rng::with_seed(1), 100, root);
        assert_eq!(end, End::Finished);
        assert_eq!(*seen.lock().unwrap(), [("frozen", seconds(25))]);
    }

    #[test]
    fn nobody_who_could_wake_anybody_is_a_deadlock() {
        let sim = Sim::new();
        let (end, _) = sim.run(&mut fastrand::Rng::with_seed(1), 100, Box::pin(std::future::pending()));
        assert_eq!(end, End::Deadlock);
    }
}
