//! Reads one state of a file, or says that it changed.
//!
//! The last chunk is handed on only after a look at the open file and at the path: a file that was changed or replaced
//! while it was read ends in an error before its last byte, so that nobody takes a mixture for an object. A file that holds
//! more or less than its size says (those of `/proc`, online documents) is no object either: it is refused by name.

use std::{fs::File, io, os::unix::fs::FileExt};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use longhaul::{
    object::{ByteRange, ObjectInfo, Pin},
    store::{ByteStream, ErrorKind, Fetched, StoreError},
};
use rustix::fs::{FileType, OFlags, fstat};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{
    call::Call,
    name::Name,
    place::{Root, Standing, stamp_of},
    stamp::Stamp,
};

const CHUNK: u64 = 256 * 1024;

/// What a key names, opened.
pub(crate) enum Opened {
    File { reader: Box<Reader>, info: ObjectInfo, range: Option<ByteRange> },
    Folder(ObjectInfo),
}

/// A file on its way out.
pub(crate) struct Reader {
    file: File,
    opened: Stamp,
    root: Root,
    name: Name,
    call: Call,
    next: u64,
    end: u64,
    is_done: bool,
}

/// Describes what the key names, or [`ErrorKind::NotFound`].
pub(crate) fn head(root: &Root, name: &Name, call: &Call) -> Result<ObjectInfo, StoreError> {
    match root.look(name, call)? {
        Standing::File(stamp) if !name.is_folder() => Ok(stamp.file_info(name.last())),
        Standing::Folder(stamp) if name.is_folder() => Ok(stamp.folder_info()),
        _ => Err(not_found(call)),
    }
}

/// Opens what the key names; with a pin, only that state of it.
pub(crate) fn open(
    root: Root,
    name: Name,
    call: Call,
    pin: Option<&Pin>,
    range: Option<ByteRange>,
) -> Result<Opened, StoreError> {
    if name.is_folder() {
        let info = head(&root, &name, &call)?;
        check_pin(&info, pin, &call)?;
        clamp(range, 0, &call)?;
        return Ok(Opened::Folder(info));
    }
    let place = root.place(&name, &call)?.ok_or_else(|| not_found(&call))?;
    // To open a device can do things to it.
    let Standing::File(_) = place.look(&call)? else { return Err(not_found(&call)) };
    let file = place.open(name.last(), OFlags::RDONLY, &call)?.ok_or_else(|| not_found(&call))?;
    let stat = fstat(&file).map_err(|error| call.io("looking at the open file", error))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(not_found(&call));
    }
    let opened = really_empty(&file, Stamp::of(&stat), &call)?;
    let info = opened.file_info(name.last());
    check_pin(&info, pin, &call)?;
    let range = clamp(range, opened.size(), &call)?;
    let (next, end) = range.map_or((0, opened.size()), |range| (range.first(), range.last() + 1));
    let reader = Reader { file, opened, root, name, call, next, end, is_done: false };
    Ok(Opened::File { reader: Box::new(reader), info, range })
}

/// What is opened, if it is not a file that says that it is empty and is not. It is asked before the answer, since nobody reads
/// a body of no bytes.
fn really_empty(file: &File, opened: Stamp, call: &Call) -> Result<Stamp, StoreError> {
    if opened.size() > 0 || !has_byte_at(file, 0, call)? {
        return Ok(opened);
    }
    // It may have been written just now.
    let now = stamp_of(file, call)?;
    if now.size() > 0 { Ok(now) } else { Err(holds_more(now, call)) }
}

fn has_byte_at(file: &File, offset: u64, call: &Call) -> Result<bool, StoreError> {
    loop {
        match file.read_at(&mut [0], offset) {
            Ok(read) => return Ok(read > 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(call.io("reading the end of the file", error)),
        }
    }
}

fn holds_more(stamp: Stamp, call: &Call) -> StoreError {
    let words = format!(
        "the file holds more bytes than the {} that the file system says; copy it as another file",
        stamp.size()
    );
    call.error(ErrorKind::Unsupported, words)
}

fn not_found(call: &Call) -> StoreError {
    call.error(ErrorKind::NotFound, "there is no such file")
}

fn check_pin(info: &ObjectInfo, pin: Option<&Pin>, call: &Call) -> Result<(), StoreError> {
    match pin {
        Some(pin) if pin.etag != info.etag => {
            Err(call.error(ErrorKind::PreconditionFailed, "the file is not the one that was pinned"))
        }
        _ => Ok(()),
    }
}

/// Cuts a range at the end of the file, as S3 does; one that begins behind it is an error.
fn clamp(range: Option<ByteRange>, size: u64, call: &Call) -> Result<Option<ByteRange>, StoreError> {
    let Some(range) = range else { return Ok(None) };
    let rest = size.saturating_sub(range.first());
    match ByteRange::new(range.first(), range.len().min(rest)) {
        Some(range) => Ok(Some(range)),
        None => Err(call.error(ErrorKind::InvalidRequest, format!("{range} begins behind the file's {size} bytes"))),
    }
}

impl Opened {
    /// The answer to GetObject. Must be called within a runtime: it begins to read.
    pub(crate) fn fetched(self) -> Fetched {
        match self {
            Self::File { reader, info, range } => {
                let body = ByteStream::new(reader.end - reader.next, chunks(*reader));
                Fetched { info, range, body }
            }
            Self::Folder(info) => Fetched { info, range: None, body: ByteStream::from_bytes(Bytes::new()) },
        }
    }
}

/// The chunks, each read in a blocking thread while the one before it is on its way.
fn chunks(reader: Reader) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static {
    let call = reader.call.clone();
    let steps = stream::unfold(Some((ahead(reader), call)), |reading| async move {
        let (step, call) = reading?;
        match step.await {
            Ok((reader, Some(Ok(chunk)))) => Some((Ok(chunk), Some((ahead(reader), call)))),
            Ok((_, Some(Err(error)))) => Some((Err(error), None)),
            Ok((_, None)) => None,
            Err(error) => Some((Err(call.broken(error)), None)),
        }
    });
    steps.fuse()
}

type Step = (Reader, Option<Result<Bytes, StoreError>>);

fn ahead(mut reader: Reader) -> JoinHandle<Step> {
    spawn_blocking(move || {
        let step = reader.step();
        (reader, step)
    })
}

impl Reader {
    fn step(&mut self) -> Option<Result<Bytes, StoreError>> {
        if self.is_done {
            return None;
        }
        let chunk = self.read_chunk();
        self.is_done = chunk.is_err() || self.next == self.end;
        match chunk {
            Ok(chunk) if chunk.is_empty() => None,
            chunk => Some(chunk),
        }
    }

    fn read_chunk(&mut self) -> Result<Bytes, StoreError> {
        let length = (self.end - self.next).min(CHUNK);
        let mut chunk = vec![0; usize::try_from(length).expect("a chunk fits in memory")];
        match self.file.read_exact_at(&mut chunk, self.next) {
            Ok(()) => self.next += length,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.check_unchanged()?;
                return Err(self.ends_early());
            }
            Err(error) => return Err(self.call.io("reading the file", error)),
        }
        if self.next == self.end {
            let more = self.end == self.opened.size() && has_byte_at(&self.file, self.end, &self.call)?;
            self.check_unchanged()?;
            if more {
                return Err(holds_more(self.opened, &self.call));
            }
        }
        Ok(chunk.into())
    }

    /// The bytes read are of the pinned state only if it still stands. It is asked behind the last of them.
    fn check_unchanged(&self) -> Result<(), StoreError> {
        let is_same_file = stamp_of(&self.file, &self.call)? == self.opened;
        let is_still_there = self.root.look(&self.name, &self.call)? == Standing::File(self.opened);
        if is_same_file && is_still_there { Ok(()) } else { Err(self.changed()) }
    }

    fn ends_early(&self) -> StoreError {
        let words = format!(
            "the file ends after fewer than the {} bytes that the file system says; copy it as another file",
            self.opened.size()
        );
        self.call.error(ErrorKind::Unsupported, words)
    }

    fn changed(&self) -> StoreError {
        self.call.error(ErrorKind::PreconditionFailed, "the file changed while it was read")
    }
}
