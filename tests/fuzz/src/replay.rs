//! Runs a target over its corpus and over mutations of it, on the stable toolchain and in a bounded time.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::mutate::Mutator;

/// Mutations of a target in a run of the tests; `LONGHAUL_FUZZ_RUNS` asks for more.
const RUNS: u64 = 3_000;
/// The seed of the mutations; `LONGHAUL_FUZZ_SEED` asks for others.
const SEED: u64 = 1;
/// The longest that one input may take, in the build of the tests and on a busy machine.
const SLOW: Duration = Duration::from_secs(20);
/// The most memory that the process may ever have had, in KiB.
const MEMORY_KIB: u64 = 1 << 20;

/// Feeds `run` with every file of `corpus/NAME`, and with mutations of them.
///
/// # Panics
/// If `run` does, or takes too long or too much memory. The input is kept in a file that the words name.
pub fn replay(name: &str, run: fn(&[u8])) {
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "the corpus of {name} is empty");
    for (path, bytes) in &corpus {
        feed(name, run, bytes, &format!("{}", path.display()));
    }
    let seed = number("LONGHAUL_FUZZ_SEED").unwrap_or(SEED);
    let mut mutator = Mutator::new(seed, corpus.into_iter().map(|(_, bytes)| bytes).collect());
    for number in 0..number("LONGHAUL_FUZZ_RUNS").unwrap_or(RUNS) {
        feed(name, run, &mutator.next(), &format!("mutation {number} of seed {seed}"));
    }
    if let Some(peak) = peak_kib() {
        assert!(peak <= MEMORY_KIB, "{name} took {peak} KiB of memory");
    }
}

fn feed(name: &str, run: fn(&[u8]), bytes: &[u8], what: &str) {
    let began = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| run(bytes)));
    let took = began.elapsed();
    if ended.is_ok() && took <= SLOW {
        return;
    }
    let kept = std::env::temp_dir().join(format!("longhaul-fuzz-{name}-{}", std::process::id()));
    // Without the file the words still tell the seed.
    let _ = fs::write(&kept, bytes);
    eprintln!("{name}: {what} fails; it is kept in {kept:?}: once mended, commit it to tests/fuzz/corpus/{name}/");
    match ended {
        Ok(()) => panic!("{name}: {what} took {took:?}"),
        Err(panic) => resume_unwind(panic),
    }
}

/// The files of a corpus in the order of their names.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("the corpus {folder:?}: {error}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("a readable file"))).collect()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}, and must be a number")))
}

/// What the process has had at most (proc(5), VmHWM). Other systems do not tell.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
