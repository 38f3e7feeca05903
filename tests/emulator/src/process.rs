//! The emulator as a process: started on a free port, waited for, and ended with its functions.

use std::{
    ffi::OsString,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use python_tools::{NotHere, Server, free_ports};
use tempfile::TempDir;

use crate::{health::is_healthy, package, python::Python};

/// The account that everything is in.
pub const ACCOUNT_ID: &str = "000000000000";
/// The access key of that account: the emulator takes twelve digits for an account, and gives its functions this key.
pub const ACCESS_KEY_ID: &str = ACCOUNT_ID;
/// The secret that the emulator gives its functions. It checks no signature itself.
pub const SECRET_ACCESS_KEY: &str = "test";
/// The region that everything is in.
pub const REGION: &str = "us-east-1";

const LAUNCH: &str = include_str!("launch.py");
/// A free port may be taken by another process before the emulator listens on it.
const ATTEMPTS: usize = 5;
/// It starts within a second on a quiet machine.
const LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);

/// A running emulator of its own. Dropping it ends it, and every function it started.
#[derive(Debug)]
pub struct Emulator {
    python: Python,
    process: Process,
}

impl Emulator {
    /// Starts one on a free port of 127.0.0.1, and waits until it is healthy.
    ///
    /// # Errors
    /// If there is no Python.
    ///
    /// # Panics
    /// If its packages cannot be installed, or it does not become healthy.
    pub async fn start() -> Result<Self, NotHere> {
        let python = Python::prepare().await?;
        let mut logs = Vec::new();
        for _ in 0..ATTEMPTS {
            let [port] = free_ports();
            match Process::start(python.program(), port).await {
                Ok(process) => return Ok(Self { python: python.talking_to(&process.endpoint), process }),
                Err(log) => logs.push(log),
            }
        }
        panic!("the emulator ended {ATTEMPTS} times while it started; its last words:\n{}", logs.concat());
    }

    /// Starts one on this port of 127.0.0.1, and waits until it is healthy.
    ///
    /// # Errors
    /// If there is no Python.
    ///
    /// # Panics
    /// If its packages cannot be installed, or it does not become healthy, because the port is taken for instance.
    pub async fn start_on(port: u16) -> Result<Self, NotHere> {
        let python = Python::prepare().await?;
        let started = Process::start(python.program(), port).await;
        let process = started
            .unwrap_or_else(|log| panic!("the emulator ended while it started on port {port}; its last words:\n{log}"));
        Ok(Self { python: python.talking_to(&process.endpoint), process })
    }

    /// Where it listens, for all services, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.process.endpoint.clone()
    }

    /// Everything it logged so far. A function's output is here once its invocation has ended.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Python with the packages of the emulator, whose AWS is this emulator.
    #[must_use]
    pub fn python(&self) -> &Python {
        &self.python
    }

    /// A function's package: a zip with this binary as `bootstrap`.
    ///
    /// # Panics
    /// If there is no such binary.
    pub async fn package(&self, binary: &Path) -> Vec<u8> {
        package::zip(&self.python, binary).await
    }
}

#[derive(Debug)]
struct Process {
    endpoint: String,
    // Functions are in its process group.
    server: Server,
}

impl Process {
    /// Its log, if it ends before it is healthy.
    async fn start(python: &Path, port: u16) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut process = Self { endpoint: format!("http://127.0.0.1:{port}"), server: spawn(python, folder, port) };
        let started = Instant::now();
        // Its own word comes first: in rare cases it is somebody else who answers on this port.
        let listens = format!("Running on {}", process.endpoint);
        while !(process.log().contains(&listens) && is_healthy(port).await) {
            let server = &mut process.server;
            if server.has_ended() {
                return Err(server.tail());
            }
            assert!(started.elapsed() < LIMIT, "the emulator is not healthy after {LIMIT:?}:\n{}", server.tail());
            tokio::time::sleep(PAUSE).await;
        }
        Ok(process)
    }

    fn log(&self) -> String {
        self.server.log()
    }
}

fn spawn(python: &Path, folder: TempDir, port: u16) -> Server {
    let temporary = folder.path().join("tmp");
    fs::create_dir(&temporary).expect("a folder can be made in a temporary folder");
    let mut command = Command::new(python);
    command.args(["-c", LAUNCH]).env_clear().envs(environment(&temporary, port));
    Server::start("the emulator", &mut command, folder)
}

/// Functions inherit all of it, so that nothing of this machine's own configuration is in it.
fn environment(temporary: &Path, port: u16) -> Vec<(&'static str, OsString)> {
    let endpoint = format!("http://127.0.0.1:{port}");
    vec![
        ("PATH", std::env::var_os("PATH").unwrap_or_default()),
        ("HOME", temporary.as_os_str().to_owned()),
        ("TMPDIR", temporary.as_os_str().to_owned()),
        ("BIND_HOST", "127.0.0.1".into()),
        ("GATEWAY_PORT", port.to_string().into()),
        // Queue URLs name it, and must be reachable in the same way as the endpoint.
        ("MINISTACK_HOST", "127.0.0.1".into()),
        ("IOT_MTLS_ENABLED", "0".into()),
        // For the functions it starts.
        ("AWS_ENDPOINT_URL", endpoint.into()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.into()),
        ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ("RUST_BACKTRACE", "1".into()),
    ]
}
