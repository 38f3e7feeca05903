//! Size and start of the Lambdas: `make bench-lambda`.
//!
//! The size that counts is that of the package: a zip with the stripped binary as `bootstrap`, compressed as
//! `sam package` does it (deflate, at its usual level). The start is measured from the creation of the process to its
//! first question for work at a fake of Lambda's Runtime API, with the environment of a deployed function. Its services
//! are at an address where nobody listens: a start asks none of them anything.
//!
//! Ends with 1 if a package or a start is not within its bounds, and with 2 if something could not be measured.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use clap::Parser;
use serverless::{BUCKET_PARA, CREDENTIALS, Environment, Function, IGNORE_LIST, Program};

/// A package must be smaller: 8 MB.
const MOST_BYTES: u64 = 8_000_000;
/// The median of the starts must be shorter.
const LONGEST_START: Duration = Duration::from_millis(50);
/// Nobody listens on the port of the discard service.
const NOWHERE: &str = "http://127.0.0.1:9";

const TOO_LARGE_OR_SLOW: u8 = 1;
const NOT_MEASURED: u8 = 2;

/// Python's own library only: no package has to be installed for it.
const ZIP: &str = "import sys, zipfile
with zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED) as package:
    package.write(sys.argv[1], 'bootstrap')
";

/// Measures the size of the Lambdas' packages, and their time from the start of the process to its first poll.
#[derive(Parser)]
#[command(name = "bench-lambda")]
struct Args {
    /// The worker's binary; if it is not given, that of the profile `lambda`.
    #[arg(long)]
    worker: Option<PathBuf>,
    /// The jobsender's binary; if it is not given, that of the profile `lambda`.
    #[arg(long)]
    jobsender: Option<PathBuf>,
    /// How often each one is started.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

/// What was measured of one program.
struct Measured {
    name: &'static str,
    stripped: u64,
    package: u64,
    /// In their order of length.
    starts: Vec<Duration>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let mut all = Vec::new();
    for (program, given) in [(Program::Worker, args.worker), (Program::Jobsender, args.jobsender)] {
        let binary = given.unwrap_or_else(|| built(program));
        match measure(program, &binary, args.runs).await {
            Ok(measured) => all.push(measured),
            Err(error) => {
                eprintln!("{} cannot be measured: {error}", binary.display());
                return ExitCode::from(NOT_MEASURED);
            }
        }
    }
    print(&all);
    if all.iter().all(Measured::is_within_bounds) { ExitCode::SUCCESS } else { ExitCode::from(TOO_LARGE_OR_SLOW) }
}

/// Where `cargo build --profile lambda` leaves it.
fn built(program: Program) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"));
    target.join("lambda").join(program.name())
}

async fn measure(program: Program, binary: &Path, runs: u32) -> Result<Measured, String> {
    let binary =
        binary.canonicalize().map_err(|error| format!("{error}; build it first: cargo build --profile lambda"))?;
    let (stripped, package) = sizes(&binary)?;
    let mut starts = Vec::new();
    for _ in 0..runs {
        starts.push(start(program, &binary).await?);
    }
    starts.sort();
    Ok(Measured { name: program.name(), stripped, package, starts })
}

/// The bytes of the stripped binary and of its package.
fn sizes(binary: &Path) -> Result<(u64, u64), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (stripped, package) = (folder.path().join("bootstrap"), folder.path().join("package.zip"));
    run(Command::new("strip").arg("-o").arg(&stripped).arg(binary))?;
    run(Command::new("python3").args(["-c", ZIP]).arg(&stripped).arg(&package))?;
    let size = |path: &Path| fs::metadata(path).map(|file| file.len()).map_err(|error| error.to_string());
    Ok((size(&stripped)?, size(&package)?))
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program} is needed and cannot be run: {error}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{program} failed: {errors}")) }
}

/// The time to the first poll of one process.
async fn start(program: Program, binary: &Path) -> Result<Duration, String> {
    let function = Function::start_binary(program, binary, &environment(program)).await;
    function.ready().await;
    let time = function.time_to_first_poll();
    function.kill().await;
    time.ok_or_else(|| "it never asked for work".to_owned())
}

/// What the template and Lambda give to a function.
fn environment(program: Program) -> Environment {
    let queue = |name: &str| format!("{NOWHERE}/000000000000/longhaul-{name}");
    let common = Environment::from([
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("AWS_SESSION_TOKEN", "token".to_owned()),
        ("AWS_ENDPOINT_URL", NOWHERE.to_owned()),
        ("table_queue_name", "longhaul-Table".to_owned()),
        ("sqs_queue_parked", queue("parked")),
        ("ssm_parameter_credentials", CREDENTIALS.to_owned()),
        ("ssm_parameter_bucket", BUCKET_PARA.to_owned()),
        ("ssm_parameter_ignore_list", IGNORE_LIST.to_owned()),
        ("JobType", "PUT".to_owned()),
    ]);
    match program {
        Program::Worker => common
            .with("sqs_queue_events", queue("events"))
            .with("sqs_queue_jobs", queue("jobs"))
            .with("sqs_queue_segments", queue("segments"))
            .with("Des_bucket_default", "their-bucket"),
        Program::Jobsender => common.with("sqs_queue", queue("jobs")),
    }
}

impl Measured {
    /// Of an even number the mean of the two in the middle.
    fn median(&self) -> Duration {
        let count = self.starts.len();
        (self.starts[(count - 1) / 2] + self.starts[count / 2]) / 2
    }

    fn is_within_bounds(&self) -> bool {
        self.package < MOST_BYTES && self.median() < LONGEST_START
    }
}

fn print(all: &[Measured]) {
    let megabytes = |bytes: u64| format!("{:.2} MB", bytes as f64 / 1e6);
    let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    println!(
        "{:<10} {:>10} {:>10} {:>12} {:>10} {:>10} {:>6}",
        "", "stripped", "zip", "first poll", "fastest", "slowest", "runs"
    );
    for measured in all {
        let (fastest, slowest) = (measured.starts[0], measured.starts[measured.starts.len() - 1]);
        println!(
            "{:<10} {:>10} {:>10} {:>12} {:>10} {:>10} {:>6}",
            measured.name,
            megabytes(measured.stripped),
            megabytes(measured.package),
            milliseconds(measured.median()),
            milliseconds(fastest),
            milliseconds(slowest),
            measured.starts.len()
        );
    }
    println!(
        "bounds: zip below {}, first poll (median, from the start of the process) below {}",
        megabytes(MOST_BYTES),
        milliseconds(LONGEST_START)
    );
}
