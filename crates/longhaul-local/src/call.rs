//! The call that is under way, so that every error names operation, folder and key.

use std::io;

use longhaul::{
    object::{Location, ObjectKey},
    store::{ErrorKind, StoreError},
};
use tokio::task::{JoinError, spawn_blocking};

/// S3's name of an operation, and what it is about.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    operation: &'static str,
    location: Location,
    key: Option<ObjectKey>,
}

impl Call {
    pub(crate) fn new(operation: &'static str, location: &Location, key: Option<&ObjectKey>) -> Self {
        Self { operation, location: location.clone(), key: key.cloned() }
    }

    /// An error of this call.
    pub(crate) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> StoreError {
        let error = StoreError::new(kind, self.operation, message).at(&self.location);
        match &self.key {
            Some(key) => error.on(key),
            None => error,
        }
    }

    /// The disk's refusal. A missing file is [`ErrorKind::Io`] here: only the places that look for an object know that
    /// what is missing is the object, and not, say, a staging file that somebody removed.
    pub(crate) fn io(&self, doing: &str, error: impl Into<io::Error>) -> StoreError {
        let error = error.into();
        let (kind, message) = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                (ErrorKind::AccessDenied, format!("{doing} is not permitted"))
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                (ErrorKind::Io, format!("{doing} failed: no space left"))
            }
            _ => (ErrorKind::Io, format!("{doing} failed")),
        };
        self.error(kind, message).caused_by(error)
    }

    /// A blocking thread ended without an answer.
    pub(crate) fn broken(&self, error: JoinError) -> StoreError {
        self.error(ErrorKind::Other, "the thread that worked on it broke off").caused_by(error).maybe_happened()
    }

    /// Does `work` where waiting for the disk holds up nobody.
    pub(crate) async fn blocking<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce() -> Result<T, StoreError> + Send + 'static,
    {
        match spawn_blocking(work).await {
            Ok(result) => result,
            Err(error) => Err(self.broken(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        Call::new("PutObject", &Location::new("file:", "/data"), Some(&ObjectKey::new("a/b").unwrap()))
    }

    #[test]
    fn a_full_disk_is_named_with_operation_folder_and_key() {
        let error = call().io("writing the staging file", io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(error.kind(), ErrorKind::Io);
        let words = "PutObject failed on /data key \"a/b\": writing the staging file failed: no space left";
        assert_eq!(error.to_string(), words);
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn a_forbidden_file_is_access_denied() {
        let error = call().io("opening the file", io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
    }
}
