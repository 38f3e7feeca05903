//! The only way to standard output and standard error; the lints of this crate permit no other.
//!
//! Each call writes one line in which nothing acts on a terminal, whatever a key or a store may say. A reader that goes away
//! (`| head -1`) ends nothing: what it was told no more is dropped, and the work goes on. Where anything else, such as a full
//! disk, keeps a line from standard output, [`lost`] knows of it.
#![expect(clippy::disallowed_methods, reason = "this is where it is done")]

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use longhaul::text::{harmless, harmless_json};
use serde::Serialize;

/// A long list is handed on in pieces of this size.
const PIECE: usize = 64 << 10;

/// Why standard output takes nothing more: its reader has gone.
static READER_HAS_GONE: AtomicBool = AtomicBool::new(false);
/// Why standard output lacks something else.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// A line for people, on standard output, written as `println!` takes it.
macro_rules! say {
    ($($words:tt)*) => { $crate::out::line(format_args!($($words)*)) };
}

/// A line for people, on standard error.
macro_rules! tell {
    ($($words:tt)*) => { $crate::out::line_aside(format_args!($($words)*)) };
}

pub(crate) use {say, tell};

/// See [`say!`].
pub fn line(words: impl Display) {
    write(format!("{}\n", harmless(&words.to_string())).as_bytes());
}

/// See [`tell!`].
pub fn line_aside(words: impl Display) {
    let line = format!("{}\n", harmless(&words.to_string()));
    // Nothing can be done about a terminal that takes no words.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// A line for programs: one JSON object.
pub fn object(object: &impl Serialize) {
    write(format!("{}\n", json(object)).as_bytes());
}

/// JSON that may also be looked at.
pub fn json(object: &impl Serialize) -> String {
    // Everything that is printed has texts for keys, and then this does not fail.
    let json = serde_json::to_string(object).unwrap_or_default();
    harmless_json(&json).into_owned()
}

/// A question, which the answer follows in the same line.
pub fn ask(words: impl Display) {
    write(harmless(&words.to_string()).to_string().as_bytes());
}

/// A text of this program's own, as it is.
pub fn text(bytes: &[u8]) {
    write(bytes);
}

fn write(bytes: &[u8]) {
    if !has_reader() {
        return;
    }
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => READER_HAS_GONE.store(true, Ordering::Relaxed),
        Err(error) => {
            LOST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }
}

/// Whether standard output is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether standard error is a terminal.
pub fn is_terminal_aside() -> bool {
    io::stderr().is_terminal()
}

/// Whether anybody may still read standard output.
pub fn has_reader() -> bool {
    !READER_HAS_GONE.load(Ordering::Relaxed)
}

/// Why standard output lacks something that somebody may wait for.
pub fn lost() -> Option<io::Error> {
    LOST.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A long list on standard output.
#[derive(Default)]
pub struct List(String);

impl List {
    /// A line for people.
    pub fn line(&mut self, words: impl Display) {
        self.push(&harmless(&words.to_string()).to_string());
    }

    /// A line for programs.
    pub fn object(&mut self, object: &impl Serialize) {
        self.push(&json(object));
    }

    fn push(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
        if self.0.len() >= PIECE {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        write(self.0.as_bytes());
        self.0.clear();
    }
}

impl Drop for List {
    /// What was found before an error is shown all the same.
    fn drop(&mut self) {
        self.hand_on();
    }
}
