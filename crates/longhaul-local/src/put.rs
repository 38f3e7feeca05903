//! Writes an object in one go: a file beside its place, read back, and then given its name.
//!
//! What is read back is what the file system answers after it was told to write to disk, mostly from its own memory: it
//! proves the writing, and not the disk. A process that is killed in between leaves a `.longhaul-….tmp` behind, which
//! no listing shows.

use std::{
    fs::{File, FileTimes},
    os::unix::fs::FileExt,
};

use longhaul::{
    object::{Crc64, ETag, Hasher, Timestamp, WithMd5},
    store::{Condition, Effect, ErrorKind, StoreError, Written},
};
use rustix::fs::OFlags;
use uuid::Uuid;

use crate::{
    call::Call,
    inflow::Sink,
    name::{Name, OWN_PREFIX},
    place::{Place, Root, Standing},
    stamp::{folder_etag, system_time},
};

/// Bytes of one read when a file is read back.
const READ_BACK: u64 = 1024 * 1024;

/// A file that has not got its name yet. It is removed unless it is published.
pub(crate) struct Staged {
    file: File,
    place: Place,
    name: String,
    call: Call,
    hasher: Hasher,
    length: u64,
    is_published: bool,
}

impl Staged {
    /// Makes the folders on the way and an empty file beside the place of `name`.
    pub(crate) fn create(root: &Root, name: &Name, condition: &Condition, call: Call) -> Result<Self, StoreError> {
        let place = root.make_place(name, &call)?;
        place.check(condition, &call)?;
        let staged = format!("{OWN_PREFIX}{:016x}-{}.tmp", stable_hash(name.last()), Uuid::new_v4());
        let file = place.create(&staged, OFlags::RDWR, &call)?;
        let hasher = Hasher::new(WithMd5::No);
        Ok(Self { file, place, name: staged, call, hasher, length: 0, is_published: false })
    }

    /// Proves what was written and gives it its name.
    pub(crate) fn publish(
        mut self,
        expected: Option<Crc64>,
        modified: Timestamp,
        condition: &Condition,
    ) -> Result<Written, StoreError> {
        let written = self.hasher.crc();
        check_crc(expected, written, &self.call)?;
        set_modified(&self.file, modified, &self.call)?;
        self.file.sync_all().map_err(|error| self.call.io("writing the file to disk", error))?;
        let held = crc_of(&self.file, 0, self.length, &self.call)?;
        check_crc(Some(written), held, &self.call)?;
        let published = self.place.publish(&self.file, &self.name, condition, &self.call);
        let etag = published.inspect_err(|error| {
            // The name is given, only its durability is in doubt: there is no staging file any more.
            self.is_published = error.effect() == Effect::MayHaveHappened;
        })?;
        self.is_published = true;
        Ok(Written { etag, version_id: None, crc64nvme: Some(held) })
    }
}

impl Sink for Staged {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let written = self.file.write_all_at(bytes, self.length);
        written.map_err(|error| self.call.io("writing the file", error))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_published {
            // The error that brought us here says more than one about the file it leaves behind.
            let _ = self.place.remove(&self.name, &self.call);
        }
    }
}

/// Stands in for a file where the object is a folder and has no bytes.
pub(crate) struct NoBytes;

impl Sink for NoBytes {
    fn write(&mut self, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Makes the folder that the key `dir/` means.
pub(crate) fn make_folder(root: &Root, name: &Name, condition: &Condition, call: &Call) -> Result<Written, StoreError> {
    let is_there = matches!(root.look(name, call)?, Standing::Folder(_));
    let holds = match condition {
        Condition::None => true,
        Condition::IfAbsent => !is_there,
        Condition::IfMatch(tag) => is_there && *tag == folder_etag(),
    };
    if !holds {
        return Err(call.error(ErrorKind::PreconditionFailed, "the folder is not as it was expected"));
    }
    let mut segments = name.parents().to_vec();
    segments.push(name.last().to_owned());
    root.make_folder(&segments, call)?;
    Ok(Written { etag: Some(folder_etag()), version_id: None, crc64nvme: Some(Crc64::EMPTY) })
}

/// Refuses bytes that are not the ones that were sent.
pub(crate) fn check_crc(expected: Option<Crc64>, actual: Crc64, call: &Call) -> Result<(), StoreError> {
    let Some(expected) = expected.filter(|expected| *expected != actual) else { return Ok(()) };
    let (actual, expected) = (actual.to_base64(), expected.to_base64());
    Err(call.error(ErrorKind::Corrupt, format!("the bytes have the CRC64NVME {actual}, and {expected} was expected")))
}

/// The CRC64NVME of `length` bytes as the file system gives them back.
pub(crate) fn crc_of(file: &File, first: u64, length: u64, call: &Call) -> Result<Crc64, StoreError> {
    let mut hasher = Hasher::new(WithMd5::No);
    let mut buffer = vec![0; usize::try_from(length.min(READ_BACK)).expect("the buffer is small")];
    let mut done = 0;
    while done < length {
        let step = (length - done).min(READ_BACK);
        let bytes = &mut buffer[..usize::try_from(step).expect("a step is small")];
        let read = file.read_exact_at(bytes, first + done);
        read.map_err(|error| call.io("reading the file back", error))?;
        hasher.update(bytes);
        done += step;
    }
    Ok(hasher.crc())
}

/// Gives the file the time of the object that it is a copy of.
pub(crate) fn set_modified(file: &File, modified: Timestamp, call: &Call) -> Result<(), StoreError> {
    let times = FileTimes::new().set_modified(system_time(modified));
    file.set_times(times).map_err(|error| call.io("setting the file's time", error))
}

/// The tag of a part: its checksum.
pub(crate) fn crc_etag(crc: Crc64) -> ETag {
    ETag::new(&crc.to_base64())
}

/// FNV-1a: the same in every version of longhaul, which the standard library's hashes do not promise.
pub(crate) fn stable_hash(text: &str) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, mix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(stable_hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(stable_hash("a"), 0xaf63_dc4c_8601_ec8c);
    }
}
