//! Who is alive, by locks that the operating system drops when a process ends, however it ends.
//!
//! Every open ledger holds an exclusive lock on a file of its own, `<ledger>.owners/<uuid>`. A lease names that uuid:
//! it is held while nobody else can lock the file. No clock is involved. The folder must not lie on a network file
//! system that does not carry locks between machines; a lease then looks free, which costs work and never correctness.

use std::{
    ffi::OsString,
    fs::{File, TryLockError},
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Dir, Mode, OFlags, fchmod, mkdir, open, openat, renameat, unlinkat},
    io::Errno,
};
use uuid::Uuid;

use crate::new_files::PRIVATE;

/// The mode of a folder that only its owner may enter.
const PRIVATE_FOLDER: u32 = 0o700;

/// This process's own lock, and a look at those of others.
#[derive(Debug)]
pub(crate) struct Owner {
    folder: OwnedFd,
    id: String,
    _lock: File,
}

impl Owner {
    /// Takes a lock under a new name.
    pub(crate) fn claim(ledger: &Path) -> io::Result<Self> {
        let mut folder = OsString::from(ledger);
        folder.push(".owners");
        let folder = private_folder(&PathBuf::from(folder))?;
        let id = Uuid::new_v4().to_string();
        // Whoever finds an unlocked file takes its owner for dead. So it gets its name only when it is locked.
        let unnamed = format!("{id}.new");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = File::from(openat(&folder, &unnamed, flags, Mode::from_raw_mode(PRIVATE))?);
        lock.try_lock().map_err(io::Error::from)?;
        renameat(&folder, &unnamed, &folder, &id)?;
        let owner = Self { folder, id, _lock: lock };
        owner.sweep();
        Ok(owner)
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether the process behind another id is alive.
    pub(crate) fn is_alive(&self, id: &str) -> bool {
        // The id comes from a record and becomes a path: only what a claim could have made is one.
        if !is_owner_id(id) {
            return false;
        }
        // Without NONBLOCK, opening a pipe would wait for somebody to write to it.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.folder, id, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            // A file that cannot be looked at may well be held.
            Err(error) => return error != Errno::NOENT,
        };
        match file.try_lock_shared() {
            Ok(()) => {
                // A file that stays behind is looked at again, no more.
                let _ = self.remove(id);
                false
            }
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => true,
        }
    }

    fn remove(&self, id: &str) -> Result<(), Errno> {
        unlinkat(&self.folder, id, AtFlags::empty())
    }

    /// Removes what processes that were killed have left behind.
    fn sweep(&self) {
        // Nothing depends on it: a folder that cannot be read is left as it is.
        let Ok(entries) = Dir::read_from(&self.folder) else { return };
        for entry in entries.flatten() {
            if let Ok(id) = entry.file_name().to_str()
                && id != self.id
            {
                self.is_alive(id);
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // The lock goes with the file handle; the name is only tidied up.
        let _ = self.remove(&self.id);
    }
}

/// Makes the folder, or opens it, and closes it to others. It is held open: whoever exchanges its name leads nobody elsewhere.
fn private_folder(path: &Path) -> io::Result<OwnedFd> {
    let mode = Mode::from_raw_mode(PRIVATE_FOLDER);
    match mkdir(path, mode) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = open(path, flags, Mode::empty())?;
    // Earlier versions let everybody look into it. Where it is somebody else's, or there are no modes, it stays as it is: what a
    // lease protects is work, and never bytes.
    let _ = fchmod(&folder, mode);
    Ok(folder)
}

fn is_owner_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|id| id.to_string() == text)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    #[test]
    fn an_owner_is_alive_until_its_lock_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger.sqlite");
        let (one, other) = (Owner::claim(&ledger).unwrap(), Owner::claim(&ledger).unwrap());
        assert!(one.is_alive(other.id()));
        let id = other.id().to_owned();
        drop(other);
        assert!(!one.is_alive(&id));
    }

    #[test]
    fn a_killed_owner_leaves_an_unlocked_file_that_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger.sqlite");
        let one = Owner::claim(&ledger).unwrap();
        let killed = Uuid::new_v4().to_string();
        let left = folder.path().join("ledger.sqlite.owners").join(&killed);
        fs::write(&left, "").unwrap();
        assert!(!one.is_alive(&killed));
        assert!(!left.exists());
        fs::write(&left, "").unwrap();
        let _other = Owner::claim(&ledger).unwrap();
        assert!(!left.exists());
        assert!(folder.path().join("ledger.sqlite.owners").join(one.id()).exists());
    }

    #[test]
    fn an_id_that_is_no_uuid_never_becomes_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let one = Owner::claim(&folder.path().join("ledger")).unwrap();
        fs::write(folder.path().join("victim"), "").unwrap();
        for id in ["../victim", "", ".", "victim"] {
            assert!(!one.is_alive(id));
        }
        assert!(folder.path().join("victim").exists());
    }

    #[test]
    fn the_folder_of_the_owners_is_private_also_where_it_was_not() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger");
        let owners = folder.path().join("ledger.owners");
        let mode = || fs::metadata(&owners).unwrap().permissions().mode() & 0o777;
        let _one = Owner::claim(&ledger).unwrap();
        assert_eq!(mode(), 0o700);
        fs::set_permissions(&owners, fs::Permissions::from_mode(0o755)).unwrap();
        let _other = Owner::claim(&ledger).unwrap();
        assert_eq!(mode(), 0o700);
    }

    #[test]
    fn a_link_in_the_place_of_the_folder_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let dear = elsewhere.join(Uuid::new_v4().to_string());
        fs::write(&dear, "").unwrap();
        symlink(&elsewhere, folder.path().join("ledger.owners")).unwrap();
        assert!(Owner::claim(&folder.path().join("ledger")).is_err());
        assert!(dear.exists());
    }
}
