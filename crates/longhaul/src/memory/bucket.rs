//! What a bucket in memory holds, and S3's rules about it.
//!
//! Everything here runs under the one lock of the store, so each call is atomic. Nothing here awaits.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
};

use bytes::Bytes;

use crate::{
    memory::{
        content::{Content, Envelope, Stamp},
        order::KeyOrder,
        pending_upload::Pending,
    },
    object::{Listed, ObjectInfo, ObjectKey, Pin, Timestamp, VersionId},
    store::{Condition, ErrorKind, StoreError, UnfinishedUpload, Upload, Written},
};

/// All buckets of one store, and its time.
#[derive(Default)]
pub(crate) struct World {
    now: Timestamp,
    buckets: HashMap<String, Bucket>,
}

impl World {
    /// The next millisecond. No two answers are equal, so they also tell versions and uploads apart.
    pub fn tick(&mut self) -> Timestamp {
        self.now.0 += 1;
        self.now
    }

    pub fn continue_from(&mut self, time: Timestamp) {
        // Going back would give two writes the same time.
        self.now = self.now.max(time);
    }

    /// The bucket of that name, made when it is first asked for.
    pub fn bucket(&mut self, name: &str) -> &mut Bucket {
        self.buckets.entry(name.to_owned()).or_default()
    }

    pub fn has_bucket(&self, name: &str) -> bool {
        self.buckets.contains_key(name)
    }
}

/// An object.
#[derive(Clone)]
pub(crate) struct Stored {
    pub key: ObjectKey,
    pub bytes: Bytes,
    pub info: ObjectInfo,
}

/// A bucket's objects and unfinished uploads.
#[derive(Default)]
pub(crate) struct Bucket {
    /// By key as text, so that any text can bound a listing.
    current: BTreeMap<String, Stored>,
    versions: HashMap<(ObjectKey, VersionId), Stored>,
    uploads: HashMap<String, Pending>,
}

impl Bucket {
    /// The object that a read means: the pinned version where the pin names one, else the current one.
    pub fn read(&self, key: &ObjectKey, pin: Option<&Pin>, operation: &'static str) -> Result<&Stored, StoreError> {
        let found = match pin.and_then(|pin| pin.version_id.clone()) {
            Some(version) => self.versions.get(&(key.clone(), version)),
            None => self.current.get(key.as_str()),
        };
        let Some(stored) = found else {
            return Err(StoreError::new(ErrorKind::NotFound, operation, "there is no such object or version"));
        };
        if pin.is_some_and(|pin| pin.etag != stored.info.etag) {
            let words = format!("If-Match does not hold: the tag is {}", stored.info.etag.as_str());
            return Err(StoreError::new(ErrorKind::PreconditionFailed, operation, words));
        }
        Ok(stored)
    }

    /// Whether a write may happen.
    pub fn check(&self, key: &ObjectKey, condition: &Condition, operation: &'static str) -> Result<(), StoreError> {
        let there = self.current.get(key.as_str()).map(|stored| &stored.info.etag);
        let holds = match condition {
            Condition::None => true,
            Condition::IfAbsent => there.is_none(),
            Condition::IfMatch(wanted) => there == Some(wanted),
        };
        if holds {
            return Ok(());
        }
        let words = format!("{condition:?} does not hold: there is {there:?}");
        Err(StoreError::new(ErrorKind::PreconditionFailed, operation, words))
    }

    pub fn store(&mut self, envelope: Envelope, content: Content, stamp: Stamp) -> Written {
        let Envelope { key, headers, storage_class } = envelope;
        let Content { bytes, etag, crc64nvme } = content;
        let Stamp { modified, version_id, tag } = stamp;
        let etag = tag.unwrap_or(etag);
        let written = Written { etag: Some(etag.clone()), version_id: version_id.clone(), crc64nvme };
        let info = ObjectInfo {
            size: bytes.len() as u64,
            etag,
            version_id: version_id.clone(),
            modified,
            crc64nvme,
            headers,
            storage_class,
            tags: 0,
            not_carried: Vec::new(),
        };
        let stored = Stored { key: key.clone(), bytes, info };
        if let Some(version_id) = version_id {
            self.versions.insert((key.clone(), version_id), stored.clone());
        }
        self.current.insert(key.into(), stored);
        written
    }

    pub fn bytes(&self, key: &str) -> Option<Bytes> {
        self.current.get(key).map(|stored| stored.bytes.clone())
    }

    pub fn remove(&mut self, key: &str) {
        self.current.remove(key);
    }

    pub fn keys(&self) -> Vec<String> {
        self.current.keys().cloned().collect()
    }

    /// The first objects behind `after`, with their versions; the empty text is before all keys.
    pub fn page(&self, prefix: &str, after: &str, limit: usize) -> Vec<Listed> {
        // Keys of one prefix stand together, and behind the prefix itself.
        let from = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
        let behind = self.current.range::<str, _>((from, Bound::Unbounded));
        let matching = behind.map(|(_, stored)| stored).take_while(|stored| stored.key.as_str().starts_with(prefix));
        matching.take(limit).map(listed).collect()
    }

    /// As [`page`](Self::page), in another order. Where a text that is no key would stand among keys in the order in which they
    /// were written, nobody can say: such a listing begins at the first.
    pub fn page_in(&self, order: KeyOrder, prefix: &str, after: &str, limit: usize) -> Vec<Listed> {
        let place = |key: &str| self.current.get(key).map(|stored| stored.info.modified).unwrap_or_default();
        let after = (after, place(after));
        let mut matching: Vec<&Stored> = self.current.values().collect();
        matching.retain(|stored| {
            let key = stored.key.as_str();
            let is_behind = after.0.is_empty() || order.compare(after, (key, stored.info.modified)).is_lt();
            key.starts_with(prefix) && is_behind
        });
        let by_order = |a: &&Stored, b: &&Stored| {
            order.compare((a.key.as_str(), a.info.modified), (b.key.as_str(), b.info.modified))
        };
        if matching.len() > limit {
            matching.select_nth_unstable_by(limit, by_order);
            matching.truncate(limit);
        }
        matching.sort_by(by_order);
        matching.into_iter().map(listed).collect()
    }

    pub fn begin(&mut self, pending: Pending) -> Upload {
        let upload = Upload { key: pending.envelope.key.clone(), id: format!("upload-{}", pending.initiated.0) };
        self.uploads.insert(upload.id.clone(), pending);
        upload
    }

    /// An upload that is neither completed nor aborted.
    pub fn pending(&mut self, upload: &Upload, operation: &'static str) -> Result<&mut Pending, StoreError> {
        let found = self.uploads.get_mut(&upload.id).filter(|pending| pending.envelope.key == upload.key);
        found.ok_or_else(|| {
            let words = format!("there is no upload {} of this key", upload.id);
            StoreError::new(ErrorKind::NoSuchUpload, operation, words)
        })
    }

    pub fn end(&mut self, upload: &Upload, operation: &'static str) -> Result<(), StoreError> {
        self.pending(upload, operation)?;
        self.uploads.remove(&upload.id);
        Ok(())
    }

    /// All unfinished uploads in S3's order: by key, then by time.
    pub fn unfinished(&self) -> Vec<UnfinishedUpload> {
        let listed = self.uploads.iter().map(|(id, pending)| UnfinishedUpload {
            upload: Upload { key: pending.envelope.key.clone(), id: id.clone() },
            initiated: pending.initiated,
            adoptable: true,
        });
        let mut all: Vec<_> = listed.collect();
        all.sort_by(|a, b| (&a.upload.key, a.initiated).cmp(&(&b.upload.key, b.initiated)));
        all
    }
}

fn listed(stored: &Stored) -> Listed {
    Listed {
        key: stored.key.clone(),
        size: stored.info.size,
        etag: Some(stored.info.etag.clone()),
        modified: stored.info.modified,
        version_id: stored.info.version_id.clone(),
    }
}
