//! The command line of `longhaul check`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub enum CheckCommand {
    /// Read an ignore list: how many patterns it has, or which line of it names nothing.
    IgnoreList {
        /// The list.
        file: PathBuf,
    },
    /// Read routes, and, if both sides are known, refuse a destination inside its own source.
    Routes(RoutesArgs),
    /// Read credentials of the other account, as the SecureString has them. Nothing of them is shown.
    Credentials {
        /// A JSON file.
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct RoutesArgs {
    /// The routes, as the parameter s3_migration_bucket_para has them.
    pub file: PathBuf,
    /// PUT: the stack's own buckets are the sources. GET: they are the destinations.
    #[arg(long, value_enum, default_value = "PUT")]
    pub job_type: JobTypeName,
    /// The stack's region.
    #[arg(long, value_name = "REGION", requires = "other_account")]
    pub own_region: Option<String>,
    /// A file with the credentials of the other account, which say where it is.
    #[arg(long, value_name = "FILE", requires = "own_region")]
    pub other_account: Option<PathBuf>,
    /// A bucket of the stack's own account that may notify it. Give it again for more.
    #[arg(long, value_name = "BUCKET")]
    pub own_bucket: Vec<String>,
    /// Where objects go of buckets that no route names.
    #[arg(long, value_name = "BUCKET", default_value = "")]
    pub default_bucket: String,
    /// Below which prefix.
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub default_prefix: String,
}

/// The original's names of both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum JobTypeName {
    #[value(name = "PUT")]
    Put,
    #[value(name = "GET")]
    Get,
}
