//! Puts a staged file in its place, if what stands there is what the caller expects.
//!
//! *If absent* is decided by the kernel in one step. *If match* is checked right before the rename: no system call does
//! both, so a program other than longhaul that writes the same file in these microseconds is overwritten.

use std::fs::File;

use longhaul::{
    object::ETag,
    store::{Condition, ErrorKind, StoreError},
};
use rustix::{
    fs::{AtFlags, RenameFlags, linkat, renameat, renameat_with, unlinkat},
    io::Errno,
};

use crate::{
    call::Call,
    new_files::close,
    place::{Place, Standing, look, stamp_of},
    stamp::Stamp,
};

impl Place {
    /// Whether a write under `condition` could succeed now. Asked before a body is read, and again before it is
    /// published.
    pub(crate) fn check(&self, condition: &Condition, call: &Call) -> Result<(), StoreError> {
        let current = self.current(call)?;
        match (condition, current) {
            (Condition::None, _) | (Condition::IfAbsent, None) => Ok(()),
            (Condition::IfAbsent, Some(_)) => Err(exists(call)),
            (Condition::IfMatch(tag), Some(stamp)) if stamp.etag().is_same_state(tag) => Ok(()),
            (Condition::IfMatch(_), _) => {
                let message = "the file there is not the one that was to be replaced";
                Err(call.error(ErrorKind::PreconditionFailed, message))
            }
        }
    }

    /// Gives `file`, which stands under the name `staged`, the name of the place, and makes that durable. Answers its tag, which the
    /// rename changes.
    pub(crate) fn publish(
        &self,
        file: &File,
        staged: &str,
        condition: &Condition,
        call: &Call,
    ) -> Result<Option<ETag>, StoreError> {
        self.check(condition, call)?;
        self.check_staged(file, staged, call)?;
        self.open_up(file, call)?;
        let renamed = match condition {
            Condition::IfAbsent => self.rename_if_absent(staged),
            Condition::None | Condition::IfMatch(_) => renameat(&self.dir, staged, &self.dir, self.name.as_str()),
        };
        match renamed {
            Ok(()) => {
                self.sync_folder(call).map_err(StoreError::maybe_happened)?;
                // The object is there; that its tag is not known is no failure.
                Ok(stamp_of(file, call).ok().map(Stamp::etag))
            }
            Err(error) => {
                close(file);
                match error {
                    Errno::EXIST if *condition == Condition::IfAbsent => Err(exists(call)),
                    error => Err(call.io("giving the staging file its name", error)),
                }
            }
        }
    }

    /// Whether the name of the staging file still is that of the file whose bytes were read back.
    fn check_staged(&self, file: &File, staged: &str, call: &Call) -> Result<(), StoreError> {
        let ours = stamp_of(file, call)?;
        match look(&self.dir, staged).map_err(|error| call.io("looking at the staging file", error))? {
            Standing::File(there) if there.is_same_file(ours) => Ok(()),
            _ => Err(call
                .error(ErrorKind::Conflict, "another program took the staging file away or put another in its place")),
        }
    }

    /// The file that stands here. Anything else that does would be in the way of every write, so it is an error.
    fn current(&self, call: &Call) -> Result<Option<Stamp>, StoreError> {
        let words = match self.look(call)? {
            Standing::Nothing => return Ok(None),
            Standing::File(stamp) => return Ok(Some(stamp)),
            Standing::Folder(_) => "a folder of this name is in its place",
            Standing::Link => "a symbolic link is in its place, and links are neither followed nor replaced",
            Standing::Special => "a socket, pipe or device is in its place",
        };
        Err(call.error(ErrorKind::InvalidKey, words))
    }

    fn rename_if_absent(&self, staged: &str) -> Result<(), Errno> {
        match renameat_with(&self.dir, staged, &self.dir, self.name.as_str(), RenameFlags::NOREPLACE) {
            // Some file systems (FUSE, NFS) do not know the flag. A hard link does not replace either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                linkat(&self.dir, staged, &self.dir, self.name.as_str(), AtFlags::empty())?;
                // The object is there under its name: that its staging name stays behind must not fail the write.
                let _ = unlinkat(&self.dir, staged, AtFlags::empty());
                Ok(())
            }
            renamed => renamed,
        }
    }
}

fn exists(call: &Call) -> StoreError {
    call.error(ErrorKind::PreconditionFailed, "a file of this name exists already")
}
