//! What a request says, kept for a request that is carried out after its process has given up.

use longhaul::{
    object::{Crc64, Headers, ObjectKey, Timestamp},
    store::{Completion, Condition, NewObject, UploadedPart},
};

/// A [`NewObject`] that outlives its caller.
pub(crate) struct OwnedObject {
    pub key: ObjectKey,
    headers: Headers,
    storage_class: Option<String>,
    modified: Timestamp,
}

impl OwnedObject {
    pub fn of(object: &NewObject<'_>) -> Self {
        Self {
            key: object.key.clone(),
            headers: object.headers.clone(),
            storage_class: object.storage_class.map(str::to_owned),
            modified: object.modified,
        }
    }

    pub fn borrowed(&self) -> NewObject<'_> {
        NewObject {
            key: &self.key,
            headers: &self.headers,
            storage_class: self.storage_class.as_deref(),
            modified: self.modified,
        }
    }
}

/// A [`Completion`] that outlives its caller.
pub(crate) struct OwnedCompletion {
    parts: Vec<UploadedPart>,
    size: u64,
    crc64nvme: Option<Crc64>,
    condition: Condition,
}

impl OwnedCompletion {
    pub fn of(completion: &Completion<'_>) -> Self {
        Self {
            parts: completion.parts.to_vec(),
            size: completion.size,
            crc64nvme: completion.crc64nvme,
            condition: completion.condition.clone(),
        }
    }

    pub fn borrowed(&self) -> Completion<'_> {
        Completion { parts: &self.parts, size: self.size, crc64nvme: self.crc64nvme, condition: self.condition.clone() }
    }
}
