//! The `longhaul` command as a process of its own, beside a stack that exists only as its parameter.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
};

use aws_sdk_ssm::types::ParameterType;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    cloud::{Cloud, Environment},
    lambda::longhaul,
    waiting::{until, within},
};

/// The stack that all commands are told of.
pub const STACK: &str = "test";

/// The command, and what surrounds it.
pub struct Longhaul {
    folder: TempDir,
    environment: Environment,
    runs: AtomicUsize,
}

impl Longhaul {
    /// The command in an account that has nothing.
    pub fn alone() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = folder.path().to_str().expect("a plain path").to_owned();
        let path = env::var("PATH").unwrap_or_default();
        let environment = Environment::from([
            ("PATH", path),
            ("HOME", home),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "nobody".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "nothing".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]);
        Self { folder, environment, runs: AtomicUsize::new(0) }
    }

    /// The command in a cloud, whose queues, table and parameters are those of the stack [`STACK`].
    pub async fn of(cloud: &Cloud) -> Self {
        let (worker, jobsender) = (cloud.worker_environment(), cloud.jobsender_environment());
        let stack = json!({
            "version": 1,
            "region": "us-east-1",
            "dashboard": "https://console.example/dashboard",
            "worker": settings(&worker),
            "jobsender": settings(&jobsender),
        });
        cloud.parameters.put(&format!("/longhaul/{STACK}"), ParameterType::String, &stack.to_string()).await;
        let mut longhaul = Self::alone();
        for (name, value) in (&worker).into_iter().filter(|(name, _)| name.starts_with("AWS_")) {
            longhaul = longhaul.with(name, value);
        }
        longhaul
    }

    /// With a variable more, or with another value.
    pub fn with(self, name: &str, value: &str) -> Self {
        Self { environment: self.environment.with(name, value), ..self }
    }

    /// With a variable less.
    pub fn without(self, name: &str) -> Self {
        Self { environment: self.environment.without(name), ..self }
    }

    /// Starts a command.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| self.folder.path().join(format!("{run}-{name}")));
        let file = |path: &Path| Stdio::from(File::create(path).expect("a file for the output"));
        let mut command = Command::new(longhaul());
        command.args(arguments).env_clear().envs(&self.environment).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(file(&stdout)).stderr(file(&stderr)).kill_on_drop(true);
        Running { child: command.spawn().expect("the command starts"), stdout, stderr }
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).ended().await
    }

    /// Runs a command of the stack to its end: its first two words, `--stack`, and the rest.
    pub async fn run_on_stack(&self, command: &str, rest: &[&str]) -> Ended {
        let words: Vec<&str> = command.split(' ').chain(["--stack", STACK]).chain(rest.iter().copied()).collect();
        self.run(&words).await
    }

    /// Starts a worker that takes messages of the stack's queues.
    pub async fn work(&self, rest: &[&str]) -> Running {
        let words: Vec<&str> = ["work", "--stack", STACK].into_iter().chain(rest.iter().copied()).collect();
        let worker = self.start(&words);
        worker.logged("it works", |line| line["event"] == "working").await;
        worker
    }
}

fn settings(environment: &Environment) -> Map<String, Value> {
    let own = environment.into_iter().filter(|(name, _)| !name.starts_with("AWS_") && !name.starts_with("RUST_"));
    own.map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect()
}

/// A command under way. It is killed when this is dropped.
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// Waits for a line of its log, and gives the first that fits.
    pub async fn logged(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(what, async || json_lines(&text(&self.stdout)).into_iter().find(|line| fits(line))).await
    }

    /// Sends it SIGTERM, as `docker stop` and systemd do.
    pub fn terminate(&self) {
        let id = self.child.id().expect("only a command that runs is stopped");
        let sent = std::process::Command::new("sh").arg("-c").arg(format!("kill -TERM {id}")).status();
        assert!(sent.expect("a shell").success(), "process {id} could not be stopped");
    }

    /// Whether it has ended.
    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_some()
    }

    /// Kills it as the kernel would (SIGKILL), and waits until it is no more.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> Ended {
        let status = within("the command ends", self.child.wait()).await.expect("a child can be waited for");
        Ended { code: status.code(), stdout: text(&self.stdout), stderr: text(&self.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the command's output\n{}\n{}", text(&self.stdout), text(&self.stderr));
        }
    }
}

/// What a command came to.
pub struct Ended {
    code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    stderr: String,
}

impl Ended {
    /// Itself, if it ended with this code.
    pub fn assert_exit(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.all());
        self
    }

    /// Itself, if it said all of these words, in any case of letters.
    pub fn assert_says(self, words: &[&str]) -> Self {
        let said = self.all().to_lowercase();
        for word in words {
            assert!(said.contains(&word.to_lowercase()), "nothing is said of {word:?}:\n{}", self.all());
        }
        assert!(!said.contains("panicked"), "{}", self.all());
        self
    }

    /// The lines that it printed for programs.
    pub fn lines(&self) -> Vec<Value> {
        json_lines(&self.stdout)
    }

    /// The first of those lines that fits.
    pub fn line(&self, fits: impl Fn(&Value) -> bool) -> Value {
        self.lines().into_iter().find(|line| fits(line)).unwrap_or_else(|| panic!("no such line:\n{}", self.all()))
    }

    fn all(&self) -> String {
        format!("exit code {:?}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
