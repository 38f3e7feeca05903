//! `rclone serve s3` over a folder.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use python_tools::{NotHere, Server, free_ports, given_or_said};

use crate::{ACCESS_KEY_ID, PACKAGES, SECRET_ACCESS_KEY};

/// A free port may be taken by another process before rclone listens on it.
const ATTEMPTS: usize = 5;
/// It starts at once on a quiet machine.
const LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);

/// A running `rclone serve s3` of its own, whose buckets are folders on this machine. Dropping it ends it.
#[derive(Debug)]
pub struct Rclone {
    server: Server,
    port: u16,
}

impl Rclone {
    /// One for a test. Where it cannot be had it is said that the test did not run, and the test returns.
    ///
    /// # Panics
    /// If it does not start, or `LONGHAUL_REQUIRE_EMULATOR=1` and it cannot be had.
    pub async fn required() -> Option<Self> {
        let started = tokio::task::spawn_blocking(Self::start).await;
        given_or_said(started.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())))
    }

    fn start() -> Result<Self, NotHere> {
        let (python, rclone) = (PACKAGES.interpreter()?, PACKAGES.program("rclone")?);
        let mut logs = Vec::new();
        for _ in 0..ATTEMPTS {
            let [port] = free_ports();
            match Self::start_on(&python, &rclone, port) {
                Ok(store) => return Ok(store),
                Err(log) => logs.push(log),
            }
        }
        panic!("rclone ended {ATTEMPTS} times while it started; its last words:\n{}", logs.concat());
    }

    /// Its log, if it ends before it listens.
    fn start_on(python: &Path, rclone: &Path, port: u16) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("buckets")).expect("a folder in a new folder");
        let mut command = Server::guarded(python, rclone);
        // Nobody's own settings, and none on disk.
        command.args(["serve", "s3", "buckets", "--config", "/dev/null"]).args(["--cache-dir", "cache"]);
        command.arg("--addr").arg(format!("127.0.0.1:{port}"));
        command.arg("--auth-key").arg(format!("{ACCESS_KEY_ID},{SECRET_ACCESS_KEY}"));
        let mut server = Server::start("rclone", &mut command, folder);
        let started = Instant::now();
        let listens = format!("http://127.0.0.1:{port}");
        while !(server.log().contains(&listens) && TcpStream::connect(("127.0.0.1", port)).is_ok()) {
            if server.has_ended() {
                return Err(server.tail());
            }
            assert!(started.elapsed() < LIMIT, "rclone does not listen after {LIMIT:?}:\n{}", server.tail());
            std::thread::sleep(PAUSE);
        }
        Ok(Self { server, port })
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes a bucket, and says which folder it is.
    ///
    /// # Panics
    /// If it is there already.
    pub fn create_bucket(&self, name: &str) -> PathBuf {
        let folder = self.server.folder().join("buckets").join(name);
        fs::create_dir(&folder).expect("a new bucket");
        folder
    }
}
