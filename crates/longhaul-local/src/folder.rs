//! A local folder as a source and as a destination.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::{StreamExt, stream::BoxStream};
use longhaul::{
    object::{ByteRange, Location, ObjectInfo, ObjectKey, Pin},
    store::{ErrorKind, Fetched, ListRequest, Page, Source, StoreError},
};

use crate::{
    call::Call,
    locks::Locks,
    name::Name,
    pages::pages,
    place::Root,
    read,
    role::Role,
    seen_parts::SeenParts,
    skipped::{SkippedEntry, SkippedLog},
    walk::Walk,
};

/// Entries of folders that a listing holds in memory; larger folders are sorted in a temporary file.
const ENTRIES_IN_MEMORY: usize = 50_000;

/// A folder whose regular files are objects.
#[derive(Debug)]
pub struct LocalFolder {
    pub(crate) root: Root,
    location: Location,
    role: Role,
    skipped: Arc<SkippedLog>,
    pub(crate) locks: Locks,
    pub(crate) seen: Arc<SeenParts>,
    entries_in_memory: usize,
}

impl LocalFolder {
    /// Opens a folder. A source must exist; a destination is made. The path is resolved once, so that one folder has
    /// one name in the ledger, wherever it is named from.
    pub fn new(root: PathBuf, role: Role) -> Result<Self, StoreError> {
        let call = Call::new("HeadBucket", &Location::new(Location::LOCAL, root.to_string_lossy()), None);
        if role == Role::Destination {
            fs::create_dir_all(&root).map_err(|error| call.io("making the folder", error))?;
        }
        let path = fs::canonicalize(&root).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                call.error(ErrorKind::NoSuchBucket, "the folder does not exist").caused_by(error)
            }
            _ => call.io("opening the folder", error),
        })?;
        if !path.is_dir() {
            return Err(call.error(ErrorKind::NoSuchBucket, "this is not a folder"));
        }
        let Some(text) = path.to_str().map(str::to_owned) else {
            return Err(call.error(ErrorKind::InvalidRequest, "the folder's path is not UTF-8"));
        };
        Ok(Self {
            root: Root::new(path),
            location: Location::new(Location::LOCAL, text),
            role,
            skipped: Arc::default(),
            locks: Locks::default(),
            seen: Arc::default(),
            entries_in_memory: ENTRIES_IN_MEMORY,
        })
    }

    /// Sorts folders with more entries than this in a temporary file; 50,000 unless said otherwise.
    pub fn with_entries_in_memory(mut self, entries: usize) -> Self {
        self.entries_in_memory = entries;
        self
    }

    /// The folder's absolute path.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// What listings so far met and did not hand on: the first thousand by path.
    pub fn skipped(&self) -> Vec<SkippedEntry> {
        self.skipped.entries()
    }

    /// How many there were in all. Beyond the named ones a file is counted once for each listing that met it.
    pub fn skipped_count(&self) -> u64 {
        self.skipped.count()
    }

    pub(crate) fn call(&self, operation: &'static str, key: Option<&ObjectKey>) -> Call {
        Call::new(operation, &self.location, key)
    }

    pub(crate) fn name(&self, key: &ObjectKey) -> Result<Name, String> {
        Name::parse(key, self.path().as_os_str().len()).map_err(|refusal| refusal.to_string())
    }

    /// The name to read. A key that a folder cannot hold is not there.
    fn readable(&self, key: &ObjectKey, call: &Call) -> Result<Name, StoreError> {
        self.name(key).map_err(|words| call.error(ErrorKind::NotFound, words))
    }

    /// The name to write.
    pub(crate) fn writable(&self, key: &ObjectKey, call: &Call) -> Result<Name, StoreError> {
        self.name(key).map_err(|words| call.error(ErrorKind::InvalidKey, words))
    }

    /// The name to write bytes to.
    pub(crate) fn writable_file(&self, key: &ObjectKey, call: &Call) -> Result<Name, StoreError> {
        let name = self.writable(key, call)?;
        if name.is_folder() {
            let words = "the key ends in `/`, which means a folder, and a folder has no bytes";
            return Err(call.error(ErrorKind::InvalidKey, words));
        }
        Ok(name)
    }

    pub(crate) fn walk(&self, role: Role, request: ListRequest, skipped: Arc<SkippedLog>, call: &Call) -> Walk {
        Walk::new(self.root.clone(), role, request, self.entries_in_memory, skipped, call.clone())
    }
}

impl Source for LocalFolder {
    fn location(&self) -> &Location {
        &self.location
    }

    fn list(&self, request: ListRequest) -> BoxStream<'_, Page> {
        let call = self.call("ListObjectsV2", None);
        pages(self.walk(self.role, request, self.skipped.clone(), &call), call).boxed()
    }

    /// A folder is walked from its beginning, wherever the listing begins.
    fn lists_from_anywhere(&self) -> bool {
        false
    }

    async fn head_object(&self, key: &ObjectKey) -> Result<ObjectInfo, StoreError> {
        let call = self.call("HeadObject", Some(key));
        let name = self.readable(key, &call)?;
        let root = self.root.clone();
        call.clone().blocking(move || read::head(&root, &name, &call)).await
    }

    async fn get_object(
        &self,
        key: &ObjectKey,
        pin: Option<&Pin>,
        range: Option<ByteRange>,
    ) -> Result<Fetched, StoreError> {
        let call = self.call("GetObject", Some(key));
        let name = self.readable(key, &call)?;
        let (root, pin) = (self.root.clone(), pin.cloned());
        let opened = call.clone().blocking(move || read::open(root, name, call, pin.as_ref(), range)).await?;
        Ok(opened.fetched())
    }
}
