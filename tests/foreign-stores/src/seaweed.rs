//! SeaweedFS: master, volumes, filer and S3 in one process.

use std::{
    fs, io,
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::Method;
use python_tools::{NotHere, Server, free_ports, given_or_said};
use serde_json::json;

use crate::{ACCESS_KEY_ID, PACKAGES, SECRET_ACCESS_KEY, http::Connection};

/// A free port may be taken by another process before SeaweedFS listens on it.
const ATTEMPTS: usize = 5;
/// It starts within four seconds on a quiet machine: it holds an election first.
const LIMIT: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(50);

/// A running SeaweedFS of its own, which anybody may read and write, and whoever signs must sign rightly. Dropping it ends
/// it.
#[derive(Debug)]
pub struct SeaweedFs {
    // Fields are dropped in this order: the process ends before its sockets are removed.
    server: Server,
    ports: Ports,
}

impl SeaweedFs {
    /// One for a test. Where it cannot be had it is said that the test did not run, and the test returns.
    ///
    /// # Panics
    /// If it does not start, or `LONGHAUL_REQUIRE_EMULATOR=1` and it cannot be had.
    pub async fn required() -> Option<Self> {
        let started = tokio::task::spawn_blocking(Self::start).await;
        given_or_said(started.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())))
    }

    fn start() -> Result<Self, NotHere> {
        let (python, weed) = (PACKAGES.interpreter()?, PACKAGES.program("weed")?);
        let mut logs = Vec::new();
        for _ in 0..ATTEMPTS {
            match Self::start_on(&python, &weed, Ports::free()) {
                Ok(store) => return Ok(store),
                Err(log) => logs.push(log),
            }
        }
        panic!("SeaweedFS ended {ATTEMPTS} times while it started; its last words:\n{}", logs.concat());
    }

    /// Its log, if it ends before it listens.
    fn start_on(python: &Path, weed: &Path, ports: Ports) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("identities.json"), identities()).expect("a file in a new folder");
        let mut command = Server::guarded(python, weed);
        ports.name(command.args(FIXED));
        let mut store = Self { server: Server::start("SeaweedFS", &mut command, folder), ports };
        let started = Instant::now();
        // Its own word comes first: in rare cases it is somebody else who listens on this port. S3 may listen before there is a
        // volume to write to.
        let words = [format!("at http port {}", store.ports.s3), "added volume server".to_owned()];
        let is_ready = |log: String, port| words.iter().all(|word| log.contains(word)) && answers(port);
        while !is_ready(store.server.log(), store.ports.s3) {
            let server = &mut store.server;
            if server.has_ended() {
                return Err(server.tail());
            }
            assert!(started.elapsed() < LIMIT, "SeaweedFS does not listen after {LIMIT:?}:\n{}", server.tail());
            std::thread::sleep(PAUSE);
        }
        Ok(store)
    }

    /// Where its S3 listens.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.s3)
    }

    /// Makes a bucket.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn create_bucket(&self, name: &str) {
        let mut connection = Connection::open(&self.endpoint()).await;
        let answer = connection.ask(Method::PUT, &format!("/{name}"), Bytes::new()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// Each of its listeners has a port of its own; what is not needed does not listen.
#[derive(Debug)]
struct Ports {
    s3: u16,
    s3_grpc: u16,
    filer: u16,
    filer_grpc: u16,
    master: u16,
    master_grpc: u16,
    volume: u16,
    volume_grpc: u16,
}

/// Folders and listeners. Every bucket takes seven volumes, which take no room before they are filled.
const FIXED: [&str; 13] = [
    "server",
    "-dir=.",
    "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1",
    "-filer",
    "-s3",
    "-s3.config=identities.json",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-master.telemetry=false",
    "-master.volumeSizeLimitMB=1024",
    "-volume.max=100",
    "-volume.preStopSeconds=0",
];

impl Ports {
    fn free() -> Self {
        let [s3, s3_grpc, filer, filer_grpc, master, master_grpc, volume, volume_grpc] = free_ports();
        Self { s3, s3_grpc, filer, filer_grpc, master, master_grpc, volume, volume_grpc }
    }

    fn name(&self, command: &mut Command) {
        let Self { s3, s3_grpc, filer, filer_grpc, master, master_grpc, volume, volume_grpc } = self;
        command.arg(format!("-s3.port={s3}")).arg(format!("-s3.port.grpc={s3_grpc}"));
        command.arg(format!("-filer.port={filer}")).arg(format!("-filer.port.grpc={filer_grpc}"));
        command.arg(format!("-master.port={master}")).arg(format!("-master.port.grpc={master_grpc}"));
        command.arg(format!("-volume.port={volume}")).arg(format!("-volume.port.grpc={volume_grpc}"));
    }
}

impl Drop for Ports {
    /// It leaves sockets in `/tmp`, named after its ports, where no setting can move them from.
    fn drop(&mut self) {
        let Self { s3, s3_grpc, filer, filer_grpc, master_grpc, volume_grpc, .. } = self;
        let sockets = [
            ("s3", s3),
            ("s3-grpc", s3_grpc),
            ("filer", filer),
            ("filer-grpc", filer_grpc),
            ("master-grpc", master_grpc),
            ("volume-grpc", volume_grpc),
        ];
        for (part, port) in sockets {
            // It may not have come to make it.
            let _ = fs::remove_file(format!("/tmp/seaweedfs-{part}-{port}.sock"));
        }
    }
}

fn identities() -> String {
    let signing = json!({
        "name": "signing",
        "credentials": [{ "accessKey": ACCESS_KEY_ID, "secretKey": SECRET_ACCESS_KEY }],
        "actions": ["Admin"],
    });
    json!({ "identities": [signing, { "name": "anonymous", "actions": ["Admin"] }] }).to_string()
}

/// Whether something listens, and speaks HTTP.
fn answers(port: u16) -> bool {
    use io::{Read as _, Write as _};
    let ask = || -> io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(LIMIT))?;
        write!(stream, "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut beginning = [0; 5];
        stream.read_exact(&mut beginning)?;
        Ok(&beginning == b"HTTP/")
    };
    ask().unwrap_or(false)
}
