//! Deletes an object: a file, or an empty folder.
//!
//! Only what is an object is deleted: a link, a pipe, or a folder under the key of a file stays. What an unfinished
//! upload of the same key has staged stays too, for an upload is no object.

use longhaul::store::StoreError;
use rustix::{
    fs::{AtFlags, unlinkat},
    io::Errno,
};

use crate::{
    call::Call,
    name::Name,
    place::{Root, Standing},
};

/// Deletes what the key names, if it is there. A folder that still holds something stays, as other keys need it.
pub(crate) fn delete(root: &Root, name: &Name, call: &Call) -> Result<(), StoreError> {
    let Some(place) = root.place(name, call)? else { return Ok(()) };
    let flags = match place.look(call)? {
        Standing::File(_) if !name.is_folder() => AtFlags::empty(),
        Standing::Folder(_) if name.is_folder() => AtFlags::REMOVEDIR,
        _ => return Ok(()),
    };
    match unlinkat(&place.dir, place.name.as_str(), flags) {
        Ok(()) => place.sync_folder(call).map_err(StoreError::maybe_happened),
        Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
        Err(error) => Err(call.io("deleting the file", error)),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use longhaul::{object::ObjectKey, store::Destination};

    use crate::{LocalFolder, Role};

    async fn delete(store: &LocalFolder, key: &str) {
        store.delete_object(&ObjectKey::new(key).unwrap()).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_and_an_empty_folder_are_deleted_and_what_is_missing_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalFolder::new(folder.path().to_owned(), Role::Destination).unwrap();
        fs::create_dir(folder.path().join("dir")).unwrap();
        fs::write(folder.path().join("dir/file"), "bytes").unwrap();
        delete(&store, "dir/").await;
        assert!(folder.path().join("dir/file").exists(), "a folder with something in it stays");
        for key in ["dir/file", "dir/file", "dir/", "dir/", "no/such/key", "a//b", ".."] {
            delete(&store, key).await;
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_is_no_object_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalFolder::new(folder.path().to_owned(), Role::Destination).unwrap();
        fs::create_dir(folder.path().join("dir")).unwrap();
        symlink(folder.path().join("dir"), folder.path().join("link")).unwrap();
        for key in ["dir", "link", "link/"] {
            delete(&store, key).await;
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
