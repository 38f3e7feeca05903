//! Pins the source, and says what a source that is not found means: *gone* is only what a listing confirms.

use std::sync::atomic::Ordering;

use crate::{
    copy::attempt::{engine::Backends, leg::Leg, outcome::NotCopied},
    ledger::{Reason, UPLOAD_VANISHED},
    object::ObjectInfo,
    store::{ErrorKind, Source, StoreError, first_lines},
};

/// Describes the source. *Gone* is only what a listing confirms: a HEAD that finds nothing may mean a missing bucket.
pub(crate) async fn pin_source<B: Backends>(leg: &Leg<'_, B>) -> Result<ObjectInfo, NotCopied> {
    let key = &leg.job.source_key;
    let head = leg.call(leg.at_source("HeadObject"), || leg.engine.source.head_object(key)).await;
    match head {
        Ok(info) => Ok(info),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(gone_if_unlisted(leg, error).await),
        Err(error) => Err(error.into()),
    }
}

/// What a *not found* of the source means.
pub(crate) async fn gone_if_unlisted<B: Backends>(leg: &Leg<'_, B>, error: StoreError) -> NotCopied {
    let key = leg.job.source_key.as_str();
    leg.requests.fetch_add(1, Ordering::Relaxed);
    let lines = leg.engine.patience.bounded("ListObjectsV2", first_lines(&leg.engine.source, key)).await;
    match lines {
        // Deleted and written again meanwhile: what is there now is another version.
        Ok(Ok(lines)) if lines.iter().any(|line| line.key.as_str() == key) => {
            NotCopied::Restart(Reason::new("source-keeps-changing", error.to_string()))
        }
        Ok(Ok(_)) => NotCopied::Gone,
        Ok(Err(error)) | Err(error) => NotCopied::Failed(error),
    }
}

/// Looks again, behind the record, and ends as `returned` says if the source is there: others may have begun to copy what was
/// written since the first look, and their upload is not to be dropped. Who begins behind this look finds the record changed.
pub(crate) async fn still_gone<B: Backends>(leg: &Leg<'_, B>, returned: NotCopied) -> Result<(), NotCopied> {
    match pin_source(leg).await {
        Err(NotCopied::Gone) => Ok(()),
        Err(NotCopied::Restart(_)) | Ok(_) => Err(returned),
        Err(ended) => Err(ended),
    }
}

/// Errors that no repeat of this part can mend, but a new beginning can.
pub(crate) async fn meaning<B: Backends>(leg: &Leg<'_, B>, error: &StoreError) -> Option<NotCopied> {
    match error.kind() {
        ErrorKind::PreconditionFailed => {
            Some(NotCopied::Restart(Reason::new("source-keeps-changing", "the source changed while it was copied")))
        }
        ErrorKind::NoSuchUpload => {
            Some(NotCopied::Restart(Reason::new(UPLOAD_VANISHED, "the upload was aborted or completed by others")))
        }
        ErrorKind::NotFound => {
            let error = StoreError::new(ErrorKind::NotFound, "GetObject", "the source object is not there");
            Some(gone_if_unlisted(leg, error.at(leg.engine.source.location()).on(&leg.job.source_key)).await)
        }
        _ => None,
    }
}
