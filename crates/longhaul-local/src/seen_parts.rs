//! The parts whose bytes this process has seen in their staging files, when it wrote them or read them again.
//!
//! What an earlier process noted is only a note. It is bound to the file: one that was exchanged holds nothing that was
//! seen.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    os::unix::fs::MetadataExt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use longhaul::{object::PartNumber, store::StoreError};

use crate::{call::Call, sidecar::HeldPart};

/// What was seen of each upload.
#[derive(Debug, Default)]
pub(crate) struct SeenParts(Mutex<HashMap<String, Seen>>);

#[derive(Debug)]
struct Seen {
    file: FileId,
    parts: BTreeMap<PartNumber, HeldPart>,
}

/// A file, under whatever name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
    /// Numbers are used again; two files of one number were not born at the same time.
    born: Option<SystemTime>,
}

impl FileId {
    pub(crate) fn of(file: &File, call: &Call) -> Result<Self, StoreError> {
        let found = file.metadata().map_err(|error| call.io("looking at the staging file", error))?;
        Ok(Self { device: found.dev(), inode: found.ino(), born: found.created().ok() })
    }
}

impl SeenParts {
    /// Notes that the bytes of a part were seen.
    pub(crate) fn add(&self, upload: &str, file: FileId, number: PartNumber, part: HeldPart) {
        let mut uploads = self.uploads();
        let seen = uploads.entry(upload.to_owned()).or_insert_with(|| Seen { file, parts: BTreeMap::new() });
        if seen.file != file {
            *seen = Seen { file, parts: BTreeMap::new() };
        }
        seen.parts.insert(number, part);
    }

    /// Whether exactly these bytes were seen in this file.
    pub(crate) fn has(&self, upload: &str, file: FileId, number: PartNumber, part: &HeldPart) -> bool {
        let uploads = self.uploads();
        let seen = uploads.get(upload).filter(|seen| seen.file == file);
        seen.and_then(|seen| seen.parts.get(&number)) == Some(part)
    }

    /// A part is about to be overwritten.
    pub(crate) fn forget_part(&self, upload: &str, number: PartNumber) {
        if let Some(seen) = self.uploads().get_mut(upload) {
            seen.parts.remove(&number);
        }
    }

    /// The upload has ended.
    pub(crate) fn forget(&self, upload: &str) {
        self.uploads().remove(upload);
    }

    fn uploads(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
