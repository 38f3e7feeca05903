//! A server as a process, in a group of its own with everything it starts.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

/// So many bytes of the log are shown when something fails.
const TAIL: usize = 8 * 1024;
/// Runs the program that its arguments name, and ends the group with the test.
const GUARD: &str = include_str!("guard.py");

/// A process that was started. Dropping it ends its whole group; so does the end of this process, however it ends.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    child: Child,
    // Removed when the process has ended, because fields are dropped after `drop` has run.
    folder: TempDir,
}

impl Server {
    /// Starts a command that watches its own input: it must end its process group when the input ends. Its output is the log.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(name: &'static str, command: &mut Command, folder: TempDir) -> Self {
        let log = File::create(folder.path().join("log")).expect("a file for the log");
        let errors = log.try_clone().expect("a file can be written to by two");
        // The input stays open as long as this process lives: that is how the other one notices if it is killed.
        command.stdin(Stdio::piped()).stdout(log).stderr(errors).current_dir(folder.path()).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { name, child, folder }
    }

    /// A command that runs a program which knows nothing of its input, and watches the input in its place.
    #[must_use]
    pub fn guarded(python: &Path, program: &Path) -> Command {
        let mut command = Command::new(python);
        command.args(["-c", GUARD]).arg(program);
        command
    }

    /// The folder it runs in, which is removed with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether it has ended by itself.
    ///
    /// # Panics
    /// If the operating system does not know.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be looked at").is_some()
    }

    /// Everything it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(self.folder.path().join("log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The end of its log.
    #[must_use]
    pub fn tail(&self) -> String {
        let log = self.log();
        let start = log.len().saturating_sub(TAIL);
        log[log.ceil_char_boundary(start)..].to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to do.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the end of the log of {}\n{}", self.name, self.tail());
        }
    }
}

/// Ports of 127.0.0.1 that nobody listened on a moment ago, each another one.
///
/// # Panics
/// If there are not so many.
#[must_use]
pub fn free_ports<const N: usize>() -> [u16; N] {
    // All are held until the last one is known.
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port"));
    listeners.map(|listener| listener.local_addr().expect("a listener has an address").port())
}
