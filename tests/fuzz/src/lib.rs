//! Hostile input for every parser of what comes from outside.
//!
//! A [`Target`] feeds bytes to one parser and checks what must hold whatever they are: it does not panic, an error has words,
//! and what was read and is printed again is read as the same. [`replay`] runs a target over its committed corpus and over
//! seeded mutations of it, in every run of the tests. `make fuzz TARGET=… SECONDS=…` runs the targets of the core under
//! libFuzzer, guided by coverage.
//!
//! Parsers that other crates keep to themselves have their targets there, among the tests of those crates.

mod event;
mod ignore_list;
mod key_list;
mod manifest;
mod message;
mod mutate;
mod replay;
mod scan_message;

pub use replay::replay;

/// A parser, and what must hold of it.
#[derive(Debug)]
pub struct Target {
    /// The name of its folder in `corpus/`.
    pub name: &'static str,
    /// Feeds it. Panics if something does not hold.
    pub run: fn(&[u8]),
}

/// The parsers of the core.
pub const TARGETS: [Target; 7] = [
    Target { name: "event", run: event::run },
    Target { name: "ignore_list", run: ignore_list::run },
    Target { name: "ignore_place", run: ignore_list::run_place },
    Target { name: "key_list", run: key_list::run },
    Target { name: "manifest", run: manifest::run },
    Target { name: "message", run: message::run },
    Target { name: "scan_message", run: scan_message::run },
];

/// The target that `LONGHAUL_FUZZ_TARGET` names.
///
/// # Panics
/// If it names none.
#[must_use]
pub fn chosen() -> &'static Target {
    let name = std::env::var("LONGHAUL_FUZZ_TARGET").unwrap_or_default();
    let find = TARGETS.iter().find(|target| target.name == name);
    find.unwrap_or_else(|| {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        panic!("LONGHAUL_FUZZ_TARGET is {name:?}, and must be one of {}", names.join(", "))
    })
}

/// Checks that an error says something, and not at any length.
///
/// # Panics
/// If it does not.
pub fn has_words(error: &dyn std::error::Error, input: usize) {
    let words = longhaul::store::error::chain(error);
    assert!(words.chars().any(char::is_alphabetic), "an error without words: {words:?}");
    // A character that cannot be shown is shown as ten (`\u{10ffff}`), and words may quote the input twice.
    assert!(words.len() <= 2_000 + 20 * input, "{} bytes of words for {input} bytes of input", words.len());
}
