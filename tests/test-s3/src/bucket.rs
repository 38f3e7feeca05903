//! A bucket: its keys with their versions, its unfinished uploads, its settings.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::SystemTime,
};

use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::{
    data::Data,
    multipart::{Completed, Upload},
    object::{Object, PutOptions, Version},
    order::Order,
    synthetic::{SyntheticKeys, synthetic_etag},
};

/// Whether a bucket keeps old versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Versioning {
    /// It never did; answers carry no version id.
    #[default]
    Never,
    /// Every write makes a version with an id of its own.
    Enabled,
    /// Writes replace the version `null`; older ones stay.
    Suspended,
}

/// The id of the only version of an unversioned object.
pub(crate) const NULL_VERSION: &str = "null";

pub(crate) struct Bucket {
    pub created: SystemTime,
    pub versioning: Versioning,
    /// Upload bodies are hashed, counted and dropped.
    pub discards: bool,
    /// Anonymous reads are allowed.
    pub is_public: bool,
    /// Operations that answer AccessDenied.
    pub denied: HashSet<String>,
    /// Versions of each key, oldest first.
    pub keys: BTreeMap<String, Vec<Version>>,
    /// Unfinished uploads in listing order: by key, then by upload id, which grows with time.
    pub uploads: BTreeMap<(String, String), Upload>,
    /// Finished uploads, for stores that answer a repeated Complete.
    pub completed: HashMap<String, Completed>,
    pub synthetic: Option<SyntheticKeys>,
    /// In which order keys are listed.
    pub order: Order,
}

/// What a DELETE did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deleted {
    pub marker: bool,
    pub version_id: Option<String>,
}

impl Bucket {
    pub fn new(versioning: Versioning) -> Self {
        Self {
            created: SystemTime::now(),
            versioning,
            discards: false,
            is_public: false,
            denied: HashSet::new(),
            keys: BTreeMap::new(),
            uploads: BTreeMap::new(),
            completed: HashMap::new(),
            synthetic: None,
            order: Order::Bytes,
        }
    }

    /// The current version of `key`, unless it is a delete marker.
    pub fn current(&self, key: &str) -> Option<Arc<Object>> {
        if let Some(keys) = &self.synthetic {
            return keys.index_of(key).map(|index| Arc::new(self.synthetic_object(keys, index)));
        }
        self.keys.get(key)?.last()?.object().cloned()
    }

    /// The named version of `key`, or the current one.
    pub fn find(&self, key: &str, version_id: Option<&str>) -> S3Result<Arc<Object>> {
        let Some(id) = version_id else { return self.current(key).ok_or_else(|| self.missing(key)) };
        let mut versions = self.keys.get(key).into_iter().flatten();
        match versions.find(|version| version.id() == id) {
            Some(Version::Object(object)) => Ok(Arc::clone(object)),
            Some(Version::Marker { .. }) => Err(with_marker_header(s3_error!(MethodNotAllowed))),
            None => match self.current(key).filter(|object| object.version_id == id) {
                Some(object) => Ok(object),
                None => Err(s3_error!(NoSuchVersion, "The specified version does not exist.")),
            },
        }
    }

    fn missing(&self, key: &str) -> S3Error {
        // Who may not list a bucket may not learn which keys are absent.
        if self.denied.contains("ListObjectsV2") {
            return s3_error!(AccessDenied, "Access Denied");
        }
        let error = s3_error!(NoSuchKey, "The specified key does not exist.");
        match self.keys.get(key).and_then(|versions| versions.last()) {
            Some(Version::Marker { .. }) => with_marker_header(error),
            _ => error,
        }
    }

    /// Makes `object` the current version of `key`.
    pub fn insert(&mut self, key: &str, object: Arc<Object>) {
        let versions = self.keys.entry(key.to_owned()).or_default();
        match self.versioning {
            Versioning::Never => versions.clear(),
            Versioning::Suspended => versions.retain(|version| version.id() != NULL_VERSION),
            Versioning::Enabled => {}
        }
        versions.push(Version::Object(object));
    }

    /// Deletes the named version, or hides the current one; `marker_id` names the marker if one is made.
    pub fn delete(&mut self, key: &str, version_id: Option<&str>, marker_id: String) -> Deleted {
        if let Some(id) = version_id {
            return self.delete_version(key, id);
        }
        if self.versioning == Versioning::Never {
            self.keys.remove(key);
            return Deleted::default();
        }
        let versions = self.keys.entry(key.to_owned()).or_default();
        if self.versioning == Versioning::Suspended {
            versions.retain(|version| version.id() != NULL_VERSION);
        }
        versions.push(Version::Marker { version_id: marker_id.clone(), modified: SystemTime::now() });
        Deleted { marker: true, version_id: Some(marker_id) }
    }

    fn delete_version(&mut self, key: &str, id: &str) -> Deleted {
        let mut marker = false;
        if let Some(versions) = self.keys.get_mut(key) {
            marker = versions.iter().any(|version| version.id() == id && version.object().is_none());
            versions.retain(|version| version.id() != id);
            if versions.is_empty() {
                self.keys.remove(key);
            }
        }
        Deleted { marker, version_id: Some(id.to_owned()) }
    }

    /// What answers about `object` say of its version.
    pub fn shown_version(&self, object: &Object) -> Option<String> {
        (self.versioning != Versioning::Never).then(|| object.version_id.clone())
    }

    fn synthetic_object(&self, keys: &SyntheticKeys, index: u64) -> Object {
        let (seed, size) = (keys.seed_of(index), keys.size_of(index));
        Object {
            version_id: NULL_VERSION.to_owned(),
            data: Data::synthetic(seed, size),
            etag: synthetic_etag(seed, size),
            checksum: None,
            crc64: None,
            options: PutOptions::default(),
            modified: self.created,
            parts: None,
        }
    }
}

fn with_marker_header(mut error: S3Error) -> S3Error {
    let name = hyper::header::HeaderName::from_static("x-amz-delete-marker");
    error.set_headers([(name, hyper::header::HeaderValue::from_static("true"))].into_iter().collect());
    error
}

/// The answer for a bucket nobody made.
pub(crate) fn no_such_bucket() -> S3Error {
    S3Error::with_message(S3ErrorCode::NoSuchBucket, "The specified bucket does not exist")
}
