//! The local folder's writing side.

use std::sync::Arc;

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use longhaul::{
    object::{Crc64, ObjectKey, PartSpec},
    store::{
        ByteStream, Capabilities, ChecksumSupport, Completion, Condition, Destination, ErrorKind, ListRequest,
        NewObject, StoreError, UnfinishedUpload, Upload, UploadFilter, UploadedPart, Written,
    },
};

use crate::{
    call::Call,
    delete::delete,
    folder::LocalFolder,
    inflow::pour,
    name::{Name, OWN_PREFIX, check_segment, segments},
    part_file::PartFile,
    put::{self, NoBytes, Staged},
    role::Role,
    uploads::{self, Staging},
};

impl Destination for LocalFolder {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional_writes: true,
            checksums: ChecksumSupport::Crc64Nvme,
            headers: false,
            min_part_size: 1,
        }
    }

    fn refuse_key(&self, key: &ObjectKey) -> Option<String> {
        self.name(key).err()
    }

    async fn put_object(
        &self,
        object: &NewObject<'_>,
        condition: &Condition,
        expected: Option<Crc64>,
        body: ByteStream,
    ) -> Result<Written, StoreError> {
        let call = self.call("PutObject", Some(object.key));
        let name = self.writable(object.key, &call)?;
        if name.is_folder() && body.length() == 0 {
            return self.put_folder(name, condition, expected, body, call).await;
        }
        let name = self.writable_file(object.key, &call)?;
        let (root, wanted, inner) = (self.root.clone(), condition.clone(), call.clone());
        let staged = call.blocking(move || Staged::create(&root, &name, &wanted, inner)).await?;
        let staged = pour(&call, body, staged).await?;
        let (modified, wanted) = (object.modified, condition.clone());
        call.blocking(move || staged.publish(expected, modified, &wanted)).await
    }

    async fn create_multipart_upload(&self, object: &NewObject<'_>) -> Result<Upload, StoreError> {
        let call = self.call("CreateMultipartUpload", Some(object.key));
        let name = self.writable_file(object.key, &call)?;
        let (root, key, modified) = (self.root.clone(), object.key.clone(), object.modified);
        let inner = call.clone();
        let id = call.blocking(move || uploads::create(&root, &name, &key, modified, &inner)).await?;
        Ok(Upload { key: object.key.clone(), id })
    }

    fn list_multipart_uploads(&self, filter: UploadFilter) -> BoxStream<'_, Result<Vec<UnfinishedUpload>, StoreError>> {
        let all = async move {
            match filter {
                UploadFilter::Key(key) => self.uploads_of(key).await,
                UploadFilter::Prefix(prefix) => self.uploads_below(prefix).await,
            }
        };
        stream::once(all).boxed()
    }

    async fn list_parts(&self, upload: &Upload) -> Result<Vec<UploadedPart>, StoreError> {
        let call = self.call("ListParts", Some(&upload.key));
        let inner = call.clone();
        self.with_staging(upload, &call, move |staging| staging.list(&inner)).await
    }

    async fn reread_part(&self, upload: &Upload, part: &UploadedPart) -> Result<bool, StoreError> {
        let call = self.call("ListParts", Some(&upload.key));
        let guard = self.locks.part(&upload.id, part.number).await;
        let (inner, part) = (call.clone(), part.clone());
        let reread = move |staging: Staging| {
            let _guard = guard;
            staging.reread(&part, &inner)
        };
        self.with_staging(upload, &call, reread).await
    }

    async fn upload_part(
        &self,
        upload: &Upload,
        part: &PartSpec,
        body: ByteStream,
    ) -> Result<UploadedPart, StoreError> {
        let call = self.call("UploadPart", Some(&upload.key));
        if body.length() != part.range.len() {
            let message = format!("a body of {} bytes cannot fill {}", body.length(), part.range);
            return Err(call.error(ErrorKind::InvalidRequest, message));
        }
        let guard = self.locks.part(&upload.id, part.number).await;
        let (inner, part) = (call.clone(), *part);
        let open = move |staging: Staging| PartFile::open(staging, part, guard, inner);
        let file = self.with_staging(upload, &call, open).await?;
        let file = pour(&call, body, file).await?;
        call.blocking(move || file.finish()).await
    }

    async fn complete_multipart_upload(
        &self,
        upload: &Upload,
        completion: &Completion<'_>,
    ) -> Result<Written, StoreError> {
        let call = self.call("CompleteMultipartUpload", Some(&upload.key));
        let guard = self.locks.upload(&upload.id).await;
        let (parts, size, crc64nvme) = (completion.parts.to_vec(), completion.size, completion.crc64nvme);
        let (condition, inner) = (completion.condition.clone(), call.clone());
        let complete = move |staging: Staging| {
            let _guard = guard;
            staging.complete(&Completion { parts: &parts, size, crc64nvme, condition }, &inner)
        };
        self.with_staging(upload, &call, complete).await
    }

    async fn abort_multipart_upload(&self, upload: &Upload) -> Result<(), StoreError> {
        let call = self.call("AbortMultipartUpload", Some(&upload.key));
        let guard = self.locks.upload(&upload.id).await;
        let inner = call.clone();
        let abort = move |staging: Staging| {
            let _guard = guard;
            staging.abort(&inner)
        };
        self.with_staging(upload, &call, abort).await
    }

    async fn delete_object(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let call = self.call("DeleteObject", Some(key));
        // A key that a folder cannot hold is not there.
        let Ok(name) = self.name(key) else { return Ok(()) };
        let root = self.root.clone();
        call.clone().blocking(move || delete(&root, &name, &call)).await
    }
}

impl LocalFolder {
    async fn put_folder(
        &self,
        name: Name,
        condition: &Condition,
        expected: Option<Crc64>,
        body: ByteStream,
        call: Call,
    ) -> Result<Written, StoreError> {
        put::check_crc(expected, Crc64::EMPTY, &call)?;
        pour(&call, body, NoBytes).await?;
        let (root, condition) = (self.root.clone(), condition.clone());
        call.clone().blocking(move || put::make_folder(&root, &name, &condition, &call)).await
    }

    /// Does `work` on the files of an upload.
    async fn with_staging<T, W>(&self, upload: &Upload, call: &Call, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(Staging) -> Result<T, StoreError> + Send + 'static,
    {
        let name = self.writable_file(&upload.key, call)?;
        let (root, upload, seen, inner) = (self.root.clone(), upload.clone(), self.seen.clone(), call.clone());
        call.blocking(move || work(Staging::find(&root, &name, &upload, seen, &inner)?)).await
    }

    async fn uploads_of(&self, key: ObjectKey) -> Result<Vec<UnfinishedUpload>, StoreError> {
        let call = self.call("ListMultipartUploads", Some(&key));
        // Where no object can be, no upload can.
        let Ok(name) = self.name(&key) else { return Ok(Vec::new()) };
        let (root, inner) = (self.root.clone(), call.clone());
        let begin = uploads::own_begin(&key);
        call.blocking(move || uploads::in_folder(&root, name.parents(), &begin, |found| *found == key, &inner)).await
    }

    async fn uploads_below(&self, prefix: String) -> Result<Vec<UnfinishedUpload>, StoreError> {
        let call = self.call("ListMultipartUploads", None);
        let request = ListRequest { prefix: prefix.clone(), start_after: None };
        // What this walk skips, the listing of objects reports.
        let mut walk = self.walk(Role::Destination, request, Arc::default(), &call);
        let (root, inner) = (self.root.clone(), call.clone());
        call.blocking(move || {
            let wanted = |key: &ObjectKey| key.as_str().starts_with(&prefix);
            let top = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
            let names: Vec<&str> = segments(top).collect();
            // No key that a folder can hold begins with such a prefix.
            if names.iter().any(|name| check_segment(name).is_err()) {
                return Ok(Vec::new());
            }
            let mut found = uploads::in_folder(&root, &names, OWN_PREFIX, wanted, &inner)?;
            while let Some(next) = walk.advance()? {
                if next.is_folder() && next.key != top {
                    let names: Vec<&str> = segments(&next.key).collect();
                    found.extend(uploads::in_folder(&root, &names, OWN_PREFIX, wanted, &inner)?);
                }
            }
            Ok(found)
        })
        .await
    }
}
