//! Steps through a folder, one name at a time and never through a link.
//!
//! A path that was checked can be redirected before it is used; an open folder cannot. So every file is reached from
//! the root by opening one folder after the other (`O_NOFOLLOW`), and named only within the last one.

use std::{
    fs::File,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use longhaul::store::{ErrorKind, StoreError};
use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, fstat, fsync, mkdirat, open, openat, statat, unlinkat},
    io::Errno,
};

use crate::{
    call::Call,
    name::Name,
    new_files::{NewFiles, PRIVATE},
    stamp::Stamp,
};

/// The folder that holds all objects.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    path: PathBuf,
    new_files: NewFiles,
}

/// A name in an open folder.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) dir: OwnedFd,
    pub(crate) name: String,
    new_files: NewFiles,
}

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Nothing,
    File(Stamp),
    Folder(Stamp),
    Link,
    Special,
}

/// Looks at `name` in `dir`; a link is seen as a link.
pub(crate) fn look(dir: impl AsFd, name: &str) -> Result<Standing, Errno> {
    let stat = match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Standing::Nothing),
        Err(error) => return Err(error),
    };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Standing::File(Stamp::of(&stat)),
        FileType::Directory => Standing::Folder(Stamp::of(&stat)),
        FileType::Symlink => Standing::Link,
        _ => Standing::Special,
    })
}

/// The state of an open file.
pub(crate) fn stamp_of(file: &File, call: &Call) -> Result<Stamp, StoreError> {
    fstat(file).map(|stat| Stamp::of(&stat)).map_err(|error| call.io("looking at the open file", error))
}

impl Root {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, new_files: NewFiles::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn open(&self, call: &Call) -> Result<OwnedFd, StoreError> {
        match open(self.path(), OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
            Ok(dir) => Ok(dir),
            Err(error @ (Errno::NOENT | Errno::NOTDIR)) => {
                let cause = std::io::Error::from(error);
                Err(call.error(ErrorKind::NoSuchBucket, "the folder does not exist").caused_by(cause))
            }
            Err(error) => Err(call.io("opening the folder", error)),
        }
    }

    /// Opens a folder below the root; `None` where a step on the way is missing or is no folder.
    pub(crate) fn folder<S: AsRef<str>>(&self, segments: &[S], call: &Call) -> Result<Option<OwnedFd>, StoreError> {
        let mut dir = self.open(call)?;
        for segment in segments {
            dir = match enter(&dir, segment.as_ref()) {
                Ok(next) => next,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
                Err(error) => return Err(call.io(&format!("opening the folder {:?}", segment.as_ref()), error)),
            };
        }
        Ok(Some(dir))
    }

    /// Opens a folder below the root and makes what is missing on the way.
    pub(crate) fn make_folder(&self, segments: &[String], call: &Call) -> Result<OwnedFd, StoreError> {
        let mut dir = self.open(call)?;
        for segment in segments {
            dir = match enter(&dir, segment) {
                Err(Errno::NOENT) => make(&dir, segment, call)?,
                Ok(next) => next,
                Err(error) => return Err(in_the_way(&dir, segment, error, call)),
            };
        }
        Ok(dir)
    }

    /// What stands where the key says.
    pub(crate) fn look(&self, name: &Name, call: &Call) -> Result<Standing, StoreError> {
        match self.place(name, call)? {
            Some(place) => place.look(call),
            None => Ok(Standing::Nothing),
        }
    }

    /// The place of a key, if its folder exists.
    pub(crate) fn place(&self, name: &Name, call: &Call) -> Result<Option<Place>, StoreError> {
        let dir = self.folder(name.parents(), call)?;
        Ok(dir.map(|dir| self.place_in(dir, name.last())))
    }

    /// The place of a key, with its folders made.
    pub(crate) fn make_place(&self, name: &Name, call: &Call) -> Result<Place, StoreError> {
        Ok(self.place_in(self.make_folder(name.parents(), call)?, name.last()))
    }

    /// A name in a folder that was opened below the root.
    pub(crate) fn place_in(&self, dir: OwnedFd, name: &str) -> Place {
        Place { dir, name: name.to_owned(), new_files: self.new_files.clone() }
    }
}

fn enter(dir: &OwnedFd, segment: &str) -> Result<OwnedFd, Errno> {
    openat(dir, segment, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

fn make(dir: &OwnedFd, segment: &str, call: &Call) -> Result<OwnedFd, StoreError> {
    match mkdirat(dir, segment, Mode::from_raw_mode(0o777)) {
        // Another part or object made it in between, which is as good.
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(call.io(&format!("making the folder {segment:?}"), error)),
    }
    // An object in a folder whose own name is lost in a power cut is lost with it.
    fsync(dir).map_err(|error| call.io(&format!("making the folder {segment:?}"), error))?;
    enter(dir, segment).map_err(|error| in_the_way(dir, segment, error, call))
}

fn in_the_way(dir: &OwnedFd, segment: &str, error: Errno, call: &Call) -> StoreError {
    let words = match look(dir, segment) {
        Ok(Standing::Link) => "is a symbolic link, and nothing is written through links",
        Ok(Standing::File(_) | Standing::Special) => "is a file, so nothing can be stored below it",
        _ => return call.io(&format!("opening the folder {segment:?}"), error),
    };
    call.error(ErrorKind::InvalidKey, format!("{segment:?} {words}")).caused_by(std::io::Error::from(error))
}

impl Place {
    pub(crate) fn look(&self, call: &Call) -> Result<Standing, StoreError> {
        look(&self.dir, &self.name).map_err(|error| call.io("looking at the file", error))
    }

    /// Makes a new file beside the place, which nobody else can read or write.
    pub(crate) fn create(&self, name: &str, flags: OFlags, call: &Call) -> Result<File, StoreError> {
        let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.dir, name, flags, Mode::from_raw_mode(PRIVATE));
        file.map(File::from).map_err(|error| call.io("making a staging file", error))
    }

    /// Opens a file beside the place, if it is there.
    pub(crate) fn open(&self, name: &str, flags: OFlags, call: &Call) -> Result<Option<File>, StoreError> {
        // Without NONBLOCK, opening a pipe would wait for somebody to write to it.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match openat(&self.dir, name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(File::from(file))),
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(call.io("opening the file", error)),
        }
    }

    /// Opens a file that an earlier call, or process, made beside the place, if it is there. One that others could have touched
    /// is no file of an upload.
    pub(crate) fn open_own(&self, name: &str, flags: OFlags, call: &Call) -> Result<Option<File>, StoreError> {
        let Some(file) = self.open(name, flags, call)? else { return Ok(None) };
        self.new_files.trust(&file, &self.dir, call)?;
        Ok(Some(file))
    }

    /// Gives a staging file the mode of an ordinary one.
    pub(crate) fn open_up(&self, file: &File, call: &Call) -> Result<(), StoreError> {
        self.new_files.open_up(file, &self.dir, call)
    }

    /// Removes a file beside the place; says whether it was there.
    pub(crate) fn remove(&self, name: &str, call: &Call) -> Result<bool, StoreError> {
        match unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(call.io("removing a staging file", error)),
        }
    }

    /// Makes what happened to names in the folder durable.
    pub(crate) fn sync_folder(&self, call: &Call) -> Result<(), StoreError> {
        fsync(&self.dir).map_err(|error| call.io("writing the folder to disk", error))
    }
}
