//! Parts of an earlier leg, read again where a destination keeps only notes of them.

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    copy::{Ended, Leg},
    error::ErrorKind,
    multipart::UPLOAD_VANISHED,
    ports::{Clock, Destination, Ledger, Source, Upload, UploadedPart},
    record::Reason,
    server_side::copy_timeout,
};

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    /// Those of the listed parts that still are what the destination says of them. A part at a time, so that none needs longer
    /// than its own bytes, and a leg that ends does not wait for all.
    pub(crate) async fn reread(&self, upload: &Upload, listed: Vec<UploadedPart>) -> Result<Vec<UploadedPart>, Ended> {
        let read = stream::iter(listed)
            .map(|part| async move { Ok::<_, Ended>(self.reread_one(upload, &part).await?.then_some(part)) })
            .buffered(self.engine.settings.concurrency.max(1));
        let same: Vec<Option<UploadedPart>> = read.try_collect().await?;
        Ok(same.into_iter().flatten().collect())
    }

    async fn reread_one(&self, upload: &Upload, part: &UploadedPart) -> Result<bool, Ended> {
        let patience = &self.engine.patience;
        let timeout = copy_timeout(patience.timeout, part.size);
        let mut failures = 0;
        loop {
            let read = self.engine.destination.reread_part(upload, part);
            let read = tokio::select! {
                biased;
                read = patience.bounded_by("ListParts", timeout, read) => read,
                () = patience.stop.cancelled() => return Err(Ended::Interrupted),
            };
            let error = match read {
                Ok(Ok(same)) => return Ok(same),
                Ok(Err(error)) | Err(error) => error,
            };
            if error.kind() == ErrorKind::NoSuchUpload {
                return Err(Ended::Restart(Reason::new(UPLOAD_VANISHED, error.to_string())));
            }
            patience.pause_after(error, failures).await?;
            failures += 1;
        }
    }
}
