//! What a store or a ledger can answer instead of success.
//!
//! An error says what failed, where, whether the effect may have happened, and whether the same call may be repeated.
//! Text is for people: no code decides by reading a message.

use std::{error::Error, fmt, time::Duration};

use crate::object::{Location, ObjectKey};

/// Why a call failed. A new kind belongs here when a caller would act differently on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The store asks for fewer requests (503 SlowDown, 429).
    Throttled,
    /// No answer, or no progress, within the attempt time-out.
    TimedOut,
    /// The store or the way to it is out of order (5xx, refused or broken connection).
    Unavailable,
    /// The object, or this version of it, does not exist.
    NotFound,
    /// The bucket or the folder does not exist.
    NoSuchBucket,
    /// The multipart upload is unknown: completed, aborted or expired.
    NoSuchUpload,
    /// `If-Match` or `If-None-Match` did not hold (412), or a pinned source has changed.
    PreconditionFailed,
    /// Another conditional write is under way (409).
    Conflict,
    /// The credentials are valid but do not permit this.
    AccessDenied,
    /// The credentials are missing, unknown, wrong or expired.
    InvalidCredentials,
    /// The bucket lives in another region than the request was signed for.
    WrongRegion,
    /// The clocks of this machine and of the store differ by too much.
    ClockSkew,
    /// The object is archived and must be restored before it can be read.
    Archived,
    /// A part named at Complete is not, or no longer, what the store holds.
    InvalidPart,
    /// Bytes arrived that are not the bytes that were sent, or not all of them.
    Corrupt,
    /// This store cannot hold such a key.
    InvalidKey,
    /// The store does not offer this operation.
    Unsupported,
    /// The request is wrong in a way that repeating does not mend.
    InvalidRequest,
    /// The store answers what its protocol does not allow, and will again: a listing that never moves on.
    BadAnswer,
    /// A listing is not in byte order of keys, so that it can neither be compared nor be cut into ranges as it comes.
    Unordered,
    /// The disk, folder or file refuses.
    Io,
    /// Nothing above: the message says more.
    Other,
}

impl ErrorKind {
    /// Whether the same call may succeed when it is repeated later.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Throttled | Self::TimedOut | Self::Unavailable | Self::Conflict | Self::Corrupt | Self::Other => true,
            Self::NotFound
            | Self::NoSuchBucket
            | Self::NoSuchUpload
            | Self::PreconditionFailed
            | Self::AccessDenied
            | Self::InvalidCredentials
            | Self::WrongRegion
            | Self::ClockSkew
            | Self::Archived
            | Self::InvalidPart
            | Self::InvalidKey
            | Self::Unsupported
            | Self::InvalidRequest
            | Self::BadAnswer
            | Self::Unordered
            | Self::Io => false,
        }
    }

    /// Whether nothing but somebody's help can make the object copyable: such work is parked. Wrong credentials and clocks are no
    /// fault of an object, and are mended for all objects at once: work that meets them waits.
    pub fn needs_help(self) -> bool {
        !self.is_retryable() && !matches!(self, Self::InvalidCredentials | Self::ClockSkew)
    }

    /// Whether the cause may lie in the object that was asked for, so that others are worth asking for all the same. A wrong
    /// bucket, refused credentials, and a store that is out of order meet all objects alike.
    pub fn may_be_of_one_object(self) -> bool {
        match self {
            Self::NotFound
            | Self::NoSuchUpload
            | Self::PreconditionFailed
            | Self::AccessDenied
            | Self::Archived
            | Self::InvalidPart
            | Self::Corrupt
            | Self::InvalidKey
            | Self::Unsupported
            | Self::InvalidRequest
            | Self::Io => true,
            Self::Throttled
            | Self::TimedOut
            | Self::Unavailable
            | Self::NoSuchBucket
            | Self::Conflict
            | Self::InvalidCredentials
            | Self::WrongRegion
            | Self::ClockSkew
            | Self::BadAnswer
            | Self::Unordered
            | Self::Other => false,
        }
    }

    /// Whether the answer says that the store or the line is overloaded, so that fewer requests should be in flight.
    pub fn asks_for_less(self) -> bool {
        matches!(self, Self::Throttled | Self::TimedOut)
    }

    /// The machine-readable reason that stands in records and reports.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::TimedOut => "timed-out",
            Self::Unavailable => "unavailable",
            Self::NotFound => "not-found",
            Self::NoSuchBucket => "no-such-bucket",
            Self::NoSuchUpload => "no-such-upload",
            Self::PreconditionFailed => "precondition-failed",
            Self::Conflict => "conflict",
            Self::AccessDenied => "access-denied",
            Self::InvalidCredentials => "invalid-credentials",
            Self::WrongRegion => "wrong-region",
            Self::ClockSkew => "clock-skew",
            Self::Archived => "archived",
            Self::InvalidPart => "invalid-part",
            Self::Corrupt => "corrupt",
            Self::InvalidKey => "invalid-key",
            Self::Unsupported => "unsupported",
            Self::InvalidRequest => "invalid-request",
            Self::BadAnswer => "bad-answer",
            Self::Unordered => "unordered-listing",
            Self::Io => "io",
            Self::Other => "other",
        }
    }
}

/// Whether a failed call may have changed the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The store answered that it did nothing, or was never reached.
    DidNotHappen,
    /// The answer was lost: look before repeating.
    MayHaveHappened,
}

/// A failed call to a store.
#[derive(Debug)]
pub struct StoreError(Box<Detail>);

#[derive(Debug)]
struct Detail {
    kind: ErrorKind,
    effect: Effect,
    operation: &'static str,
    location: Option<Location>,
    key: Option<String>,
    message: String,
    retry_after: Option<Duration>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error of `operation` (S3's name of it). The effect is taken as *did not happen* until said otherwise.
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Detail {
            kind,
            effect: Effect::DidNotHappen,
            operation,
            location: None,
            key: None,
            message: message.into(),
            retry_after: None,
            source: None,
        }))
    }

    /// Names the bucket (or folder) the call was made to.
    pub fn at(mut self, location: &Location) -> Self {
        self.0.location = Some(location.clone());
        self
    }

    /// Names the key the call was about.
    pub fn on(mut self, key: &ObjectKey) -> Self {
        self.0.key = Some(key.as_str().to_owned());
        self
    }

    /// Marks that the store may have done what was asked.
    pub fn maybe_happened(mut self) -> Self {
        self.0.effect = Effect::MayHaveHappened;
        self
    }

    /// Keeps the wish of a `Retry-After` header.
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    /// Keeps the cause for the error chain.
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Why it failed.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the store may have changed.
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// S3's name of the operation that failed.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The bucket or folder that was asked, where known.
    pub fn location(&self) -> Option<&Location> {
        self.0.location.as_ref()
    }

    /// The key that was asked for, where there is one.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// How long the store asked to be left alone.
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call may be repeated with hope.
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.0.operation)?;
        if let Some(location) = &self.0.location {
            write!(f, " on {location}")?;
        }
        if let Some(key) = &self.0.key {
            write!(f, " key {key:?}")?;
        }
        write!(f, ": {}", self.0.message)?;
        if self.0.effect == Effect::MayHaveHappened {
            write!(f, " (it may have happened)")?;
        }
        Ok(())
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// An error and its causes in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Some errors already say what their cause says.
        if !words.contains(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_operation_place_key_and_doubt() {
        let error = StoreError::new(ErrorKind::TimedOut, "UploadPart", "no answer within 60 s")
            .at(&Location::new("https://s3.example", "b"))
            .on(&ObjectKey::new("a//b").unwrap())
            .maybe_happened();
        assert_eq!(
            error.to_string(),
            "UploadPart failed on https://s3.example/b key \"a//b\": no answer within 60 s (it may have happened)"
        );
    }
}
