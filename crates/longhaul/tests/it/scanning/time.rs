//! Virtual time and many processes in one thread: every call takes some of it, and nothing else does.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, LocalBoxFuture},
};
use longhaul::{limits::Clock, object::Timestamp};

#[derive(Default)]
struct Inner {
    now: Duration,
    sleepers: BTreeMap<(Duration, u64), ()>,
    last: u64,
}

/// A clock that goes on when everybody sleeps. Clones are the same clock.
#[derive(Clone, Default)]
pub struct VirtualClock(Arc<Mutex<Inner>>);

struct Sleep {
    clock: VirtualClock,
    at: (Duration, u64),
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        if self.clock.elapsed() >= self.at.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.lock().unwrap().sleepers.remove(&self.at);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000 + self.elapsed().as_millis() as i64)
    }
    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().now
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut inner = self.0.lock().unwrap();
        inner.last += 1;
        let at = (inner.now.saturating_add(duration), inner.last);
        inner.sleepers.insert(at, ());
        Sleep { clock: self.clone(), at }.boxed()
    }
}

impl VirtualClock {
    /// On to the next moment at which somebody wakes.
    fn go_on(&self) {
        let mut inner = self.0.lock().unwrap();
        let next = inner.sleepers.keys().find(|(at, _)| *at > inner.now).copied();
        inner.now = next.expect("everybody waits for nothing").0;
    }
}

/// A process: how it is started, and its run.
pub struct Process<'a> {
    start: Box<dyn Fn(u64) -> LocalBoxFuture<'a, ()> + 'a>,
    run: LocalBoxFuture<'a, ()>,
    starts: u64,
}

impl<'a> Process<'a> {
    /// Starts it; each start has another number.
    pub fn new(start: impl Fn(u64) -> LocalBoxFuture<'a, ()> + 'a) -> Self {
        Self { run: start(0), start: Box::new(start), starts: 0 }
    }

    fn restart(&mut self) {
        self.starts += 1;
        self.run = (self.start)(self.starts);
    }
}

/// Kills the process that comes to a chosen call: before the call has an effect, or after.
#[derive(Debug)]
pub struct Crash {
    left: Mutex<u64>,
    kill: AtomicBool,
}

impl Crash {
    /// The process that makes call number `call` dies; each call has two moments.
    pub fn at(moment: u64) -> Arc<Self> {
        Arc::new(Self { left: Mutex::new(moment), kill: AtomicBool::new(false) })
    }

    /// Nobody dies.
    pub fn never() -> Arc<Self> {
        Self::at(u64::MAX)
    }

    /// Whether it came to that.
    pub fn happened(&self) -> bool {
        *self.left.lock().unwrap() == 0
    }

    /// A moment at which a process may die.
    pub async fn moment(&self) {
        {
            let mut left = self.left.lock().unwrap();
            if *left == 0 {
                return;
            }
            *left -= 1;
            if *left > 0 {
                return;
            }
        }
        self.kill.store(true, Ordering::Relaxed);
        std::future::pending().await
    }
}

/// Runs processes, in an order drawn anew at every moment, until `done` or `limit`. A process that is killed, or ends, is
/// started again.
pub fn run(
    clock: &VirtualClock,
    random: &mut fastrand::Rng,
    crash: &Crash,
    processes: &mut [Process<'_>],
    limit: Duration,
    mut done: impl FnMut() -> bool,
) {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        assert!(clock.elapsed() < limit, "it goes on for more than {limit:?}");
        random.shuffle(processes);
        for process in &mut *processes {
            let ended = process.run.poll_unpin(&mut context).is_ready();
            if ended || crash.kill.swap(false, Ordering::Relaxed) {
                process.restart();
            }
        }
        if done() {
            return;
        }
        clock.go_on();
    }
}
