//! What happened, in order: always as a hash, and as words when a seed is replayed.

use std::time::Duration;

use crate::executor::ProcessId;

/// The steps of a seed.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// A hash only.
    pub fn hashed() -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: None }
    }

    /// Also the words.
    pub fn recorded() -> Self {
        Self { lines: Some(Vec::new()), ..Self::hashed() }
    }

    /// Adds a step. Equal codes at equal times are equal steps.
    pub fn add(&mut self, now: Duration, process: ProcessId, code: u64, words: impl FnOnce() -> String) {
        for number in [now.as_nanos() as u64, process.0 as u64, code] {
            // FNV-1a, a word at a time: it need not be hard to forge.
            self.hash = (self.hash ^ number).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>12.3} s  process {:>3}  {}", now.as_secs_f64(), process.0, words()));
        }
    }

    /// Equal for equal runs.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The words, where they were recorded.
    pub fn lines(&self) -> Vec<String> {
        self.lines.clone().unwrap_or_default()
    }
}
