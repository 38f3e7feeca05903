//! What the errors of SQS, DynamoDB and the parameter store mean: by kind and code, never by text.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};

use crate::sdk::{answer_error::AnswerError, cause::cause_of};

/// A failed call to a service.
pub(crate) struct ServiceFailure {
    /// What failed, in words.
    pub message: String,
    /// Whether the same call may succeed when repeated.
    pub retryable: bool,
    /// The cause, where the words do not say all of it.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// What a failed call means.
pub(crate) fn service_failure<E>(error: SdkError<E, HttpResponse>) -> ServiceFailure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(HttpResponse::status);
    let retryable = is_retryable(&error, status);
    let message = words_of(&error, "service", "no answer in time");
    let source: Option<Box<dyn Error + Send + Sync>> = match error {
        // The message says all that the service's answer says.
        SdkError::ServiceError(_) => None,
        error => Some(error.into()),
    };
    ServiceFailure { message, retryable, source }
}

fn is_retryable<E>(error: &SdkError<E, HttpResponse>, status: Option<StatusCode>) -> bool
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => credentials(error).is_some_and(may_answer_later),
        SdkError::DispatchFailure(failure) => !failure.is_user() && credentials(error).is_none_or(may_answer_later),
        SdkError::ServiceError(service) => service.err().code().is_some_and(is_passing) || is_passing_status(status),
        // Time-outs, and answers that broke off or made no sense.
        _ => true,
    }
}

/// Whether an error code speaks of a state that passes by itself: too many requests, or trouble inside the service.
pub(crate) fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "ProvisionedThroughputExceededException"
            | "TransactionConflictException"
            | "ReplicatedWriteConflictException"
            | "OverLimit"
            | "AWS.SimpleQueueService.OverLimit"
            | "KmsThrottled"
            | "KMS.ThrottlingException"
            | "InternalServerError"
            | "InternalError"
            | "InternalFailure"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "RequestTimeout"
            | "RequestTimeoutException"
            | "PriorRequestNotComplete"
    )
}

fn is_passing_status(status: Option<StatusCode>) -> bool {
    matches!(status.map(StatusCode::as_u16), Some(408 | 429 | 500..=599))
}

/// What went wrong with credentials, if that is the cause.
fn credentials<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> Option<&CredentialsError> {
    cause_of(error)
}

/// A provider that failed to answer may answer later; one that does not exist will not.
fn may_answer_later(error: &CredentialsError) -> bool {
    !matches!(error, CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_))
}

/// A failed call to the `whom` in words.
pub(crate) fn words_of<E: ProvideErrorMetadata + Error + 'static>(
    error: &SdkError<E, HttpResponse>,
    whom: &str,
    timed_out: &str,
) -> String {
    let mut words = match error {
        SdkError::ServiceError(service) => match (service.err().code(), service.err().message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            (None, _) => format!("the {whom} refused"),
        },
        SdkError::TimeoutError(_) => timed_out.to_owned(),
        SdkError::ConstructionFailure(_) => "the request could not be made".to_owned(),
        SdkError::ResponseError(_) => AnswerError::of(error)
            .map_or_else(|| "the answer broke off or made no sense".to_owned(), |answer| answer.to_string()),
        _ => format!("the {whom} could not be reached, or the connection broke"),
    };
    if let Some(status) = error.raw_response().map(HttpResponse::status) {
        words.push_str(&format!(" (status {})", status.as_u16()));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_passes_and_a_missing_queue_or_table_does_not() {
        for code in ["ThrottlingException", "RequestThrottled", "ProvisionedThroughputExceededException"] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["AccessDeniedException", "ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
