//! Runs the real `longhaul` against a test S3 in another process, and measures it.
//!
//! Peak memory is the kernel's high-water mark of the process (`VmHWM`, proc(5)), processor time that of its threads.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use test_s3::{KeyShape, SyntheticKeys};

/// How often the process is looked at. Both figures only rise, so the last look before the end is the result.
const GLANCE: Duration = Duration::from_millis(20);
/// Clock ticks a second in `/proc/PID/stat` (USER_HZ, which Linux fixes at 100 for all programs).
const TICKS: f64 = 100.0;

/// A program of this workspace, from the folder in which this one lies.
pub fn program(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("this program has a path");
    let folders = here.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("{name} is not built beside {here:?}: run cargo build -p longhaul-cli -p test-s3 with the same profile")
    })
}

/// A test S3 in a process of its own; it ends with this value.
pub struct ServerProcess {
    child: Child,
    /// Its address.
    pub endpoint: String,
    /// The file with its CA certificate.
    pub ca: Option<String>,
}

impl ServerProcess {
    /// Starts it and waits until it serves.
    pub fn start(args: &[String]) -> Self {
        let mut command = Command::new(program("test-s3"));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the test S3 starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output is piped");
        BufReader::new(out).read_line(&mut line).expect("the test S3 says where it is");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        Self { child, endpoint: text("endpoint").expect("an endpoint"), ca: text("ca") }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It ends when its standard input does; there is nobody left to tell if that fails.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What a run of `longhaul` cost.
#[derive(Debug, Clone)]
pub struct Measured {
    /// High-water mark of the resident set in bytes.
    pub peak_bytes: u64,
    /// Wall seconds.
    pub seconds: f64,
    /// Processor seconds, user and system.
    pub cpu_seconds: f64,
    /// The summary that it printed.
    pub summary: Value,
    /// The keys that it would copy, sorted.
    pub would_copy: Vec<String>,
}

/// Runs `longhaul` with `--json` to its end.
pub fn measure(server: &ServerProcess, args: &[&str]) -> Measured {
    let home = tempfile::tempdir().expect("a folder for the ledger");
    let mut command = Command::new(program("longhaul"));
    command.args(args).arg("--json").args(["--from-endpoint", &server.endpoint, "--to-endpoint", &server.endpoint]);
    command.args([
        "--from-provider",
        "aws",
        "--to-provider",
        "aws",
        "--from-region",
        "us-east-1",
        "--to-region",
        "us-east-1",
    ]);
    command.arg("--force-path-style").arg("--ledger").arg(home.path().join("ledger.sqlite"));
    command
        .env_clear()
        .env("HOME", home.path())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "testsecret");
    if let Some(ca) = &server.ca {
        command.arg("--ca-bundle").arg(ca);
    }
    let began = Instant::now();
    let mut child = command.current_dir(home.path()).stdout(Stdio::piped()).spawn().expect("longhaul starts");
    let out = BufReader::new(child.stdout.take().expect("its output is piped"));
    let reader = std::thread::spawn(move || read_lines(out));
    let (mut peak_bytes, mut cpu_seconds) = (0, 0.0);
    let status = loop {
        peak_bytes = high_water(child.id()).unwrap_or(peak_bytes);
        cpu_seconds = processor_time(child.id()).unwrap_or(cpu_seconds);
        if let Some(status) = child.try_wait().expect("longhaul can be awaited") {
            break status;
        }
        std::thread::sleep(GLANCE);
    };
    let (last, mut would_copy) = reader.join().expect("its output can be read");
    would_copy.sort_unstable();
    let summary: Value = serde_json::from_str(&last).unwrap_or_else(|error| panic!("{last:?}: {error}"));
    assert!(status.success(), "longhaul ended with {status}: {summary}");
    Measured { peak_bytes, seconds: began.elapsed().as_secs_f64(), cpu_seconds, summary, would_copy }
}

fn read_lines(out: impl BufRead) -> (String, Vec<String>) {
    let (mut last, mut would_copy) = (String::new(), Vec::new());
    for line in out.lines().map_while(Result::ok) {
        if line.contains("\"event\":\"would-copy\"") {
            let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
            would_copy.push(said["source"].as_str().expect("a key").to_owned());
        }
        last = line;
    }
    (last, would_copy)
}

fn high_water(id: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn processor_time(id: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The program's name, in brackets, may hold spaces; the figures begin behind it, utime and stime as 12th and 13th.
    let figures: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| figures.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS)
}

/// One giant synthetic object over TLS, sent and thrown away by the server.
pub fn giant(size: u64, part_size: u64, concurrency: u32) -> Measured {
    let args = [
        "--tls",
        "--cheap-etags",
        "--no-record",
        "--bucket",
        "src",
        "--bucket",
        "dst",
        "--discard",
        "dst",
        "--synthetic",
    ];
    let mut args: Vec<String> = args.map(str::to_owned).into();
    args.push(format!("src/giant={size}"));
    let server = ServerProcess::start(&args);
    let (part_size, concurrency) = (format!("{part_size}B"), concurrency.to_string());
    let args = [
        "copy",
        "s3://src/giant",
        "s3://dst/giant",
        "--no-server-side",
        "--part-size",
        &part_size,
        "--concurrency",
        &concurrency,
    ];
    measure(&server, &args)
}

/// What is compared with what.
#[derive(Debug, Clone, Copy)]
pub struct Diff {
    /// Keys on each side.
    pub keys: u64,
    /// Every so manieth differs; none if 0.
    pub differing_every: u64,
    /// What they look like.
    pub shape: KeyShape,
    /// Listings side by side.
    pub ranges: u32,
}

impl Diff {
    /// The keys that differ, sorted.
    fn differing(self) -> Vec<String> {
        let keys = SyntheticKeys { shape: self.shape, ..SyntheticKeys::new(self.keys) };
        match self.differing_every {
            0 => Vec::new(),
            every => (every - 1..self.keys).step_by(every as usize).map(|index| keys.key(index)).collect(),
        }
    }
}

/// Compares two synthetic listings.
///
/// # Panics
/// If it finds anything but the keys that differ, each once.
pub fn diff(wanted: Diff) -> Measured {
    let args = ["--tls", "--cheap-etags", "--no-record", "--synthetic-keys"];
    let mut args: Vec<String> = args.map(str::to_owned).into();
    let Diff { keys, differing_every, shape, ranges } = wanted;
    let shape = if shape == KeyShape::Awkward { ":awkward" } else { "" };
    args.extend([format!("src-keys={keys}:0{shape}"), "--synthetic-keys".into()]);
    args.push(format!("dst-keys={keys}:{differing_every}{shape}"));
    let server = ServerProcess::start(&args);
    let ranges = ranges.to_string();
    let measured = measure(&server, &["copy", "s3://src-keys", "s3://dst-keys", "--dry-run", "--list-ranges", &ranges]);
    assert_eq!(measured.summary["objects"], keys, "{}", measured.summary);
    // Not assert_eq: thousands of keys would be printed.
    assert!(measured.would_copy == wanted.differing(), "{} keys were found to differ", measured.would_copy.len());
    measured
}
