//! Our unfinished uploads: listed, and aborted.

use futures_util::TryStreamExt;

use crate::{
    copy::{
        attempt::{Backends, Leg, NotCopied},
        claim::held_record::{HeldRecord, save, still_as_saved},
    },
    ledger::{Reason, State, UPLOAD_VANISHED},
    object::Timestamp,
    store::{Destination, ErrorKind, UnfinishedUpload, Upload, UploadFilter, UploadedPart},
};

/// Drops the upload of a generation that will not be finished, and leaves the record ready for the next one.
pub(crate) async fn drop_generation<B: Backends>(leg: &Leg<'_, B>, entry: &mut HeldRecord) -> Result<(), NotCopied> {
    if matches!(entry.record.state, State::Copying | State::Completing) {
        entry.record.state = State::Restarting;
        save(leg, entry).await?;
    }
    drop_upload(leg, entry).await
}

/// Aborts the upload of a record, also one that a crash between Create and the save of its answer left without a name.
pub(crate) async fn drop_upload<B: Backends>(leg: &Leg<'_, B>, entry: &mut HeldRecord) -> Result<(), NotCopied> {
    match (entry.record.upload.take(), entry.record.intent.take()) {
        (Some(upload), _) => abort(leg, &Upload { key: leg.job.destination_key.clone(), id: upload.id }).await,
        (None, Some(intent)) => abort_unnamed(leg, entry, intent).await,
        (None, None) => Ok(()),
    }
}

/// Aborts until nothing is left: a part that was in flight may arrive behind the first abort.
pub(crate) async fn abort<B: Backends>(leg: &Leg<'_, B>, upload: &Upload) -> Result<(), NotCopied> {
    const ROUNDS: u32 = 3;
    let destination = &leg.engine.destination;
    for _ in 0..ROUNDS {
        let aborted =
            leg.call(leg.at_destination("AbortMultipartUpload"), || destination.abort_multipart_upload(upload));
        match aborted.await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        match leg.call(leg.at_destination("ListParts"), || destination.list_parts(upload)).await {
            Ok(parts) if parts.is_empty() => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// How far the clocks of this machine and of a store may differ: SigV4 refuses requests beyond 15 minutes.
const CLOCK_SKEW_MS: i64 = 15 * 60 * 1000;

/// The uploads of exactly this key. A store that cannot list them has none that could be found; and `rclone serve s3` says
/// "no such upload" of a bucket that has none.
pub(crate) async fn list_unfinished<B: Backends>(leg: &Leg<'_, B>) -> Result<Vec<UnfinishedUpload>, NotCopied> {
    let key = &leg.job.destination_key;
    let listed = leg
        .call(leg.at_destination("ListMultipartUploads"), || {
            leg.engine.destination.list_multipart_uploads(UploadFilter::Key(key.clone())).try_concat()
        })
        .await;
    match listed {
        // The listing matches by prefix, so `a` also returns uploads for `a.bak`.
        Ok(uploads) => Ok(uploads.into_iter().filter(|found| found.upload.key == *key).collect()),
        Err(error) if error.kind() == ErrorKind::NoSuchUpload => Ok(Vec::new()),
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::AccessDenied) => {
            tracing::debug!(%error, "unfinished uploads cannot be listed here");
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}

/// Aborts what was begun since the intent was saved and has no name in the ledger.
pub(crate) async fn abort_unnamed<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &HeldRecord,
    intent: Timestamp,
) -> Result<(), NotCopied> {
    abort_own(leg, entry, &list_unfinished(leg).await?, intent).await
}

/// Aborts the uploads of this key that a crash orphaned: begun since the intent was saved, and empty, since no part is ever
/// sent before the id is saved. Whoever takes the record over saves it before it creates: so what was listed while the record was
/// still this one is nobody else's.
pub(crate) async fn abort_own<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &HeldRecord,
    unfinished: &[UnfinishedUpload],
    intent: Timestamp,
) -> Result<(), NotCopied> {
    for found in unfinished.iter().filter(|found| found.initiated.0 >= intent.0 - CLOCK_SKEW_MS) {
        match list_parts(leg, &found.upload).await {
            Ok(parts) if parts.is_empty() => {
                still_as_saved(leg, entry).await?;
                abort(leg, &found.upload).await?;
            }
            Ok(_) | Err(NotCopied::Restart(_)) => {}
            Err(ended) => return Err(ended),
        }
    }
    Ok(())
}

/// All parts of an upload; an unknown upload means a new beginning.
pub(crate) async fn list_parts<B: Backends>(leg: &Leg<'_, B>, upload: &Upload) -> Result<Vec<UploadedPart>, NotCopied> {
    let destination = &leg.engine.destination;
    match leg.call(leg.at_destination("ListParts"), || destination.list_parts(upload)).await {
        Ok(parts) => Ok(parts),
        Err(error) if error.kind() == ErrorKind::NoSuchUpload => {
            Err(NotCopied::Restart(Reason::new(UPLOAD_VANISHED, error.to_string())))
        }
        Err(error) => Err(error.into()),
    }
}
