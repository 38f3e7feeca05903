//! How a command ends, and what it says when it cannot go on.

use std::process::ExitCode;

use longhaul::{
    ledger::LedgerError,
    queue::QueueError,
    scan::KeyListError,
    store::{ErrorKind, StoreError},
};
use longhaul_aws::{ConnectError, ParameterError};
use serde_json::json;

use crate::{
    explain,
    out::{self, tell},
    settings_file::SettingsError,
};

/// The exit codes, as `--help` and the README name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All copied.
    Done,
    /// Usage or configuration.
    Usage,
    /// Some objects failed.
    SomeFailed,
    /// The comparison found differences.
    Different,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 1,
            Self::SomeFailed => 2,
            Self::Different => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The end of a command that could not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// Its code.
    pub exit: Exit,
    /// What failed, causes included.
    pub message: String,
    /// What to do.
    pub advice: Option<String>,
}

impl Failure {
    /// Wrong usage or configuration.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), advice: None }
    }

    /// With advice.
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The runtime could not be started.
    pub fn of_runtime(error: std::io::Error) -> Self {
        Self::usage(format!("the program could not start: {error}"))
    }

    /// A file that could not be read or written.
    pub fn of_file(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::usage(format!("{what} {path:?}: {error}"))
    }

    /// Says it, on standard error.
    pub fn print(&self, json: bool) {
        if json {
            let line = json!({ "event": "error", "message": self.message, "advice": self.advice, "exit_code": self.exit.code() });
            out::object(&line);
        }
        tell!("error: {}", self.message);
        if let Some(advice) = &self.advice {
            tell!("  what to do: {advice}");
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let configuration = matches!(
            error.kind(),
            ErrorKind::NoSuchBucket
                | ErrorKind::InvalidCredentials
                | ErrorKind::WrongRegion
                | ErrorKind::ClockSkew
                | ErrorKind::InvalidRequest
                | ErrorKind::NotFound
                | ErrorKind::Unsupported
        );
        let exit = if configuration { Exit::Usage } else { Exit::SomeFailed };
        Self { exit, message: longhaul::store::error::chain(&error), advice: explain::advice(&error) }
    }
}

impl From<KeyListError> for Failure {
    fn from(error: KeyListError) -> Self {
        match error {
            KeyListError::Store(error) => error.into(),
            other => Self::usage(longhaul::store::error::chain(&other))
                .advise("fix the list and run again; what it named before is done and is not done again"),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::usage(longhaul::store::error::chain(&error))
    }
}

impl From<QueueError> for Failure {
    fn from(error: QueueError) -> Self {
        let exit = if error.retryable { Exit::SomeFailed } else { Exit::Usage };
        Self { exit, message: longhaul::store::error::chain(&error), advice: None }
    }
}

impl From<ParameterError> for Failure {
    fn from(error: ParameterError) -> Self {
        let exit = if error.is_retryable() { Exit::SomeFailed } else { Exit::Usage };
        Self { exit, message: longhaul::store::error::chain(&error), advice: None }
    }
}

impl From<longhaul_aws::SettingsError> for Failure {
    fn from(error: longhaul_aws::SettingsError) -> Self {
        Self::usage(longhaul::store::error::chain(&error))
            .advise("name a deployed stack with --stack, or set these variables")
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::usage(longhaul::store::error::chain(&error))
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::usage(longhaul::store::error::chain(&error)).advise("see the table of settings in the README")
    }
}

impl From<longhaul_local::OpenError> for Failure {
    fn from(error: longhaul_local::OpenError) -> Self {
        Self::usage(longhaul::store::error::chain(&error))
    }
}
