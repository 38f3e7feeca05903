//! Parts of an earlier leg, read again where a destination keeps only notes of them.

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    copy::attempt::{Backends, Leg, NotCopied},
    ledger::{Reason, UPLOAD_VANISHED},
    limits::copy_timeout,
    store::{Destination, ErrorKind, Upload, UploadedPart},
};

/// Those of the listed parts that still are what the destination says of them. A part at a time, so that none needs longer
/// than its own bytes, and a leg that ends does not wait for all.
pub(crate) async fn reread<B: Backends>(
    leg: &Leg<'_, B>,
    upload: &Upload,
    listed: Vec<UploadedPart>,
) -> Result<Vec<UploadedPart>, NotCopied> {
    let read = stream::iter(listed)
        .map(|part| async move { Ok::<_, NotCopied>(reread_one(leg, upload, &part).await?.then_some(part)) })
        .buffered(leg.engine.settings.concurrency.max(1));
    let same: Vec<Option<UploadedPart>> = read.try_collect().await?;
    Ok(same.into_iter().flatten().collect())
}

pub(crate) async fn reread_one<B: Backends>(
    leg: &Leg<'_, B>,
    upload: &Upload,
    part: &UploadedPart,
) -> Result<bool, NotCopied> {
    let patience = &leg.engine.patience;
    let timeout = copy_timeout(patience.timeout, part.size);
    let read = || async {
        let read = leg.engine.destination.reread_part(upload, part);
        let read = tokio::select! {
            biased;
            read = patience.bounded_by("ListParts", timeout, read) => read.flatten(),
            () = patience.stop.cancelled() => return Err(NotCopied::Interrupted),
        };
        match read {
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => {
                Err(NotCopied::Restart(Reason::new(UPLOAD_VANISHED, error.to_string())))
            }
            read => Ok(read),
        }
    };
    patience.unless_ended(read).await
}
