//! Everything the server keeps, with direct access for tests: an independent reader and writer of the same objects.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use s3s::{
    S3Result,
    crypto::{Checksum as _, Sha256},
};

use crate::{
    bucket::{Bucket, NULL_VERSION, Versioning, no_such_bucket},
    checksum::{Algorithm, Checksum, Digests, Md5Use, crc64_base64, digest_data},
    data::Data,
    object::{Object, PutOptions},
    order::Order,
    synthetic::{SyntheticKeys, synthetic_etag},
};

/// How a store differs from S3.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Seeds version ids and upload ids.
    pub seed: u64,
    /// The least size of a part that is not the last.
    pub min_part_size: u64,
    /// ETags are made of the CRC64 instead of the MD5, which costs 1.7 seconds a GiB.
    pub cheap_etags: bool,
    /// A Complete of a completed upload succeeds again instead of answering NoSuchUpload.
    pub repeated_complete_succeeds: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { seed: 1, min_part_size: 5 * 1024 * 1024, cheap_etags: false, repeated_complete_succeeds: false }
    }
}

/// Whether an operation is allowed in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// As usual.
    Allowed,
    /// Answered with 403 AccessDenied.
    Denied,
}

/// Makes ids that differ, the same ones for the same seed.
#[derive(Debug)]
pub(crate) struct Ids {
    random: fastrand::Rng,
    uploads: u64,
}

impl Ids {
    pub fn version(&mut self, versioning: Versioning) -> String {
        match versioning {
            Versioning::Never | Versioning::Suspended => NULL_VERSION.to_owned(),
            Versioning::Enabled => {
                format!("{:016x}{:016x}", self.random.u64(..), self.random.u64(..))
            }
        }
    }

    pub fn upload(&mut self) -> String {
        self.uploads += 1;
        // Ids grow with time, because S3 lists uploads of one key in the order they were begun.
        format!("{:012x}{:016x}{:08x}", self.uploads, self.random.u64(..), self.random.u32(..))
    }

    pub fn seed(&mut self) -> u64 {
        self.random.u64(..)
    }
}

struct State {
    buckets: BTreeMap<String, Bucket>,
    ids: Ids,
}

/// The buckets and objects behind a server.
pub struct Store {
    options: StoreOptions,
    state: Mutex<State>,
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new(options: StoreOptions) -> Self {
        let ids = Ids { random: fastrand::Rng::with_seed(options.seed), uploads: 0 };
        Self { options, state: Mutex::new(State { buckets: BTreeMap::new(), ids }) }
    }

    pub(crate) fn options(&self) -> &StoreOptions {
        &self.options
    }

    pub(crate) fn md5_use(&self) -> Md5Use {
        if self.options.cheap_etags { Md5Use::Skipped } else { Md5Use::Computed }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn with_bucket<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut Bucket, &mut Ids) -> S3Result<T>,
    ) -> S3Result<T> {
        let mut state = self.lock();
        let State { buckets, ids } = &mut *state;
        act(buckets.get_mut(name).ok_or_else(no_such_bucket)?, ids)
    }

    pub(crate) fn with_buckets<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Bucket>) -> T) -> T {
        act(&mut self.lock().buckets)
    }

    // For direct access, where a missing bucket is a mistake in the test.
    fn with_existing<T>(&self, name: &str, act: impl FnOnce(&mut Bucket, &mut Ids) -> T) -> T {
        match self.with_bucket(name, |bucket, ids| Ok(act(bucket, ids))) {
            Ok(value) => value,
            Err(_) => panic!("the test used bucket {name}, which it did not create"),
        }
    }

    /// Makes a bucket, unless it is there already, and sets its versioning.
    pub fn create_bucket(&self, name: &str, versioning: Versioning) {
        self.with_buckets(|buckets| {
            buckets.entry(name.to_owned()).or_insert_with(|| Bucket::new(versioning)).versioning = versioning;
        });
    }

    /// Whether upload bodies are hashed, counted and then dropped.
    pub fn set_discard(&self, bucket: &str, discard: bool) {
        self.with_existing(bucket, |bucket, _| bucket.discards = discard);
    }

    /// Lists the keys that the bucket holds in this order. Computed keys, versions and common prefixes stay in that of bytes.
    pub fn set_order(&self, bucket: &str, order: Order) {
        self.with_existing(bucket, |bucket, _| bucket.order = order);
    }

    /// Whether anyone may read and list.
    pub fn set_public(&self, bucket: &str, public: bool) {
        self.with_existing(bucket, |bucket, _| bucket.is_public = public);
    }

    /// Allows or denies the operation with this S3 name. A missing key answers 403 while `ListObjectsV2` is denied.
    pub fn set_access(&self, bucket: &str, operation: &str, access: Access) {
        self.with_existing(bucket, |bucket, _| match access {
            Access::Allowed => bucket.denied.remove(operation),
            Access::Denied => bucket.denied.insert(operation.to_owned()),
        });
    }

    /// Writes an object as a plain PUT would.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>, options: PutOptions) -> Arc<Object> {
        let data = Data::from(bytes.into());
        let digests = digest_data(&data, self.md5_use(), &[]);
        self.insert(bucket, key, data, digests, options)
    }

    /// Makes an object of `size` bytes of `seed`, held nowhere. Its CRC is unknown, as of an object of before 2024.
    pub fn put_synthetic(&self, bucket: &str, key: &str, seed: u64, size: u64) -> Arc<Object> {
        let mut object = new_object(Data::synthetic(seed, size), None, PutOptions::default());
        object.etag = synthetic_etag(seed, size);
        self.insert_object(bucket, key, object)
    }

    /// The same with its CRC64NVME, which means reading it once: a few tens of GiB at most.
    pub fn put_synthetic_with_crc(&self, bucket: &str, key: &str, seed: u64, size: u64) -> Arc<Object> {
        let data = Data::synthetic(seed, size);
        let digests = digest_data(&data, Md5Use::Skipped, &[]);
        let mut object = new_object(data, digests, PutOptions::default());
        object.etag = synthetic_etag(seed, size);
        self.insert_object(bucket, key, object)
    }

    /// Makes `bucket`, if need be, list and serve keys that are computed on the fly, instead of any it holds.
    pub fn synthetic_keys(&self, bucket: &str, keys: SyntheticKeys) {
        self.with_buckets(|buckets| {
            let bucket = buckets.entry(bucket.to_owned()).or_insert_with(|| Bucket::new(Versioning::Never));
            bucket.synthetic = Some(keys);
        });
    }

    fn insert(
        &self,
        bucket: &str,
        key: &str,
        data: Data,
        digests: Option<Digests>,
        options: PutOptions,
    ) -> Arc<Object> {
        self.insert_object(bucket, key, new_object(data, digests, options))
    }

    fn insert_object(&self, bucket: &str, key: &str, mut object: Object) -> Arc<Object> {
        self.with_existing(bucket, |bucket, ids| {
            object.version_id = ids.version(bucket.versioning);
            let object = Arc::new(object);
            bucket.insert(key, Arc::clone(&object));
            object
        })
    }

    /// Replaces an object by another of the same size, as a second writer would; false if there is none.
    pub fn overwrite(&self, bucket: &str, key: &str) -> bool {
        let Some(old) = self.get(bucket, key) else { return false };
        let seed = self.lock().ids.seed();
        let data = Data::synthetic(seed, old.size());
        let mut object = new_object(data, None, old.options.clone());
        object.etag = synthetic_etag(seed, old.size());
        self.insert_object(bucket, key, object);
        true
    }

    /// Flips one stored byte and leaves ETag and checksum as they were; false if there is no such byte.
    pub fn corrupt(&self, bucket: &str, key: &str, offset: u64) -> bool {
        let Some(old) = self.get(bucket, key).filter(|object| offset < object.size()) else { return false };
        let Some(Ok(byte)) = old.data.reader(offset..offset + 1).next_chunk() else { return false };
        let flipped = Data::from(Bytes::from(vec![byte[0] ^ 1]));
        let data = Data::concat([&old.data.slice(0..offset), &flipped, &old.data.slice(offset + 1..old.size())]);
        self.insert_object(bucket, key, Object { data, ..Object::clone(&old) });
        true
    }

    /// Removes every version of a key.
    pub fn remove(&self, bucket: &str, key: &str) {
        self.with_existing(bucket, |bucket, _| bucket.keys.remove(key));
    }

    /// The current version of a key.
    #[must_use]
    pub fn get(&self, bucket: &str, key: &str) -> Option<Arc<Object>> {
        self.with_bucket(bucket, |bucket, _| Ok(bucket.current(key))).ok().flatten()
    }

    /// All bytes of an object; `None` if it is absent or its bytes were discarded.
    #[must_use]
    pub fn read(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        self.for_each_chunk(bucket, key, |chunk| all.extend_from_slice(chunk)).then_some(all)
    }

    /// Calls `see` with every piece of an object; false if it is absent or its bytes were discarded.
    pub fn for_each_chunk(&self, bucket: &str, key: &str, see: impl FnMut(&[u8])) -> bool {
        // The lock is not held while the bytes are read.
        self.get(bucket, key).is_some_and(|object| object.data.for_each_chunk(see))
    }

    /// The SHA-256 of an object in hex; `None` if it is absent or its bytes were discarded.
    #[must_use]
    pub fn sha256(&self, bucket: &str, key: &str) -> Option<String> {
        let mut hasher = Sha256::new();
        let read = self.for_each_chunk(bucket, key, |chunk| hasher.update(chunk));
        read.then(|| hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The keys with a current version, in byte order.
    #[must_use]
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.with_existing(bucket, |bucket, _| {
            let current =
                bucket.keys.iter().filter(|(_, versions)| versions.last().is_some_and(|last| last.object().is_some()));
            current.map(|(key, _)| key.clone()).collect()
        })
    }

    /// The ids of all versions of a key, oldest first, delete markers among them.
    #[must_use]
    pub fn versions(&self, bucket: &str, key: &str) -> Vec<String> {
        self.with_existing(bucket, |bucket, _| {
            bucket.keys.get(key).into_iter().flatten().map(|version| version.id().to_owned()).collect()
        })
    }

    /// Unfinished uploads: key, upload id, and how many parts they have.
    #[must_use]
    pub fn uploads(&self, bucket: &str) -> Vec<(String, String, usize)> {
        self.with_existing(bucket, |bucket, _| {
            let uploads = bucket.uploads.iter();
            uploads.map(|((key, id), upload)| (key.clone(), id.clone(), upload.parts.len())).collect()
        })
    }

    /// Aborts every unfinished upload, as a lifecycle rule would.
    pub fn abort_uploads(&self, bucket: &str) {
        self.with_existing(bucket, |bucket, _| bucket.uploads.clear());
    }
}

/// An object with the checksum S3 gives to what names no algorithm. The version id is set when it is inserted.
pub(crate) fn new_object(data: Data, digests: Option<Digests>, options: PutOptions) -> Object {
    let crc64 = digests.as_ref().map(|digests| digests.crc64);
    let etag = digests.map_or_else(|| synthetic_etag(0, data.len()), |digests| digests.etag());
    Object {
        version_id: NULL_VERSION.to_owned(),
        data,
        etag,
        checksum: crc64.map(|crc| Checksum::full(Algorithm::Crc64Nvme, crc64_base64(crc))),
        crc64,
        options,
        modified: SystemTime::now(),
        parts: None,
    }
}
