//! Who is alive, by locks that the operating system drops when a process ends, however it ends.
//!
//! Every open ledger holds an exclusive lock on a file of its own, `<ledger>.owners/<uuid>`. A lease names that uuid:
//! it is held while nobody else can lock the file. No clock is involved. The folder must not lie on a network file
//! system that does not carry locks between machines; a lease then looks free, which costs work and never correctness.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use uuid::Uuid;

/// This process's own lock, and a look at those of others.
#[derive(Debug)]
pub(crate) struct Owner {
    folder: PathBuf,
    id: String,
    _lock: File,
}

impl Owner {
    /// Takes a lock under a new name.
    pub(crate) fn claim(ledger: &Path) -> io::Result<Self> {
        let mut folder = OsString::from(ledger);
        folder.push(".owners");
        let folder = PathBuf::from(folder);
        fs::create_dir_all(&folder)?;
        let id = Uuid::new_v4().to_string();
        // Whoever finds an unlocked file takes its owner for dead. So it gets its name only when it is locked.
        let unnamed = folder.join(format!("{id}.new"));
        let lock = OpenOptions::new().write(true).create_new(true).open(&unnamed)?;
        lock.try_lock().map_err(io::Error::from)?;
        fs::rename(&unnamed, folder.join(&id))?;
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
        let path = self.folder.join(id);
        let file = match File::open(&path) {
            Ok(file) => file,
            // A file that cannot be looked at may well be held.
            Err(error) => return error.kind() != io::ErrorKind::NotFound,
        };
        match file.try_lock_shared() {
            Ok(()) => {
                // A file that stays behind is looked at again, no more.
                let _ = fs::remove_file(&path);
                false
            }
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => true,
        }
    }

    /// Removes what processes that were killed have left behind.
    fn sweep(&self) {
        // Nothing depends on it: a folder that cannot be read is left as it is.
        let Ok(names) = fs::read_dir(&self.folder) else { return };
        for name in names.flatten() {
            if let Some(id) = name.file_name().to_str().filter(|id| *id != self.id) {
                self.is_alive(id);
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // The lock goes with the file handle; the name is only tidied up.
        let _ = fs::remove_file(self.folder.join(&self.id));
    }
}

fn is_owner_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|id| id.to_string() == text)
}

#[cfg(test)]
mod tests {
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
}
