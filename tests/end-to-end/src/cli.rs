//! The command line of a run, and its start.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::process::Command;

use crate::{
    binary::binary,
    finished::Finished,
    running::{Files, Running},
    world::World,
};

/// A command that can be run, any number of times. Every run has a report file of its own.
#[derive(Debug, Clone)]
pub struct Cli {
    places: [OsString; 2],
    flags: Vec<(String, Option<OsString>)>,
    environment: BTreeMap<&'static str, OsString>,
    folder: PathBuf,
}

impl Cli {
    /// `longhaul copy` with what every test wants: the world's server on the sides that are buckets, its ledger, its
    /// credentials, and JSON.
    pub(crate) fn copy(world: &World, source: &OsStr, destination: &OsStr) -> Self {
        let places = [source.to_owned(), destination.to_owned()];
        let environment = environment(&world.path("home"));
        let cli = Self { places, flags: Vec::new(), environment, folder: world.folder().to_owned() };
        let mut cli = cli.switch("--json").set("--ledger", world.ledger());
        for (place, side) in [(source, "from"), (destination, "to")] {
            if place.to_str().is_some_and(|place| place.starts_with("s3://")) {
                cli = cli
                    .set(&format!("--{side}-endpoint"), world.server.endpoint())
                    .set(&format!("--{side}-provider"), "aws")
                    .set(&format!("--{side}-region"), "us-east-1");
            }
        }
        cli
    }

    /// A flag with a value, in place of any it had.
    #[must_use]
    pub fn set(self, flag: &str, value: impl AsRef<OsStr>) -> Self {
        self.without(flag).add(flag, value)
    }

    /// A flag with one more value.
    #[must_use]
    pub fn add(mut self, flag: &str, value: impl AsRef<OsStr>) -> Self {
        self.flags.push((flag.to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// A flag without a value.
    #[must_use]
    pub fn switch(mut self, flag: &str) -> Self {
        self.flags.push((flag.to_owned(), None));
        self
    }

    /// A flag less.
    #[must_use]
    pub fn without(mut self, flag: &str) -> Self {
        self.flags.retain(|(name, _)| name != flag);
        self
    }

    /// A variable of the command's environment.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.environment.insert(name, value.as_ref().to_owned());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn spawn(&self) -> Running {
        let files = self.files();
        let file = |path: &Path| Stdio::from(File::create(path).expect("a file for the output"));
        let mut command = Command::new(binary());
        command.env_clear().envs(&self.environment).current_dir(self.folder.join("work"));
        command.arg("copy").args(&self.places).arg("--report").arg(&files.report);
        for (flag, value) in &self.flags {
            command.arg(flag).args(value);
        }
        // Files and not pipes: nobody has to read them for the command to go on.
        command.stdin(Stdio::null()).stdout(file(&files.stdout)).stderr(file(&files.stderr)).kill_on_drop(true);
        Running::new(command.spawn().expect("the command starts"), files)
    }

    /// Runs it to its end.
    pub async fn run(&self) -> Finished {
        self.spawn().finish().await
    }

    fn files(&self) -> Files {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let folder = self.folder.join("runs").join(RUNS.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir(&folder).expect("a folder for the output");
        Files { stdout: folder.join("stdout"), stderr: folder.join("stderr"), report: folder.join("report.jsonl") }
    }
}

/// `longhaul` with these arguments and nothing else, in the world's folder `work`.
pub(crate) fn command(world: &World, args: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(binary());
    command.env_clear().envs(environment(&world.path("home"))).current_dir(world.work()).args(args);
    command.stdin(Stdio::null());
    command
}

/// Nothing of this machine's own configuration reaches the command.
fn environment(home: &Path) -> BTreeMap<&'static str, OsString> {
    BTreeMap::from([
        ("PATH", env::var_os("PATH").unwrap_or_default()),
        ("HOME", home.as_os_str().to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".into()),
        ("AWS_SECRET_ACCESS_KEY", "testsecret".into()),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ("RUST_BACKTRACE", "1".into()),
    ])
}
