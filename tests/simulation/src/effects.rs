//! What requests do at the store once they have arrived, and who learns of it.

use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use longhaul::{
    object::{Crc64, ObjectKey, mark::unmarked},
    store::{ByteStream, Condition, Destination, Source, StoreError, Upload, Written},
};

use crate::{
    executor::ProcessId,
    history::{SourceId, Version},
    oracle::Asked,
    owned::{OwnedCompletion, OwnedObject},
    store::SimStore,
    telling::tell,
    uploads::UploadEnd,
};

impl SimStore {
    pub(crate) async fn put_now(
        self,
        owned: OwnedObject,
        condition: Condition,
        expected: Option<Crc64>,
        body: ByteStream,
    ) -> Result<Written, StoreError> {
        let written = self.on_time().put_object(&owned.borrowed(), &condition, expected, body).await?;
        self.appeared(&owned.key);
        Ok(written)
    }

    pub(crate) async fn complete_now(self, upload: Upload, completion: OwnedCompletion) -> Result<Written, StoreError> {
        let written = self.on_time().complete_multipart_upload(&upload, &completion.borrowed()).await?;
        self.world.oracle().uploads().ended(&upload.id, UploadEnd::Completed);
        self.appeared(&upload.key);
        Ok(written)
    }

    pub(crate) async fn abort_now(self, upload: Upload) -> Result<(), StoreError> {
        self.on_time().abort_multipart_upload(&upload).await?;
        self.world.oracle().upload_aborted(upload.key.as_str(), &upload.id);
        Ok(())
    }

    pub(crate) async fn delete_now(self, key: ObjectKey, asked: Asked, by: ProcessId) -> Result<(), StoreError> {
        let was_there = self.memory.bytes(key.as_str()).is_some();
        self.memory.delete_object(&key).await?;
        if was_there {
            let found = self.world.oracle().deleted_by_product(key.as_str(), asked, self.world.now(), by);
            self.world.judge(found);
        }
        Ok(())
    }

    /// Something is visible that was not.
    fn appeared(&self, key: &ObjectKey) {
        let bytes = self.memory.bytes(key.as_str()).unwrap_or_default();
        let info = self.memory.head_object(key).now_or_never().and_then(Result::ok);
        let headers = info.as_ref().map(|info| unmarked(&info.headers)).unwrap_or_default();
        let now = self.world.now();
        let found = self.world.oracle().written_by_product(key.as_str(), (bytes.clone(), &headers), now);
        self.world.judge(found);
        if let (Some((events, counted)), Some(info)) = (&self.tells, info) {
            counted.fetch_add(1, Ordering::Relaxed);
            let id = SourceId { bucket: self.memory.location().bucket.clone(), key: key.as_str().to_owned() };
            let version = Version { bytes, etag: info.etag, headers, written: now, ended: None };
            tell(&self.world, events, &id, version);
        }
    }
}
