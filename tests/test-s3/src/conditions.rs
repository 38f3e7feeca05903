//! Conditional requests.

use s3s::{S3Result, dto::ETagCondition, s3_error};

use crate::object::Object;

/// Whether a request's conditions count: some stores, and some faults, ignore them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conditions {
    Kept,
    Ignored,
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    condition.as_etag().is_none_or(|wanted| wanted.value() == etag)
}

/// GET and HEAD: If-Match fails with 412, If-None-Match with 304.
pub(crate) fn check_read(
    conditions: Conditions,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    object: &Object,
) -> S3Result<()> {
    if conditions == Conditions::Ignored {
        return Ok(());
    }
    if if_match.is_some_and(|condition| !matches(condition, &object.etag)) {
        return Err(precondition("If-Match"));
    }
    if if_none_match.is_some_and(|condition| matches(condition, &object.etag)) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

/// Copy sources: both conditions fail with 412.
pub(crate) fn check_copy_source(
    conditions: Conditions,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    object: &Object,
) -> S3Result<()> {
    if conditions == Conditions::Ignored {
        return Ok(());
    }
    if if_match.is_some_and(|condition| !matches(condition, &object.etag)) {
        return Err(precondition("x-amz-copy-source-If-Match"));
    }
    if if_none_match.is_some_and(|condition| matches(condition, &object.etag)) {
        return Err(precondition("x-amz-copy-source-If-None-Match"));
    }
    Ok(())
}

/// Writes: If-None-Match wants nothing there, If-Match wants that ETag there.
pub(crate) fn check_write(
    conditions: Conditions,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    current: Option<&Object>,
) -> S3Result<()> {
    if conditions == Conditions::Ignored {
        return Ok(());
    }
    match if_none_match {
        Some(ETagCondition::Any) if current.is_some() => return Err(precondition("If-None-Match")),
        Some(ETagCondition::ETag(_)) => {
            return Err(s3_error!(NotImplemented, "If-None-Match takes only * on writes"));
        }
        Some(ETagCondition::Any) | None => {}
    }
    match (if_match, current) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
        (Some(condition), Some(object)) if matches(condition, &object.etag) => Ok(()),
        (Some(_), Some(_)) => Err(precondition("If-Match")),
    }
}

fn precondition(name: &str) -> s3s::S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold: {name}")
}
