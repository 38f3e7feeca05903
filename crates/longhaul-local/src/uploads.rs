//! Multipart uploads: a staging file beside the object's place, and a sidecar that says what it holds.
//!
//! `.longhaul-<hash of the key>-<id>.part` and `.json`. An upload exists while both do: the last step of Complete gives
//! the staging file its name, and with it the upload is gone.

use std::{fs::File, io::Read};

use longhaul::{
    checksum::Crc64,
    error::{ErrorKind, StoreError},
    object::{ObjectKey, Timestamp},
    ports::{Completion, UnfinishedUpload, Upload, UploadedPart, Written},
};
use rustix::fs::{Dir, OFlags};
use uuid::Uuid;

use crate::{
    call::Call,
    name::{Name, OWN_PREFIX},
    place::{Place, Root, Standing, look, stamp_of},
    put::{check_crc, set_modified, stable_hash},
    sidecar::{Header, Sidecar, append},
    stamp::now,
};

const DATA_END: &str = ".part";
const NOTES_END: &str = ".json";

/// The files of an upload.
pub(crate) struct Staging {
    place: Place,
    data_name: String,
    notes_name: String,
}

/// Begins an upload and answers its id.
pub(crate) fn create(
    root: &Root,
    name: &Name,
    key: &ObjectKey,
    modified: Timestamp,
    call: &Call,
) -> Result<String, StoreError> {
    let id = Uuid::new_v4().to_string();
    let staging = Staging::new(root.make_place(name, call)?, key, &id);
    let header = Header { key: key.clone(), modified, initiated: now() };
    let notes = staging.place.create(&staging.notes_name, OFlags::RDWR, call)?;
    let noted = append(&notes, &header).and_then(|()| notes.sync_all());
    noted.map_err(|error| call.io("noting the upload", error))?;
    staging.place.create(&staging.data_name, OFlags::RDWR, call)?;
    staging.place.sync_folder(call)?;
    Ok(id)
}

impl Staging {
    fn new(place: Place, key: &ObjectKey, id: &str) -> Self {
        let begin = format!("{}{id}", own_begin(key));
        Self { place, data_name: format!("{begin}{DATA_END}"), notes_name: format!("{begin}{NOTES_END}") }
    }

    /// The files of an upload that may exist.
    pub(crate) fn find(root: &Root, name: &Name, upload: &Upload, call: &Call) -> Result<Self, StoreError> {
        // The id becomes part of a path, so it must be one that `create` could have answered.
        let is_id = Uuid::try_parse(&upload.id).is_ok_and(|id| id.to_string() == upload.id);
        let place = if is_id { root.place(name, call)? } else { None };
        place.map(|place| Self::new(place, &upload.key, &upload.id)).ok_or_else(|| no_such_upload(call))
    }

    /// The staging file, for reading and writing.
    pub(crate) fn data(&self, call: &Call) -> Result<File, StoreError> {
        self.place.open(&self.data_name, OFlags::RDWR, call)?.ok_or_else(|| no_such_upload(call))
    }

    /// The sidecar, for appending.
    pub(crate) fn notes(&self, call: &Call) -> Result<File, StoreError> {
        let flags = OFlags::RDWR | OFlags::APPEND;
        self.place.open(&self.notes_name, flags, call)?.ok_or_else(|| no_such_upload(call))
    }

    /// The sidecar's text.
    pub(crate) fn text(&self, call: &Call) -> Result<Vec<u8>, StoreError> {
        let mut text = Vec::new();
        self.notes(call)?.read_to_end(&mut text).map_err(|error| call.io("reading the upload's notes", error))?;
        Ok(text)
    }

    fn sidecar(&self, call: &Call) -> Result<Sidecar, StoreError> {
        Sidecar::parse(&self.text(call)?).ok_or_else(|| no_such_upload(call))
    }

    /// The parts that the upload holds.
    pub(crate) fn list(&self, call: &Call) -> Result<Vec<UploadedPart>, StoreError> {
        let length = stamp_of(&self.data(call)?, call)?.size();
        let held = self.sidecar(call)?.held(length);
        Ok(held.iter().map(|(number, part)| part.uploaded(*number)).collect())
    }

    /// Makes the object.
    pub(crate) fn complete(&self, completion: &Completion<'_>, call: &Call) -> Result<Written, StoreError> {
        let data = self.data(call)?;
        let sidecar = self.sidecar(call)?;
        let length = stamp_of(&data, call)?.size();
        let crc = whole(&sidecar, length, completion, call)?;
        check_crc(completion.crc64nvme, crc, call)?;
        self.place.check(&completion.condition, call)?;
        if length > completion.size {
            // Parts that Complete does not name are left out, as in S3.
            data.set_len(completion.size).map_err(|error| call.io("cutting the staging file", error))?;
        }
        set_modified(&data, sidecar.header.modified, call)?;
        data.sync_all().map_err(|error| call.io("writing the file to disk", error))?;
        let etag = self.place.publish(&data, &self.data_name, &completion.condition, call)?;
        // The object is complete; a sidecar without its staging file is no upload and harms nobody.
        let _ = self.place.remove(&self.notes_name, call);
        Ok(Written { etag, version_id: None, crc64nvme: Some(crc) })
    }

    /// Removes the upload.
    pub(crate) fn abort(&self, call: &Call) -> Result<(), StoreError> {
        // The bytes first: what is left after a crash in between is small, and no upload.
        let was_there = self.place.remove(&self.data_name, call)?;
        self.place.remove(&self.notes_name, call)?;
        if was_there { self.place.sync_folder(call) } else { Err(no_such_upload(call)) }
    }
}

/// The checksum of the object that the named parts make, if they are held and follow one another.
fn whole(sidecar: &Sidecar, length: u64, completion: &Completion<'_>, call: &Call) -> Result<Crc64, StoreError> {
    let held = sidecar.held(length);
    let invalid = |message: String| call.error(ErrorKind::InvalidPart, message);
    let (mut crc, mut end, mut last) = (Crc64::EMPTY, 0, None);
    for given in completion.parts {
        let number = given.number;
        if last.is_some_and(|last| last >= number) {
            return Err(invalid(format!("part {number} is not in order")));
        }
        let part = held.get(&number).filter(|part| part.uploaded(number).etag == given.etag);
        let part = part.ok_or_else(|| invalid(format!("part {number} is not held as it is named")))?;
        if part.offset != end || part.size != given.size {
            return Err(invalid(format!("part {number} does not begin where the one before it ends")));
        }
        crc = crc.followed_by(part.crc, part.size);
        end += part.size;
        last = Some(number);
    }
    if completion.parts.is_empty() || end != completion.size {
        return Err(invalid(format!("the parts have {end} bytes, and the object {}", completion.size)));
    }
    Ok(crc)
}

/// The unfinished uploads of the objects in one folder.
pub(crate) fn in_folder<S: AsRef<str>>(
    root: &Root,
    segments: &[S],
    wanted: impl Fn(&ObjectKey) -> bool,
    call: &Call,
) -> Result<Vec<UnfinishedUpload>, StoreError> {
    let Some(dir) = root.folder(segments, call)? else { return Ok(Vec::new()) };
    let listing = |error| call.io("listing a folder", error);
    let mut names = Vec::new();
    for entry in Dir::read_from(&dir).map_err(listing)? {
        let entry = entry.map_err(listing)?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name.starts_with(OWN_PREFIX) && name.ends_with(NOTES_END) {
            names.push(name.to_owned());
        }
    }
    let mut place = Place { dir, name: String::new() };
    let mut uploads = Vec::new();
    for name in names {
        place.name = name;
        uploads.extend(unfinished(&place, call)?.filter(|upload| wanted(&upload.upload.key)));
    }
    Ok(uploads)
}

/// The upload whose sidecar this is.
fn unfinished(notes: &Place, call: &Call) -> Result<Option<UnfinishedUpload>, StoreError> {
    let Some(mut file) = notes.open(&notes.name, OFlags::RDONLY, call)? else { return Ok(None) };
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(|error| call.io("reading an upload's notes", error))?;
    let Some(Sidecar { header, .. }) = Sidecar::parse(&text) else { return Ok(None) };
    let begin = own_begin(&header.key);
    let id = notes.name.strip_prefix(begin.as_str()).and_then(|rest| rest.strip_suffix(NOTES_END));
    let Some(id) = id.filter(|id| Uuid::try_parse(id).is_ok()) else { return Ok(None) };
    let data = look(&notes.dir, &format!("{begin}{id}{DATA_END}"));
    match data.map_err(|error| call.io("looking at a staging file", error))? {
        Standing::File(_) => {
            let upload = Upload { key: header.key, id: id.to_owned() };
            Ok(Some(UnfinishedUpload { upload, initiated: header.initiated, adoptable: true }))
        }
        _ => Ok(None),
    }
}

fn own_begin(key: &ObjectKey) -> String {
    format!("{OWN_PREFIX}{:016x}-", stable_hash(key.as_str()))
}

fn no_such_upload(call: &Call) -> StoreError {
    call.error(ErrorKind::NoSuchUpload, "there is no such upload")
}
