//! The Python environment of the emulator: made once, shared by all tests of all processes.
//!
//! A stamp is written last and holds what the environment was made of, so that a half-made or an outdated one is never
//! used. A lock of the operating system, which no dead process can hold, lets only one process make it.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

const REQUIREMENTS: &str = include_str!("../requirements.txt");
/// How long a test waits for another one that installs the packages.
const LIMIT: Duration = Duration::from_secs(15 * 60);
const PAUSE: Duration = Duration::from_millis(100);

/// There is no `python3` on this machine.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the emulator of AWS needs python3 (3.10 or later), which cannot be run: {reason}")]
pub struct NoPython {
    reason: String,
}

/// The interpreter of the environment, which is made if need be.
///
/// # Panics
/// If it cannot be made.
pub(crate) fn interpreter() -> Result<PathBuf, NoPython> {
    let stamp = format!("{}\n{REQUIREMENTS}", base_python()?);
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools");
    fs::create_dir_all(&tools).unwrap_or_else(|error| panic!("{}: {error}", tools.display()));
    // The environment remembers its own path, which had better be a plain one.
    let tools = tools.canonicalize().expect("a folder that was just made has a path");
    let folder = tools.join("emulator");
    if !is_ready(&folder, &stamp) {
        let _lock = lock(&tools.join("emulator.lock"));
        // Another process may have made it while this one waited.
        if !is_ready(&folder, &stamp) {
            make(&folder, &stamp);
        }
    }
    Ok(python_in(&folder))
}

/// Which `python3` there is.
fn base_python() -> Result<String, NoPython> {
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable, sys.version)"]).output();
    let answer = asked.map_err(|error| NoPython { reason: error.to_string() })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if answer.status.success() { Ok(text(&answer.stdout)) } else { Err(NoPython { reason: text(&answer.stderr) }) }
}

fn python_in(folder: &Path) -> PathBuf {
    folder.join("bin").join("python")
}

fn stamp_in(folder: &Path) -> PathBuf {
    folder.join("stamp")
}

fn is_ready(folder: &Path, stamp: &str) -> bool {
    // The interpreter is a link, which leads nowhere once its Python is gone.
    fs::read_to_string(stamp_in(folder)).is_ok_and(|made_of| made_of == stamp) && python_in(folder).exists()
}

/// Holds the lock until the file is dropped.
fn lock(path: &Path) -> File {
    let file = File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return file,
            Err(TryLockError::WouldBlock) if started.elapsed() < LIMIT => thread::sleep(PAUSE),
            Err(error) => panic!("the emulator's environment cannot be locked with {}: {error}", path.display()),
        }
    }
}

fn make(folder: &Path, stamp: &str) {
    if folder.exists() {
        fs::remove_dir_all(folder).expect("an outdated environment can be removed");
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(folder));
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS).expect("a new environment can be written to");
    let mut pip = Command::new(python_in(folder));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    // Most of the packages is never imported; what is gets compiled then.
    run(pip.args(["--no-compile", "--requirement"]).arg(&requirements));
    fs::write(stamp_in(folder), stamp).expect("a new environment can be written to");
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{command:?} failed ({}):\n{}\n{}", output.status, said[0], said[1]);
}
