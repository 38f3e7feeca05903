//! What a file system makes of the files that this process creates: their mode, and whose they are.
//!
//! Staging files are private and get the mode of an ordinary file at the end. That mode is the umask's, or that of the
//! folder's default ACL, or one mode for all files where the file system knows no others; and a file need not belong to
//! whoever made it (a share with one owner for all, a server that knows no root). So an ordinary file is made, looked at
//! and removed, once for each file system.

use std::{
    collections::BTreeMap,
    fs::File,
    os::fd::AsFd,
    sync::{Arc, Mutex, PoisonError},
};

use longhaul::store::{ErrorKind, StoreError};
use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat, fchmod, fstat, openat, unlinkat},
    io::Errno,
    process::geteuid,
};
use uuid::Uuid;

use crate::{call::Call, name::OWN_PREFIX};

/// The mode of a file that only its owner may read and write.
pub(crate) const PRIVATE: u32 = 0o600;
/// The bits that let others write.
const LOOSE: u32 = 0o022;

/// What is known of new files, for each file system that was met.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewFiles(Arc<Mutex<BTreeMap<u64, Ordinary>>>);

/// An ordinary new file.
#[derive(Clone, Copy, Debug)]
struct Ordinary {
    mode: u32,
    owner: u32,
}

impl NewFiles {
    /// Gives a staging file the mode of an ordinary file in the same folder.
    pub(crate) fn open_up(&self, file: &File, dir: impl AsFd, call: &Call) -> Result<(), StoreError> {
        match fchmod(file, Mode::from_raw_mode(self.ordinary(dir, call)?.mode)) {
            // Where modes cannot be changed, there are none that would keep anybody out.
            Ok(()) | Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::INVAL) => Ok(()),
            Err(error) => Err(call.io("giving the file its mode", error)),
        }
    }

    /// Refuses an own file of an earlier call that anybody else could have written, or that is known by another name too:
    /// what it says is not believed, and nothing is written to it.
    pub(crate) fn trust(&self, file: &File, dir: impl AsFd, call: &Call) -> Result<(), StoreError> {
        let stat = fstat(file).map_err(|error| call.io("looking at a staging file", error))?;
        let is_ours = stat.st_uid == geteuid().as_raw() || stat.st_uid == self.ordinary(dir, call)?.owner;
        let words = match distrusted(&stat, is_ours) {
            Some(words) => words,
            None if is_loose(file, &stat, call)? => "others can write to it",
            None => return Ok(()),
        };
        Err(call.error(ErrorKind::NoSuchUpload, format!("a file of the upload is not trusted: {words}")))
    }

    fn ordinary(&self, dir: impl AsFd, call: &Call) -> Result<Ordinary, StoreError> {
        let device = fstat(&dir).map_err(|error| call.io("looking at the folder", error))?.st_dev;
        if let Some(known) = self.known().get(&device) {
            return Ok(*known);
        }
        let ordinary = make_one(dir).map_err(|error| call.io("making a file", error))?;
        self.known().insert(device, ordinary);
        Ok(ordinary)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Ordinary>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a staging file private again.
pub(crate) fn close(file: &File) {
    // The error that kept it from its name says more; a file that stays open to others is not taken up again.
    let _ = fchmod(file, Mode::from_raw_mode(PRIVATE));
}

fn make_one(dir: impl AsFd) -> Result<Ordinary, Errno> {
    let name = format!("{OWN_PREFIX}{}.tmp", Uuid::new_v4());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(&dir, &name, flags, Mode::from_raw_mode(0o666))?;
    let stat = fstat(&file);
    unlinkat(&dir, &name, AtFlags::empty())?;
    let stat = stat?;
    Ok(Ordinary { mode: stat.st_mode & 0o777, owner: stat.st_uid })
}

fn distrusted(stat: &Stat, is_ours: bool) -> Option<&'static str> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Some("it is no regular file");
    }
    if stat.st_nlink > 1 {
        return Some("it has another name (a hard link)");
    }
    (!is_ours).then_some("it belongs to another user")
}

/// Whether others may write to it, as far as the file system knows of modes: where all files have one, it says nothing.
fn is_loose(file: &File, stat: &Stat, call: &Call) -> Result<bool, StoreError> {
    if stat.st_mode & LOOSE == 0 {
        return Ok(false);
    }
    let mode = |mode| Mode::from_raw_mode(mode & 0o777);
    let Ok(()) = fchmod(file, mode(PRIVATE)) else { return Ok(false) };
    let now = fstat(file).map_err(|error| call.io("looking at a staging file", error))?;
    // It stays as loose as it was found, and so is refused the next time too.
    fchmod(file, mode(stat.st_mode)).map_err(|error| call.io("looking at a staging file", error))?;
    Ok(now.st_mode & LOOSE == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_user_is_not_trusted_whatever_its_mode() {
        let file = tempfile::tempfile().unwrap();
        let stat = fstat(&file).unwrap();
        assert_eq!(distrusted(&stat, true), None);
        assert_eq!(distrusted(&stat, false), Some("it belongs to another user"));
    }
}
