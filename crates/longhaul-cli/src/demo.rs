//! `longhaul demo`: no account, no network, no setting.
//!
//! Two S3 endpoints run inside this process; the copy is this same program as a child. It is killed half-way, as a crash
//! would, started again, and what arrived is compared byte for byte by code that knows nothing of the engine.

use std::{
    collections::HashMap,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, HumanCount};
use serde_json::{Value, json};
use test_s3::{Options, Server, Versioning};
use tokio::process::{Child, Command};

use crate::{
    args::DemoArgs,
    demo_data::{self, Made, Size},
    failure::{Exit, Failure},
    out::{self, say},
};

const SOURCE: &str = "demo-source";
const DESTINATION: &str = "demo-destination";
const PART: u64 = 8 << 20;
/// How often the child's memory is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// Runs the demo and says what happened.
pub async fn run(args: DemoArgs, json: bool) -> Result<Exit, Failure> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let size =
        Size { small: args.small_objects, large: args.large_objects.max(1), large_bytes: args.large_mib.max(32) << 20 };
    let stage = Stage::set(seed, size).await?;
    let made = stage.made;
    tell_person(
        json,
        &format!("two S3 endpoints on this machine: {} and {}", stage.source.endpoint(), stage.destination.endpoint()),
    );
    tell_person(
        json,
        &format!(
            "{} objects, {}: empty ones, awkward keys, {} of {} each (seed {seed})",
            HumanCount(made.objects),
            HumanBytes(made.bytes),
            size.large,
            HumanBytes(size.large_bytes)
        ),
    );
    let began = Instant::now();
    let killed_at = stage.copy_until_killed(size).await?;
    tell_person(json, &format!("copying, and killed half-way, as a crash would do it: {killed_at} parts had arrived"));
    let (summary, peak_kib) = stage.copy_to_the_end().await?;
    let seconds = began.elapsed().as_secs_f64();
    tell_person(json, "started again with the same command: done. Now every byte is compared, independently");
    let wrong = stage.differences();
    let repeated = stage.parts_sent_twice();
    let rate = made.bytes as f64 / seconds;
    let resumed = summary["parts_resumed"].as_u64().unwrap_or(0);
    let line = json!({ "event": "demo", "seed": seed, "objects": made.objects, "bytes": made.bytes, "wrong_objects": wrong.len(),
        "parts_before_kill": killed_at, "parts_not_sent_again": resumed, "accepted_parts_sent_twice": repeated,
        "seconds": seconds, "bytes_per_second": rate as u64, "peak_memory_bytes": peak_kib * 1024 });
    if json {
        out::object(&line);
    } else {
        say!("  objects               {}", HumanCount(made.objects));
        say!("  bytes                 {}", HumanBytes(made.bytes));
        say!("  wrong objects         {}", wrong.len());
        say!("  parts not sent again  {resumed} (accepted parts sent twice: {repeated})");
        say!("  time                  {seconds:.1} s, the crash included");
        say!("  rate                  {:.1} MB/s, client and both servers on this one machine", rate / 1e6);
        say!("  peak memory           {} (the copying process)", HumanBytes(peak_kib * 1024));
    }
    if wrong.is_empty() && repeated == 0 {
        return Ok(Exit::Done);
    }
    let shown: Vec<_> = wrong.iter().take(5).collect();
    Err(Failure { exit: Exit::Different, message: format!("the demo found differences: {shown:?}"), advice: None })
}

fn tell_person(json: bool, words: &str) {
    if !json {
        say!("{words}");
    }
}

/// Both endpoints and a folder for ledger and home.
struct Stage {
    source: Server,
    destination: Server,
    made: Made,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn set(seed: u64, size: Size) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::usage(format!("the demo could not start: {error}"));
        // MD5 would cost more than all the rest; these servers tag by CRC.
        let options = || Options { cheap_etags: true, seed, ..Options::default() };
        let source = Server::start(options()).await.map_err(failed)?;
        let destination = Server::start(options()).await.map_err(failed)?;
        source.store().create_bucket(SOURCE, Versioning::Enabled);
        destination.store().create_bucket(DESTINATION, Versioning::Enabled);
        let made = demo_data::fill(&source.store(), SOURCE, size, seed);
        Ok(Self { source, destination, made, folder: tempfile::tempdir().map_err(failed)? })
    }

    fn start(&self) -> Result<Child, Failure> {
        let program =
            std::env::current_exe().map_err(|error| Failure::usage(format!("where is this program? {error}")))?;
        let mut command = Command::new(program);
        command.args(["copy", &format!("s3://{SOURCE}"), &format!("s3://{DESTINATION}/copy"), "--json"]);
        command.args(["--from-endpoint", &self.source.endpoint(), "--to-endpoint", &self.destination.endpoint()]);
        command.args(["--from-provider", "aws", "--to-provider", "aws", "--force-path-style"]);
        command.args(["--from-region", "us-east-1", "--to-region", "us-east-1"]);
        command.arg("--ledger").arg(self.folder.path().join("ledger.sqlite"));
        command.env_clear().env("HOME", self.folder.path()).current_dir(self.folder.path());
        // The demo servers' own keys; they open nothing else.
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "testsecret");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        command.spawn().map_err(|error| Failure::usage(format!("the copy could not be started: {error}")))
    }

    /// Kills the copy when half of the parts have arrived; answers how many had.
    async fn copy_until_killed(&self, size: Size) -> Result<u64, Failure> {
        let half = (size.large_bytes.div_ceil(PART) * u64::from(size.large)).div_ceil(2);
        let child = self.start()?;
        let id = child.id();
        let finished = finish(child);
        tokio::pin!(finished);
        tokio::select! {
            () = self.destination.wait_for_parts(half) => kill(id).await?,
            ended = &mut finished => {
                let (output, _) = ended?;
                return Err(Failure::usage(format!("the copy ended before it could be killed: {output}")));
            }
        }
        finished.await?;
        Ok(self.destination.accepted_parts())
    }

    /// The same command again; answers its summary and its peak memory in KiB.
    async fn copy_to_the_end(&self) -> Result<(Value, u64), Failure> {
        let (output, peak) = finish(self.start()?).await?;
        let last = output.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
        match last.filter(|line| line["event"] == "summary" && line["exit_code"] == 0) {
            Some(summary) => Ok((summary, peak)),
            None => Err(Failure::usage(format!("the copy did not end well: {output}"))),
        }
    }

    /// Keys whose copy is absent or holds other bytes.
    fn differences(&self) -> Vec<String> {
        let (from, to) = (self.source.store(), self.destination.store());
        let wrong = |key: &String| {
            let copied = to.sha256(DESTINATION, &format!("copy/{key}"));
            copied.is_none() || copied != from.sha256(SOURCE, key)
        };
        from.keys(SOURCE).into_iter().filter(wrong).collect()
    }

    /// Parts that the destination had accepted and that were sent to the same upload again.
    fn parts_sent_twice(&self) -> usize {
        let mut sent: HashMap<(String, u16), usize> = HashMap::new();
        for request in self.destination.requests() {
            if let ("UploadPart", true, Some(id), Some(number)) =
                (request.operation, request.effect_happened, request.upload_id, request.part_number)
            {
                *sent.entry((id, number)).or_default() += 1;
            }
        }
        sent.values().filter(|count| **count > 1).count()
    }
}

/// Waits for the child; answers what it printed and its peak memory in KiB.
async fn finish(child: Child) -> Result<(String, u64), Failure> {
    let status = child.id().map(|id| PathBuf::from(format!("/proc/{id}/status")));
    let waiting = child.wait_with_output();
    tokio::pin!(waiting);
    let mut peak = 0;
    loop {
        tokio::select! {
            output = &mut waiting => {
                let output = output.map_err(|error| Failure::usage(format!("the copy could not be awaited: {error}")))?;
                return Ok((String::from_utf8_lossy(&output.stdout).into_owned(), peak));
            }
            () = tokio::time::sleep(GLANCE) => {
                // The kernel's high-water mark only rises, so the last glance is the peak.
                peak = status.as_ref().and_then(high_water_kib).unwrap_or(peak);
            }
        }
    }
}

/// `VmHWM` of a process in KiB (proc(5)); not every system has it.
fn high_water_kib(status: &PathBuf) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

async fn kill(id: Option<u32>) -> Result<(), Failure> {
    let id = id.ok_or_else(|| Failure::usage("the copy ended before it could be killed"))?;
    let killed = Command::new("kill").args(["-KILL", &id.to_string()]).status().await;
    killed.map(|_| ()).map_err(|error| Failure::usage(format!("the copy could not be killed: {error}")))
}
