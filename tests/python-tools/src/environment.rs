//! A virtual environment of Python's: made once, shared by all tests of all processes.
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

use crate::required::must_run;

/// How long a test waits for another process that installs the packages: it says so before it is ended for being slow.
const LIMIT: Duration = Duration::from_secs(9 * 60);
const PAUSE: Duration = Duration::from_millis(100);
/// How often the packages are tried to be installed. Not everything that a network does is tried again by pip itself.
const TRIES: u32 = 3;
/// The pause between two tries.
const NEXT_TRY: Duration = Duration::from_secs(5);

/// What a test needs cannot be had on this machine.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotHere {
    /// There is no `python3`.
    #[error("python3 (3.10 or later) is needed, which cannot be run: {reason}")]
    Python {
        /// What the operating system says.
        reason: String,
    },
    /// The package has no program for this kind of machine.
    #[error("{program} is needed, which has no package for this kind of machine")]
    Program {
        /// Its name.
        program: String,
    },
}

/// Packages of PyPI that are wanted together.
#[derive(Clone, Copy, Debug)]
pub struct Environment {
    /// The folder in `.tools`.
    pub name: &'static str,
    /// What pip is given. A package that is not made for every machine has a marker that says for which.
    pub requirements: &'static str,
}

impl Environment {
    /// The interpreter among these packages, which are installed if need be.
    ///
    /// # Errors
    /// If there is no Python.
    ///
    /// # Panics
    /// If the packages cannot be installed.
    pub fn interpreter(self) -> Result<PathBuf, NotHere> {
        Ok(python_in(&self.folder()?))
    }

    /// A program that one of these packages brings.
    ///
    /// # Errors
    /// If there is no Python, or no such program for this machine.
    ///
    /// # Panics
    /// If the packages cannot be installed.
    pub fn program(self, name: &str) -> Result<PathBuf, NotHere> {
        let program = self.folder()?.join("bin").join(name);
        if program.exists() { Ok(program) } else { Err(NotHere::Program { program: name.to_owned() }) }
    }

    /// Installs the packages before the tests, whose time is limited. Where there is no Python it does nothing: the tests
    /// will say that.
    ///
    /// # Panics
    /// If the packages cannot be installed, or if every test must run and there is no Python.
    pub fn install(self) {
        match self.folder() {
            Err(error) if must_run() => panic!("{} must be installed: {error}", self.name),
            Ok(_) | Err(_) => {}
        }
    }

    fn folder(self) -> Result<PathBuf, NotHere> {
        let stamp = format!("{}\n{}", base_python()?, self.requirements);
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools");
        fs::create_dir_all(&tools).unwrap_or_else(|error| panic!("{}: {error}", tools.display()));
        // The environment remembers its own path, which had better be a plain one.
        let tools = tools.canonicalize().expect("a folder that was just made has a path");
        let folder = tools.join(self.name);
        if !is_ready(&folder, &stamp) {
            let _lock = lock(&tools.join(format!("{}.lock", self.name)));
            // Another process may have made it while this one waited.
            if !is_ready(&folder, &stamp) {
                make(&folder, &stamp, self.requirements);
            }
        }
        Ok(folder)
    }
}

/// Which `python3` there is.
fn base_python() -> Result<String, NotHere> {
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable, sys.version)"]).output();
    let answer = asked.map_err(|error| NotHere::Python { reason: error.to_string() })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if answer.status.success() {
        Ok(text(&answer.stdout))
    } else {
        Err(NotHere::Python { reason: text(&answer.stderr) })
    }
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
            Err(error) => panic!("an environment of Python's cannot be locked with {}: {error}", path.display()),
        }
    }
}

fn make(folder: &Path, stamp: &str, packages: &str) {
    if folder.exists() {
        fs::remove_dir_all(folder).expect("an outdated environment can be removed");
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(folder)).unwrap_or_else(|error| panic!("{error}"));
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, packages).expect("a new environment can be written to");
    let mut pip = Command::new(python_in(folder));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
    // Most of the packages is never imported; what is gets compiled then.
    pip.args(["--no-compile", "--requirement"]).arg(&requirements);
    run_again(&mut pip, NEXT_TRY).unwrap_or_else(|error| panic!("{error}"));
    fs::write(stamp_in(folder), stamp).expect("a new environment can be written to");
}

/// Runs it until it succeeds, but not for ever.
fn run_again(command: &mut Command, pause: Duration) -> Result<(), String> {
    let mut last = run(command);
    for _ in 1..TRIES {
        if last.is_ok() {
            break;
        }
        thread::sleep(pause);
        last = run(command);
    }
    last
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    Err(format!("{command:?} failed ({}):\n{}\n{}", output.status, said[0], said[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that succeeds when it runs for the time of this number. It adds a line to the file with every run.
    fn succeeds_at(run: u32, file: &Path) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", r#"echo run >>"$0"; test "$(wc -l <"$0")" -ge "$1""#]).arg(file).arg(run.to_string());
        command
    }

    #[test]
    fn what_fails_twice_is_tried_a_third_time_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        for (at, runs, succeeds) in [(1, 1, true), (3, 3, true), (4, 3, false)] {
            let file = folder.path().join(at.to_string());
            assert_eq!(run_again(&mut succeeds_at(at, &file), Duration::ZERO).is_ok(), succeeds);
            assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), runs);
        }
    }
}
