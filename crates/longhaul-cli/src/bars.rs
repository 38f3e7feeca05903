//! Progress for people: bars on a terminal, plain lines elsewhere, nothing where a program listens.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use longhaul::{
    copy::{ObjectReport, Observer},
    limits::OnRetry,
    object::ObjectKey,
    store::StoreError,
    text::escaped,
};
use serde_json::json;

use crate::{
    out::{self, tell},
    screen::Screen,
};

/// Objects from this size on have a bar of their own, in bytes.
const LARGE: u64 = 64 << 20;
/// How often plain lines and JSON progress appear.
const EVERY: Duration = Duration::from_secs(5);
/// How often a second bars are drawn at most.
const REDRAWS: u8 = 20;

/// What moves while a copy runs. Cheap to clone.
#[derive(Clone)]
pub struct Bars(Arc<Inner>);

struct Inner {
    manner: Manner,
    multi: MultiProgress,
    whole: ProgressBar,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Bars,
    Lines,
    Json,
}

struct State {
    large: HashMap<ObjectKey, ProgressBar>,
    objects: u64,
    jobs: u64,
    job_bytes: u64,
    moved: i64,
    began: Instant,
    said: Instant,
}

impl Bars {
    /// Chooses the manner: JSON if asked, bars if standard error is a terminal, else lines.
    pub fn new(json: bool) -> Self {
        let terminal = out::is_terminal_aside();
        let manner = match (json, terminal) {
            (true, _) => Manner::Json,
            (false, true) => Manner::Bars,
            (false, false) => Manner::Lines,
        };
        let target = match manner {
            Manner::Bars => ProgressDrawTarget::term_like_with_hz(Box::new(Screen::default()), REDRAWS),
            Manner::Lines | Manner::Json => ProgressDrawTarget::hidden(),
        };
        let state = State {
            large: HashMap::new(),
            objects: 0,
            jobs: 0,
            job_bytes: 0,
            moved: 0,
            began: Instant::now(),
            said: Instant::now(),
        };
        let whole = ProgressBar::hidden();
        Self(Arc::new(Inner {
            manner,
            multi: MultiProgress::with_draw_target(target),
            whole,
            state: Mutex::new(state),
        }))
    }

    /// Shows the bar of the whole.
    pub fn begin(&self) {
        let style = "{spinner} {bytes}/{total_bytes} {wide_bar} {binary_bytes_per_sec}  {eta} left  {msg}";
        self.0.whole.set_style(style_of(style));
        self.0.multi.add(self.0.whole.clone());
        self.0.whole.enable_steady_tick(Duration::from_millis(250));
        self.lock().began = Instant::now();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the listings came.
    pub fn listed(&self, jobs: u64, job_bytes: u64) {
        let mut state = self.lock();
        (state.jobs, state.job_bytes) = (jobs, job_bytes);
        self.0.whole.set_length(job_bytes);
    }

    /// Runs `write` with the bars out of the way.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.multi.suspend(write)
    }

    /// Takes the bars away.
    pub fn end(&self) {
        self.0.whole.finish_and_clear();
        for (_, bar) in self.lock().large.drain() {
            bar.finish_and_clear();
        }
    }

    fn say_now_and_then(&self, state: &mut State) {
        if self.0.manner == Manner::Bars || state.said.elapsed() < EVERY {
            return;
        }
        state.said = Instant::now();
        let (moved, seconds) = (state.moved.max(0).unsigned_abs(), state.began.elapsed().as_secs_f64());
        let rate = moved as f64 / seconds.max(0.001);
        if self.0.manner == Manner::Json {
            let line = json!({ "event": "progress", "objects_done": state.objects, "objects_to_copy": state.jobs,
                "bytes_done": moved, "bytes_to_copy": state.job_bytes, "bytes_per_second": rate as u64, "seconds": seconds });
            out::object(&line);
        } else {
            tell!(
                "{} of {} in {} of {} objects, {}/s",
                HumanBytes(moved),
                HumanBytes(state.job_bytes),
                HumanCount(state.objects),
                HumanCount(state.jobs),
                HumanBytes(rate as u64)
            );
        }
    }
}

fn style_of(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl OnRetry for Bars {
    fn retrying(&self, error: &StoreError, _wait: Duration) {
        self.0.whole.set_message(format!("repeating {}", error.operation()));
    }
}

impl Observer for Bars {
    fn object_started(&self, key: &ObjectKey, size: u64, already: u64) {
        let mut state = self.lock();
        let already_signed = i64::try_from(already).unwrap_or(i64::MAX);
        state.moved += already_signed;
        self.0.whole.inc(already);
        if self.0.manner != Manner::Bars || size < LARGE {
            return;
        }
        let bar = state.large.entry(key.clone()).or_insert_with(|| self.0.multi.add(ProgressBar::new(size)));
        bar.set_style(style_of("  {bytes:>11}/{total_bytes:11} {bar:24} {percent:>3} %  {msg}"));
        bar.set_message(escaped(key.as_str()).to_string());
        bar.set_position(already);
    }

    fn bytes(&self, key: &ObjectKey, delta: i64) {
        let mut state = self.lock();
        state.moved += delta;
        self.0.whole.set_position(state.moved.max(0).unsigned_abs());
        if let Some(bar) = state.large.get(key) {
            let position = i64::try_from(bar.position()).unwrap_or(i64::MAX) + delta;
            bar.set_position(position.max(0).unsigned_abs());
        }
        self.say_now_and_then(&mut state);
    }

    fn object_finished(&self, report: &ObjectReport) {
        let mut state = self.lock();
        state.objects += 1;
        if let Some(bar) = state.large.remove(&report.source.1) {
            bar.finish_and_clear();
        }
        self.0.whole.set_message(format!("{} of {} objects", HumanCount(state.objects), HumanCount(state.jobs)));
        self.say_now_and_then(&mut state);
    }
}
