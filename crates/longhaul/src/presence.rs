//! Whether the source is there: *gone* is only what a listing confirms.

use std::sync::atomic::Ordering;

use crate::{
    copy::{Ended, Leg},
    error::{ErrorKind, StoreError},
    listing::first_lines,
    object::ObjectInfo,
    ports::{Clock, Destination, Ledger, Source},
    record::Reason,
};

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    /// Describes the source. *Gone* is only what a listing confirms: a HEAD that finds nothing may mean a missing bucket.
    pub(crate) async fn pin(&self) -> Result<ObjectInfo, Ended> {
        let key = &self.job.source_key;
        let head = self.call(self.at_source("HeadObject"), || self.engine.source.head_object(key)).await;
        match head {
            Ok(info) => Ok(info),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(self.gone_if_unlisted(error).await),
            Err(error) => Err(error.into()),
        }
    }

    /// What a *not found* of the source means.
    pub(crate) async fn gone_if_unlisted(&self, error: StoreError) -> Ended {
        let key = self.job.source_key.as_str();
        self.requests.fetch_add(1, Ordering::Relaxed);
        let lines = self.engine.patience.bounded("ListObjectsV2", first_lines(&self.engine.source, key)).await;
        match lines {
            // Deleted and written again meanwhile: what is there now is another version.
            Ok(Ok(lines)) if lines.iter().any(|line| line.key.as_str() == key) => {
                Ended::Restart(Reason::new("source-keeps-changing", error.to_string()))
            }
            Ok(Ok(_)) => Ended::Gone,
            Ok(Err(error)) | Err(error) => Ended::Failed(error),
        }
    }

    /// Whether it is gone still. Who asks behind the record knows that whoever copies what was written since finds it changed.
    pub(crate) async fn is_gone(&self) -> Result<bool, Ended> {
        match self.pin().await {
            Err(Ended::Gone) => Ok(true),
            Err(Ended::Restart(_)) | Ok(_) => Ok(false),
            Err(ended) => Err(ended),
        }
    }
}
