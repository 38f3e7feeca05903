//! Why an answer that was read into memory cannot be used.

use std::error::Error;

use crate::sdk::cause::cause_of;

/// Elements that one answer may have. A thousand lines, the most that S3 puts on a page, have 15 each at most; stores that put
/// all they have on one page fit too. More would take many times their bytes once they are read.
pub(crate) const MOST_ELEMENTS: usize = 200_000;

/// An answer that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerError {
    /// What was to come did not.
    #[error("the answer ended early: its XML is not closed")]
    EndedEarly,
    /// It is something else.
    #[error("the answer makes no sense: it is not one XML document")]
    NotXml,
    /// It is longer than any such answer is.
    #[error("the answer is longer than {} MiB, and was read no further", .0 >> 20)]
    TooLong(u64),
    /// It would take more memory than its bytes tell.
    #[error("the answer has more than {MOST_ELEMENTS} elements")]
    TooManyElements,
}

impl AnswerError {
    /// The cause of an error, if it is one of these.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        cause_of(error).copied()
    }

    /// Whether asking again may help. Who answers without end does it again.
    pub(crate) fn is_retryable(self) -> bool {
        match self {
            Self::EndedEarly | Self::NotXml => true,
            Self::TooLong(_) | Self::TooManyElements => false,
        }
    }
}
