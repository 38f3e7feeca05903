//! Multipart uploads: a staging file beside the object's place, and a sidecar that says what it holds.
//!
//! `.longhaul-<hash of the key>-<id>.part` and `.json`. An upload exists while both do: the last step of Complete gives
//! the staging file its name, and with it the upload is gone.

use std::{collections::BTreeMap, fs::File, io::Read, sync::Arc};

use longhaul::{
    object::{Crc64, ObjectKey, PartNumber, Timestamp},
    store::{Completion, ErrorKind, StoreError, UnfinishedUpload, Upload, UploadedPart, Written},
};
use rustix::fs::{Dir, OFlags};
use uuid::Uuid;

use crate::{
    call::Call,
    name::{Name, OWN_PREFIX},
    place::{Place, Root, Standing, look, stamp_of},
    put::{check_crc, crc_of, set_modified, stable_hash},
    seen_parts::{FileId, SeenParts},
    sidecar::{Header, HeldPart, Sidecar, append, strike_out},
    stamp::now,
};

const DATA_END: &str = ".part";
const NOTES_END: &str = ".json";
/// Ten thousand parts of about 100 bytes, each written many times over.
const MAX_NOTES: u64 = 16 * 1024 * 1024;

/// The files of an upload.
pub(crate) struct Staging {
    place: Place,
    data_name: String,
    notes_name: String,
    pub(crate) id: String,
    pub(crate) seen: Arc<SeenParts>,
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
    let staging = Staging::new(root.make_place(name, call)?, key, &id, Arc::default());
    let header = Header { key: key.clone(), modified, initiated: now() };
    let notes = staging.place.create(&staging.notes_name, OFlags::RDWR, call)?;
    let noted = append(&notes, &header).and_then(|()| notes.sync_all());
    noted.map_err(|error| call.io("noting the upload", error))?;
    staging.place.create(&staging.data_name, OFlags::RDWR, call)?;
    staging.place.sync_folder(call)?;
    Ok(id)
}

impl Staging {
    fn new(place: Place, key: &ObjectKey, id: &str, seen: Arc<SeenParts>) -> Self {
        let begin = format!("{}{id}", own_begin(key));
        let (data_name, notes_name) = (format!("{begin}{DATA_END}"), format!("{begin}{NOTES_END}"));
        Self { place, data_name, notes_name, id: id.to_owned(), seen }
    }

    /// The files of an upload that may exist.
    pub(crate) fn find(
        root: &Root,
        name: &Name,
        upload: &Upload,
        seen: Arc<SeenParts>,
        call: &Call,
    ) -> Result<Self, StoreError> {
        // The id becomes part of a path, so it must be one that `create` could have answered.
        let is_id = Uuid::try_parse(&upload.id).is_ok_and(|id| id.to_string() == upload.id);
        let place = if is_id { root.place(name, call)? } else { None };
        place.map(|place| Self::new(place, &upload.key, &upload.id, seen)).ok_or_else(|| no_such_upload(call))
    }

    /// The staging file, for reading and writing.
    pub(crate) fn data(&self, call: &Call) -> Result<File, StoreError> {
        self.place.open_own(&self.data_name, OFlags::RDWR, call)?.ok_or_else(|| no_such_upload(call))
    }

    /// The sidecar, for appending.
    pub(crate) fn notes(&self, call: &Call) -> Result<File, StoreError> {
        let flags = OFlags::RDWR | OFlags::APPEND;
        self.place.open_own(&self.notes_name, flags, call)?.ok_or_else(|| no_such_upload(call))
    }

    /// The sidecar's text.
    pub(crate) fn text(&self, call: &Call) -> Result<Vec<u8>, StoreError> {
        read_notes(&self.notes(call)?, call)
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

    /// Whether the bytes of a listed part are there. What an earlier process noted is read again, and struck out if it is not so.
    pub(crate) fn reread(&self, listed: &UploadedPart, call: &Call) -> Result<bool, StoreError> {
        let data = self.data(call)?;
        let held = self.sidecar(call)?.held(stamp_of(&data, call)?.size());
        let Some(part) = held.get(&listed.number).filter(|part| part.uploaded(listed.number) == *listed) else {
            return Ok(false);
        };
        self.is_there(&data, listed.number, part, call)
    }

    fn is_there(&self, data: &File, number: PartNumber, part: &HeldPart, call: &Call) -> Result<bool, StoreError> {
        let file = FileId::of(data, call)?;
        if self.seen.has(&self.id, file, number, part) {
            return Ok(true);
        }
        if crc_of(data, part.offset, part.size, call)? != part.crc {
            strike_out(&self.notes(call)?, number, call)?;
            return Ok(false);
        }
        self.seen.add(&self.id, file, number, part.clone());
        Ok(true)
    }

    /// Makes the object.
    pub(crate) fn complete(&self, completion: &Completion<'_>, call: &Call) -> Result<Written, StoreError> {
        let data = self.data(call)?;
        let sidecar = self.sidecar(call)?;
        let length = stamp_of(&data, call)?.size();
        let held = sidecar.held(length);
        let crc = whole(&held, completion, call)?;
        check_crc(completion.crc64nvme, crc, call)?;
        self.place.check(&completion.condition, call)?;
        for (number, part) in completion.parts.iter().filter_map(|given| held.get_key_value(&given.number)) {
            if !self.is_there(&data, *number, part, call)? {
                let words = format!("part {number}, read again, is not what was noted of it");
                return Err(call.error(ErrorKind::InvalidPart, words));
            }
        }
        if length > completion.size {
            // Parts that Complete does not name are left out, as in S3.
            data.set_len(completion.size).map_err(|error| call.io("cutting the staging file", error))?;
        }
        set_modified(&data, sidecar.header.modified, call)?;
        data.sync_all().map_err(|error| call.io("writing the file to disk", error))?;
        let etag = self.place.publish(&data, &self.data_name, &completion.condition, call)?;
        // The object is complete; a sidecar without its staging file is no upload and harms nobody.
        let _ = self.place.remove(&self.notes_name, call);
        self.seen.forget(&self.id);
        Ok(Written { etag, version_id: None, crc64nvme: Some(crc) })
    }

    /// Removes the upload.
    pub(crate) fn abort(&self, call: &Call) -> Result<(), StoreError> {
        self.seen.forget(&self.id);
        // The bytes first: what is left after a crash in between is small, and no upload.
        let was_there = self.place.remove(&self.data_name, call)?;
        self.place.remove(&self.notes_name, call)?;
        if was_there { self.place.sync_folder(call) } else { Err(no_such_upload(call)) }
    }
}

/// The checksum of the object that the named parts make, if they are held and follow one another.
fn whole(held: &BTreeMap<PartNumber, HeldPart>, completion: &Completion<'_>, call: &Call) -> Result<Crc64, StoreError> {
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

/// The unfinished uploads of the objects in one folder, by files whose names begin with `begin`.
pub(crate) fn in_folder<S: AsRef<str>>(
    root: &Root,
    segments: &[S],
    begin: &str,
    wanted: impl Fn(&ObjectKey) -> bool,
    call: &Call,
) -> Result<Vec<UnfinishedUpload>, StoreError> {
    let Some(dir) = root.folder(segments, call)? else { return Ok(Vec::new()) };
    let listing = |error| call.io("listing a folder", error);
    let entries = Dir::read_from(&dir).map_err(listing)?;
    let mut place = root.place_in(dir, "");
    let mut uploads = Vec::new();
    for entry in entries {
        let entry = entry.map_err(listing)?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name.starts_with(begin) && name.ends_with(NOTES_END) {
            name.clone_into(&mut place.name);
            uploads.extend(unfinished(&place, call)?.filter(|upload| wanted(&upload.upload.key)));
        }
    }
    Ok(uploads)
}

/// The upload whose sidecar this is.
fn unfinished(notes: &Place, call: &Call) -> Result<Option<UnfinishedUpload>, StoreError> {
    let text = match notes.open_own(&notes.name, OFlags::RDONLY, call) {
        Ok(Some(file)) => read_notes(&file, call),
        Ok(None) => return Ok(None),
        Err(error) => Err(error),
    };
    let text = match text {
        Ok(text) => text,
        // Somebody else's, or touched by somebody else.
        Err(error) if error.kind() == ErrorKind::NoSuchUpload => return Ok(None),
        Err(error) => return Err(error),
    };
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

/// How the names of the files of this key's uploads begin.
pub(crate) fn own_begin(key: &ObjectKey) -> String {
    format!("{OWN_PREFIX}{:016x}-", stable_hash(key.as_str()))
}

/// The text of a sidecar, if it is one.
fn read_notes(file: &File, call: &Call) -> Result<Vec<u8>, StoreError> {
    let mut text = Vec::new();
    let read = file.take(MAX_NOTES + 1).read_to_end(&mut text);
    read.map_err(|error| call.io("reading the upload's notes", error))?;
    if text.len() as u64 > MAX_NOTES {
        let words = format!("the upload's notes have more than the {MAX_NOTES} bytes that they can need");
        return Err(call.error(ErrorKind::NoSuchUpload, words));
    }
    Ok(text)
}

fn no_such_upload(call: &Call) -> StoreError {
    call.error(ErrorKind::NoSuchUpload, "there is no such upload")
}
