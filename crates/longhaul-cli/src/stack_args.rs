//! The command line of what concerns a deployed stack.

use std::time::Duration;

use clap::{Args, Subcommand};

/// How to reach the own account.
#[derive(Debug, Clone, Default, Args)]
pub struct Reach {
    /// The stack's region; otherwise that of the AWS configuration.
    #[arg(long)]
    pub region: Option<String>,
    /// A profile of the AWS configuration files.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

/// A stack, where one is needed.
#[derive(Debug, Clone, Args)]
pub struct StackArgs {
    /// The stack, as CloudFormation names it.
    #[arg(long, value_name = "NAME")]
    pub stack: String,
    #[command(flatten)]
    pub reach: Reach,
}

/// A stack, where there is also something to do without one.
#[derive(Debug, Clone, Default, Args)]
pub struct StackName {
    /// The stack, as CloudFormation names it.
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,
    #[command(flatten)]
    pub reach: Reach,
}

impl StackName {
    /// The stack, if one is named.
    pub fn named(&self) -> Option<StackArgs> {
        Some(StackArgs { stack: self.stack.clone()?, reach: self.reach.clone() })
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Settings are those of the stack's worker; variables of the environment with the same names win over them. Without \
--stack the environment alone has them. JobTimeout is 3500, MaxThread 20 and MaxParallelFile 5 unless the environment \
says otherwise, or the stack something else than the defaults of its functions.")]
pub struct WorkArgs {
    #[command(flatten)]
    pub stack: StackName,
    /// Messages at once [default: MaxParallelFile].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub messages: Option<u16>,
    /// Also compare ranges of large listings, from the queue of scans. It needs the jobsender's rights, which a worker does
    /// not have by itself.
    #[arg(long)]
    pub scan: bool,
    /// When stopped, seconds in which what is in flight may still arrive; then it is given back.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub grace: u64,
    /// Seconds after which the messages of a process that was killed are delivered again.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u32).range(3..=43_200))]
    pub visibility: u32,
}

impl WorkArgs {
    /// How long a stop may take.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.grace)
    }

    /// How long a message stays hidden without a sign of life.
    pub fn visibility(&self) -> Duration {
        Duration::from_secs(self.visibility.into())
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Settings are those of the stack's jobsender; variables of the environment with the same names win over them. Without \
--stack the environment alone has them.")]
pub struct SendArgs {
    #[command(flatten)]
    pub stack: StackName,
    /// Only count what would be sent.
    #[arg(long)]
    pub dry_run: bool,
    /// Seconds after which it stops comparing, even if it is not through [default: JobTimeout, or 3500].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub time_limit: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub enum ParkedCommand {
    /// Show why messages are parked, with a few of each reason.
    List(ParkedListArgs),
    /// Send messages back to the queue they came from: what was parked before the command began, each once. Their deliveries
    /// are counted from zero; finished parts are kept.
    Redrive(RedriveArgs),
}

#[derive(Debug, Args)]
pub struct ParkedListArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    /// Only messages parked for this reason.
    #[arg(long, value_name = "CODE")]
    pub reason: Option<String>,
    /// Look at so many messages at most.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct RedriveArgs {
    #[command(flatten)]
    pub stack: StackArgs,
    #[command(flatten)]
    pub which: Which,
    /// Send back so many at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Only count what would be sent back.
    #[arg(long)]
    pub dry_run: bool,
}

/// Which parked messages are meant: exactly one of these.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// All that are parked for this reason.
    #[arg(long, value_name = "CODE")]
    pub reason: Option<String>,
    /// All.
    #[arg(long)]
    pub all: bool,
    /// The one with this id, as `parked list` shows it.
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum BucketCommand {
    /// Have an existing bucket tell the stack of new objects. What it tells others stays as it is.
    Connect(BucketConnectArgs),
}

#[derive(Debug, Args)]
pub struct BucketConnectArgs {
    /// The bucket.
    pub bucket: String,
    #[command(flatten)]
    pub stack: StackArgs,
    /// Only keys that begin so.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub prefix: String,
}
