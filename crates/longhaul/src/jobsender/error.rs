//! Why comparing or sending ended.

use crate::{
    ledger::{INTO_ITSELF, LedgerError},
    queue::QueueError,
    scan::key_list::KeyListError,
    store::{ErrorKind, StoreError},
};

/// Why work on a range stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// In words.
    #[error("{0}")]
    Unreachable(String),
    /// The route would never end.
    #[error("{0}")]
    IntoItself(String),
    /// A listing, the ledger of records, or the queue of jobs.
    #[error(transparent)]
    Send(SendError),
    /// The scan's record.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A store lists in another order than ranges are cut in. Sorting takes a disk, which a stack does not have.
    #[error(
        "a store does not list in byte order, so its comparison ends here; \
         `longhaul copy` sorts such a listing: use it for this route, now and then"
    )]
    Unordered(#[source] StoreError),
    /// A whole leg compared nothing.
    #[error("no key could be compared in the time of a run")]
    NoProgress,
}

impl From<SendError> for Stopped {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Listing(error) if error.kind() == ErrorKind::Unordered => Self::Unordered(error),
            error => Self::Send(error),
        }
    }
}

impl Stopped {
    /// For programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Unordered(error) => error.kind().reason(),
            Self::IntoItself(_) => INTO_ITSELF,
            Self::Send(SendError::Listing(_) | SendError::List(_)) => "listing-failed",
            Self::Send(SendError::Queue(_)) => "queue-failed",
            Self::Send(SendError::Ledger(_)) | Self::Ledger(_) => "ledger-failed",
            Self::NoProgress => "no-progress",
        }
    }

    pub fn is_refused_credentials(&self) -> bool {
        matches!(self, Self::Send(SendError::Listing(error)) if error.kind() == ErrorKind::InvalidCredentials)
    }
}

/// Why a route was not scanned to its end.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A listing failed.
    #[error(transparent)]
    Listing(#[from] StoreError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The list of keys failed.
    #[error(transparent)]
    List(KeyListError),
}

impl From<KeyListError> for SendError {
    fn from(error: KeyListError) -> Self {
        match error {
            KeyListError::Store(error) => Self::Listing(error),
            other => Self::List(other),
        }
    }
}
