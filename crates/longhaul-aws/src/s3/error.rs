//! SDK errors become [`StoreError`]s: by code and status, never by text.

use std::{error::Error, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use longhaul::store::{ErrorKind, StoreError};

use crate::sdk::{AnswerError, cause_of, words_of};

/// What a failed call means.
pub(crate) fn store_error<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(HttpResponse::status);
    let wish = header(&error, "retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let kind = kind(&error, status);
    let mut message = words_of(&error, "store", "no connection in time");
    if let Some(region) = header(&error, "x-amz-bucket-region") {
        message.push_str(&format!(" (the bucket is in {region})"));
    }
    let known_not_to_have_happened = match &error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::ServiceError(_) => !matches!(status.map(StatusCode::as_u16), Some(500 | 502 | 504)),
        _ => kind == ErrorKind::InvalidCredentials,
    };
    let failed = StoreError::new(kind, operation, message).retry_after(wish);
    let failed = match error {
        // The message says all that the service's answer says.
        SdkError::ServiceError(_) => failed,
        error => failed.caused_by(error),
    };
    if known_not_to_have_happened { failed } else { failed.maybe_happened() }
}

/// A header of the answer.
pub(crate) fn header<E>(error: &SdkError<E, HttpResponse>, name: &str) -> Option<String> {
    error.raw_response().and_then(|answer| answer.headers().get(name)).map(str::to_owned)
}

fn kind<E: ProvideErrorMetadata + Error + 'static>(
    error: &SdkError<E, HttpResponse>,
    status: Option<StatusCode>,
) -> ErrorKind {
    match error {
        SdkError::TimeoutError(_) => ErrorKind::TimedOut,
        SdkError::ServiceError(service) => service.err().code().and_then(of_code).unwrap_or_else(|| of_status(status)),
        SdkError::ResponseError(_) => of_broken_answer(AnswerError::of(error), status),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => ErrorKind::TimedOut,
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_)
            if cause_of::<CredentialsError>(error).is_some() =>
        {
            ErrorKind::InvalidCredentials
        }
        SdkError::DispatchFailure(failure) if failure.is_user() => ErrorKind::InvalidRequest,
        SdkError::ConstructionFailure(_) => ErrorKind::InvalidRequest,
        _ => ErrorKind::Unavailable,
    }
}

/// Error codes of the S3 API reference ("List of error codes") and of compatible stores.
fn of_code(code: &str) -> Option<ErrorKind> {
    refusal_of_the_caller(code).or_else(|| answer_to_the_request(code))
}

/// Whoever asks may not, or not from there or at that time.
fn refusal_of_the_caller(code: &str) -> Option<ErrorKind> {
    Some(match code {
        // S3 passes the key service's refusals on under its names.
        "AccessDenied"
        | "AllAccessDisabled"
        | "AccountProblem"
        | "KMS.AccessDeniedException"
        | "KMS.DisabledException"
        | "KMS.InvalidKeyUsageException"
        | "KMS.InvalidStateException"
        | "KMS.KMSInvalidStateException"
        | "KMS.NotFoundException"
        | "KMS.OptInRequired"
        | "Forbidden" => ErrorKind::AccessDenied,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "InvalidSecurity" => ErrorKind::InvalidCredentials,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "Redirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => ErrorKind::WrongRegion,
        "RequestTimeTooSkewed" | "RequestExpired" => ErrorKind::ClockSkew,
        _ => return None,
    })
}

/// What is asked for is not there, cannot be done, or not now.
fn answer_to_the_request(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "KMS.ThrottlingException"
        | "RequestLimitExceeded"
        | "TooManyRequests"
        | "BandwidthLimitExceeded" => ErrorKind::Throttled,
        "RequestTimeout" => ErrorKind::TimedOut,
        "InternalError" | "ServiceUnavailable" | "ServerBusy" => ErrorKind::Unavailable,
        "NoSuchKey" | "NoSuchVersion" | "NotFound" => ErrorKind::NotFound,
        "NoSuchBucket" => ErrorKind::NoSuchBucket,
        "NoSuchUpload" => ErrorKind::NoSuchUpload,
        "PreconditionFailed" => ErrorKind::PreconditionFailed,
        "ConditionalRequestConflict" | "OperationAborted" => ErrorKind::Conflict,
        "InvalidObjectState" => ErrorKind::Archived,
        "InvalidPart" | "InvalidPartOrder" => ErrorKind::InvalidPart,
        "BadDigest" | "XAmzContentSHA256Mismatch" | "InvalidDigest" | "IncompleteBody" => ErrorKind::Corrupt,
        "KeyTooLongError" => ErrorKind::InvalidKey,
        "NotImplemented" | "MethodNotAllowed" => ErrorKind::Unsupported,
        "EntityTooSmall"
        | "EntityTooLarge"
        | "InvalidArgument"
        | "InvalidRequest"
        | "MalformedXML"
        | "InvalidBucketName"
        | "MissingContentLength"
        | "ExcessHeaderValues" => ErrorKind::InvalidRequest,
        _ => return None,
    })
}

fn of_status(status: Option<StatusCode>) -> ErrorKind {
    match status.map(StatusCode::as_u16) {
        Some(301 | 307) => ErrorKind::WrongRegion,
        Some(400) => ErrorKind::InvalidRequest,
        Some(401) => ErrorKind::InvalidCredentials,
        Some(403) => ErrorKind::AccessDenied,
        Some(404) => ErrorKind::NotFound,
        Some(405 | 501) => ErrorKind::Unsupported,
        Some(408) => ErrorKind::TimedOut,
        Some(409) => ErrorKind::Conflict,
        Some(412) => ErrorKind::PreconditionFailed,
        // A range past the end: the object is shorter than its pin.
        Some(416) => ErrorKind::PreconditionFailed,
        Some(429 | 503) => ErrorKind::Throttled,
        Some(500..=599) => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    }
}

/// What an error says of what is there, or of who may read it, counts only when all of its words came.
fn of_broken_answer(answer: Option<AnswerError>, status: Option<StatusCode>) -> ErrorKind {
    if answer.is_some_and(|answer| !answer.is_retryable()) {
        return ErrorKind::BadAnswer;
    }
    let told = status.filter(|status| !status.is_success()).map(|status| of_status(Some(status)));
    told.filter(|kind| kind.is_retryable()).unwrap_or(ErrorKind::Unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_before_statuses() {
        assert_eq!(of_code("SlowDown"), Some(ErrorKind::Throttled));
        assert_eq!(of_code("ExpiredToken"), Some(ErrorKind::InvalidCredentials));
        assert_eq!(of_code("SomethingNew"), None);
    }
}
