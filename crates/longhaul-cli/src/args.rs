//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    check_args::CheckCommand,
    provider_name::ProviderName,
    settings::CopySettings,
    stack_args::{BucketCommand, ParkedCommand, SendArgs, StackName, WorkArgs},
};

/// Moves objects between stores that cannot copy to each other. Resumes at the part, and proves what it did.
#[derive(Debug, Parser)]
#[command(name = "longhaul", version, about, max_term_width = 110, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub output: Output,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    all done
  1    usage or configuration is wrong (also: bucket missing, credentials refused)
  2    some of it failed; run the same command again, finished parts are kept
  3    the comparison at the end found differences
  130  interrupted; run the same command again to resume";

/// How the command speaks.
#[derive(Debug, Clone, Args)]
pub struct Output {
    /// Print one JSON object a line, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    /// How much is logged: error, warn, info, debug or trace; also filters such as "longhaul=debug" [default: warn; work:
    /// RUST_LOG, or info].
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Write the log, as JSON lines, to this file and not to the terminal.
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Copy what is missing or different from SRC to DST. Never deletes.
    Copy(Box<CopyArgs>),
    /// List or abort unfinished multipart uploads.
    #[command(subcommand)]
    Uploads(UploadsCommand),
    /// List objects.
    Ls(LsArgs),
    /// Show what the ledger knows; with --stack, what a deployed stack does.
    Status(StatusArgs),
    /// Work on the queues as a stack's worker does, until stopped.
    Work(WorkArgs),
    /// Compare the routes and send jobs for what is missing or different, as a stack's jobsender does.
    Send(SendArgs),
    /// Look at the messages that wait for help, or send them back to work.
    #[command(subcommand)]
    Parked(ParkedCommand),
    /// Connect buckets to a stack.
    #[command(subcommand)]
    Bucket(BucketCommand),
    /// Read what a stack is to be given as the stack will read it, before it is deployed.
    #[command(subcommand)]
    Check(CheckCommand),
    /// Show it all on this machine: no account, no network, no setting.
    Demo(DemoArgs),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub struct CopyArgs {
    /// Where to read: s3://bucket/prefix, s3://bucket/key, a folder or a file.
    pub source: String,
    /// Where to write: s3://bucket/prefix, or a folder.
    pub destination: String,
    /// SRC and DST are both on this machine, and not in a store.
    #[arg(long)]
    pub local: bool,
    /// Read settings from this file. No other file is read: a longhaul.toml has to be named, too. Flags win.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub settings: CopySettings,
}

#[derive(Debug, Subcommand)]
pub enum UploadsCommand {
    /// List unfinished uploads: those of the ledger, or with --all every one under a place.
    List(UploadsArgs),
    /// Abort unfinished uploads: those of the ledger, or with --all every one under a place. Asks before.
    Abort {
        #[command(flatten)]
        uploads: UploadsArgs,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Args)]
pub struct UploadsArgs {
    /// Where: s3://bucket/prefix or a folder.
    pub place: String,
    /// Also uploads that longhaul's ledger does not know: those of other tools and machines.
    #[arg(long)]
    pub all: bool,
    /// Only uploads begun at least so many hours ago.
    #[arg(long, value_name = "HOURS")]
    pub older_than: Option<u32>,
    #[command(flatten)]
    pub side: Side,
    /// The ledger file.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct LsArgs {
    /// Where: s3://bucket/prefix or a folder.
    pub place: String,
    #[command(flatten)]
    pub side: Side,
}

/// How to reach one store.
#[derive(Debug, Clone, Default, Args)]
pub struct Side {
    /// A profile of the AWS configuration files.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// The store's address, if it is not Amazon's.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The region; found by itself when not given.
    #[arg(long)]
    pub region: Option<String>,
    /// Who runs the store, if its address does not tell.
    #[arg(long, value_enum)]
    pub provider: Option<ProviderName>,
    /// Ask without credentials.
    #[arg(long)]
    pub no_sign_request: bool,
    /// You, the requester, pay.
    #[arg(long)]
    pub request_payer: bool,
    /// Put the bucket in the path and not in the host name.
    #[arg(long)]
    pub force_path_style: bool,
    /// Permit http:// to other machines.
    #[arg(long)]
    pub allow_http: bool,
    /// Trust the certificates in this PEM file too (also: AWS_CA_BUNDLE).
    #[arg(long, value_name = "FILE")]
    pub ca_bundle: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Only destinations whose key begins with this text.
    #[arg(long, value_name = "TEXT", conflicts_with = "stack")]
    pub prefix: Option<String>,
    /// Show so many unfinished or failed objects; of a stack, so many examples of each kind [default: 50; of a stack: 5].
    #[arg(long)]
    pub limit: Option<u32>,
    /// The ledger file.
    #[arg(long, value_name = "FILE", conflicts_with = "stack")]
    pub ledger: Option<PathBuf>,
    #[command(flatten)]
    pub stack: StackName,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Small objects in the data set.
    #[arg(long, default_value_t = 3000)]
    pub small_objects: u32,
    /// Large objects, each of --large-mib MiB.
    #[arg(long, default_value_t = 3)]
    pub large_objects: u32,
    /// MiB of a large object.
    #[arg(long, default_value_t = 256)]
    pub large_mib: u64,
    /// Makes the data; printed, so that a run can be repeated.
    #[arg(long)]
    pub seed: Option<u64>,
}
