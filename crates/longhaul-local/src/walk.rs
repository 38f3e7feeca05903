//! Walks a folder in byte order of whole keys, in constant memory.
//!
//! A folder sorts as `name/`: all keys below it begin so, and no other key does, so the depth-first walk over sorted
//! names gives sorted keys. Only folders that can hold a wanted key are opened. A folder that cannot be read is an
//! error, never empty; one that goes away between its parent and itself is no longer there.

use std::{ffi::CStr, sync::Arc};

use longhaul::{
    object::ObjectKey,
    store::{ListRequest, StoreError},
};
use rustix::fs::Dir;

use crate::{
    call::Call,
    entries::{Entries, Entry, Gathering},
    name::{OWN_PREFIX, check_segment, segments},
    place::{Root, Standing, look},
    role::Role,
    skipped::{SkipReason, SkippedLog},
    stamp::Stamp,
};

/// What the walk hands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The key; a folder's ends in `/`.
    pub(crate) key: String,
    pub(crate) stamp: Stamp,
}

/// A walk under way.
pub(crate) struct Walk {
    root: Root,
    role: Role,
    wanted: Wanted,
    limit: usize,
    skipped: Arc<SkippedLog>,
    call: Call,
    levels: Vec<Level>,
    first: Option<Found>,
    has_begun: bool,
}

/// A folder whose entries are being handed on.
struct Level {
    path: String,
    entries: Entries,
}

struct Wanted(ListRequest);

impl Wanted {
    fn is_behind_start(&self, key: &str) -> bool {
        self.0.start_after.as_deref().is_none_or(|start| key > start)
    }

    /// Whether the key is to be handed on.
    fn lists(&self, key: &str) -> bool {
        key.starts_with(&self.0.prefix) && self.is_behind_start(key)
    }

    /// Whether a wanted key can begin with `path`.
    fn leads_on(&self, path: &str) -> bool {
        let meets_prefix = path.starts_with(&self.0.prefix) || self.0.prefix.starts_with(path);
        let holds_start = self.0.start_after.as_deref().is_some_and(|start| start.starts_with(path));
        meets_prefix && (self.is_behind_start(path) || holds_start)
    }
}

impl Walk {
    /// Prepares a walk; nothing is read yet. At most about `limit` entries are held in memory.
    pub(crate) fn new(
        root: Root,
        role: Role,
        request: ListRequest,
        limit: usize,
        skipped: Arc<SkippedLog>,
        call: Call,
    ) -> Self {
        let wanted = Wanted(request);
        Self { root, role, wanted, limit, skipped, call, levels: Vec::new(), first: None, has_begun: false }
    }

    /// The next wanted key, or the end. A destination's folders are keys too.
    pub(crate) fn advance(&mut self) -> Result<Option<Found>, StoreError> {
        if !self.has_begun {
            self.has_begun = true;
            self.begin()?;
        }
        if let Some(found) = self.first.take() {
            return Ok(Some(found));
        }
        while let Some(level) = self.levels.last_mut() {
            let Some(entry) = level.entries.next_entry(&self.call)? else {
                self.levels.pop();
                continue;
            };
            let found = Found { key: format!("{}{}", level.path, entry.name), stamp: entry.stamp };
            if found.is_folder() && self.wanted.leads_on(&found.key) {
                self.enter(&found.key)?;
            }
            if self.lists(&found) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn lists(&self, found: &Found) -> bool {
        let is_object = match self.role {
            Role::Source => !found.is_folder(),
            Role::Destination => true,
        };
        is_object && self.wanted.lists(&found.key)
    }

    /// Opens the deepest folder that the prefix names: nothing outside of it is wanted.
    fn begin(&mut self) -> Result<(), StoreError> {
        let prefix = &self.wanted.0.prefix;
        let path = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]).to_owned();
        let names: Vec<&str> = segments(&path).collect();
        // No key that a folder can hold begins with such a prefix.
        if names.iter().any(|name| check_segment(name).is_err()) {
            return Ok(());
        }
        if let Some((last, parents)) = names.split_last() {
            let Some(dir) = self.root.folder(parents, &self.call)? else { return self.blame(&names) };
            match self.look(&dir, last)? {
                Standing::Folder(stamp) => self.first = Some(Found { key: path.clone(), stamp }),
                _ => return self.blame(&names),
            }
        }
        self.first = self.first.take().filter(|found| self.lists(found));
        self.enter(&path)
    }

    /// A prefix that leads through a link lists nothing, and that must not go unsaid.
    fn blame(&self, names: &[&str]) -> Result<(), StoreError> {
        for (depth, name) in names.iter().enumerate() {
            let Some(dir) = self.root.folder(&names[..depth], &self.call)? else { break };
            if self.look(&dir, name)? == Standing::Link {
                self.skipped.add(&names[..=depth].join("/"), SkipReason::Symlink);
            }
        }
        Ok(())
    }

    fn enter(&mut self, path: &str) -> Result<(), StoreError> {
        let names: Vec<&str> = segments(path).collect();
        let Some(dir) = self.root.folder(&names, &self.call)? else { return Ok(()) };
        let held: usize = self.levels.iter().map(|level| level.entries.held()).sum();
        let room = self.limit.saturating_sub(held).max(self.limit / 16);
        let reading = |error| self.call.io(&format!("listing the folder {path:?}"), error);
        let mut gathering = Gathering::new(room);
        for item in Dir::read_from(&dir).map_err(reading)? {
            let item = item.map_err(reading)?;
            if let Some(entry) = self.examine(&dir, path, item.file_name())? {
                gathering.push(entry, &self.call)?;
            }
        }
        let entries = gathering.finish(&self.call)?;
        self.levels.push(Level { path: path.to_owned(), entries });
        Ok(())
    }

    /// Decides what a name in a folder is to this walk.
    fn examine(&self, dir: &impl std::os::fd::AsFd, path: &str, name: &CStr) -> Result<Option<Entry>, StoreError> {
        if matches!(name.to_bytes(), b"." | b"..") {
            return Ok(None);
        }
        let text = name.to_string_lossy();
        let key = format!("{path}{text}");
        if !self.wanted.leads_on(&key) {
            return Ok(None);
        }
        if name.to_str().is_err() {
            return self.skip(&key, SkipReason::NotUtf8);
        }
        if text.starts_with(OWN_PREFIX) {
            // At a destination these are our own staging files; at a source somebody may miss them.
            return if self.role == Role::Source { self.skip(&key, SkipReason::OwnName) } else { Ok(None) };
        }
        let (end, stamp) = match self.look(dir, &text)? {
            Standing::Nothing => return Ok(None),
            Standing::Link => return self.skip(&key, SkipReason::Symlink),
            Standing::Special => return self.skip(&key, SkipReason::SpecialFile),
            Standing::File(stamp) => ("", stamp),
            Standing::Folder(stamp) => ("/", stamp),
        };
        if key.len() + end.len() > ObjectKey::MAX_BYTES {
            return self.skip(&key, SkipReason::KeyTooLong);
        }
        Ok(Some(Entry { name: format!("{text}{end}"), stamp }))
    }

    fn skip(&self, key: &str, reason: SkipReason) -> Result<Option<Entry>, StoreError> {
        if self.wanted.lists(key) {
            self.skipped.add(key, reason);
        }
        Ok(None)
    }

    fn look(&self, dir: &impl std::os::fd::AsFd, name: &str) -> Result<Standing, StoreError> {
        look(dir, name).map_err(|error| self.call.io(&format!("looking at {name:?}"), error))
    }
}

impl Found {
    pub(crate) fn is_folder(&self) -> bool {
        self.key.ends_with('/')
    }
}
