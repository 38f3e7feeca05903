//! Python among the packages of the emulator, for what this workspace has no crate for.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use python_tools::{Environment, NotHere};
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, process::Command, task::spawn_blocking, time::timeout};

use crate::process::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};

/// The packages of the emulator.
pub(crate) const PACKAGES: Environment =
    Environment { name: "emulator", requirements: include_str!("../requirements.txt") };
/// No script may take longer.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// An interpreter with the packages of the emulator, among them boto3, PyYAML and the SAM translator.
#[derive(Clone, Debug)]
pub struct Python {
    program: PathBuf,
    endpoint: Option<String>,
}

impl Python {
    /// Installs the packages, if they are not there yet.
    ///
    /// # Errors
    /// If there is no Python.
    ///
    /// # Panics
    /// If the packages cannot be installed.
    pub async fn prepare() -> Result<Self, NotHere> {
        let prepared = spawn_blocking(|| PACKAGES.interpreter()).await;
        let program = prepared.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        Ok(Self { program, endpoint: None })
    }

    pub(crate) fn talking_to(self, endpoint: &str) -> Self {
        Self { endpoint: Some(endpoint.to_owned()), ..self }
    }

    /// The interpreter itself, for programs that start it by themselves.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs a script, which reads one JSON value from its input and writes one to its output.
    ///
    /// # Panics
    /// If the script fails, or does not end within five minutes.
    pub async fn run(&self, script: &str, input: &Value) -> Value {
        let output = timeout(LIMIT, self.output(script, input.to_string())).await;
        let output = output.unwrap_or_else(|_| panic!("a script did not end within {LIMIT:?}:\n{script}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "a script failed ({}):\n{errors}", output.status);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("a script's answer is no JSON: {error}"))
    }

    async fn output(&self, script: &str, input: String) -> Output {
        let mut command = Command::new(&self.program);
        command.args(["-c", script]).env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
        command.env("AWS_DEFAULT_REGION", REGION).envs(self.endpoint.iter().map(|url| ("AWS_ENDPOINT_URL", url)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("an interpreter that was installed can be started");
        let stdin = child.stdin.take();
        let feed = async move {
            if let Some(mut stdin) = stdin {
                // A script that fails early reads nothing; its exit tells of it.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        output.expect("a child can be waited for")
    }
}
