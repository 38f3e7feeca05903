//! Opens a list of keys where it lies: one file of keys, or the manifest of an S3 Inventory with all of its files.
//!
//! Files are read in pinned ranges and not in one request: between two ranges hours may go by while objects are copied, a
//! failed range is asked for again, and a file that changes meanwhile is an error and never half of each. Whoever goes on later
//! compares the [tag](KeysFrom::tag) of the list.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};

use crate::{
    limits::{Clock, RequestPolicy},
    object::{ByteRange, ETag, KeyError, Location, MIB, Md5, ObjectKey, Pin},
    scan::key_list::{
        columns::ListedKey,
        cursor::ListPlace,
        inventory::{InventoryFile, Manifest},
        list_file::{KeyList, KeyListError},
        rows::{Form, Passed},
    },
    store::{ErrorKind, Source, StoreError},
};

/// Bytes of a list that are read at once.
const RANGE: u64 = 4 * MIB;

/// The largest manifest. One line of some hundred bytes stands for a file of up to 2 GiB.
const MAX_MANIFEST: u64 = 16 * MIB;

/// A list of keys that is being read: from the objects of a store, in constant memory.
pub struct KeysFrom<'a, S, C> {
    store: &'a S,
    patience: &'a RequestPolicy<C>,
    bucket: String,
    tag: ETag,
    waiting: VecDeque<File>,
    open: Option<KeyList<'a>>,
    place: ListPlace,
    passed: Passed,
}

/// A file of keys that is not yet open.
struct File {
    key: ObjectKey,
    form: Form,
    known: Known,
}

/// What is known of a file before it is opened.
enum Known {
    /// The list itself.
    Pin(Pin),
    /// What the manifest says.
    Named { size: u64, md5: Md5 },
}

impl<'a, S: Source, C: Clock> KeysFrom<'a, S, C> {
    /// Opens the list `key` of `store`, about objects of `bucket`. A name that ends in `.json` is a manifest, `.csv` is CSV, and
    /// all else are lines; lists may be packed with gzip, a manifest not. The files of a manifest in a local folder are those
    /// of the same names beside it.
    pub async fn open(
        store: &'a S,
        patience: &'a RequestPolicy<C>,
        key: &ObjectKey,
        bucket: &str,
    ) -> Result<Self, KeyListError> {
        let pin = pin(store, patience, key).await?;
        let tag = pin.etag.clone();
        let waiting = if key.as_str().to_ascii_lowercase().ends_with(".json") {
            files_of_manifest(store, patience, (key, pin), bucket).await?
        } else {
            VecDeque::from([File { key: key.clone(), form: Form::of_name(key.as_str()), known: Known::Pin(pin) }])
        };
        let (bucket, place, passed) = (bucket.to_owned(), ListPlace::default(), Passed::default());
        Ok(Self { store, patience, bucket, tag, waiting, open: None, place, passed })
    }

    /// The tag of the list, or of its manifest: another one is another list.
    pub fn tag(&self) -> &ETag {
        &self.tag
    }

    /// How far the list was read.
    pub fn place(&self) -> ListPlace {
        self.place
    }

    /// Passes over so many files, of which none is open yet, without reading them.
    pub fn pass_files(&mut self, files: u32) {
        let known = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.place.files = files.min(known);
        self.waiting.drain(..self.place.files as usize);
    }

    /// The next key, or the end of the last file. After an error there is nothing more.
    pub async fn next(&mut self) -> Result<Option<ListedKey>, KeyListError> {
        let next = self.read_on().await;
        if next.is_err() {
            self.close();
            self.waiting.clear();
        }
        next
    }

    /// Up to so many of the next keys. Whether the list came to its end, or why not.
    pub async fn some(&mut self, most: usize) -> (Vec<ListedKey>, Result<bool, KeyListError>) {
        let mut named = Vec::with_capacity(most);
        while named.len() < most {
            match self.next().await {
                Ok(Some(entry)) => named.push(entry),
                Ok(None) => return (named, Ok(true)),
                Err(error) => return (named, Err(error)),
            }
        }
        (named, Ok(false))
    }

    async fn read_on(&mut self) -> Result<Option<ListedKey>, KeyListError> {
        loop {
            if self.open.is_none() {
                let Some(file) = self.waiting.pop_front() else { return Ok(None) };
                self.open = Some(open_file(self.store, self.patience, &self.bucket, file).await?);
            }
            if let Some(list) = &mut self.open
                && let Some(entry) = list.next().await?
            {
                self.place.entries += 1;
                return Ok(Some(entry));
            }
            self.place = ListPlace { files: self.place.files + 1, entries: 0 };
            self.close();
        }
    }

    fn close(&mut self) {
        self.passed = self.passed();
        self.open = None;
    }

    /// What was passed over so far.
    pub fn passed(&self) -> Passed {
        self.open.as_ref().map_or(self.passed, |list| self.passed.and(list.passed()))
    }
}

async fn open_file<'a, S: Source, C: Clock>(
    store: &'a S,
    patience: &'a RequestPolicy<C>,
    bucket: &str,
    file: File,
) -> Result<KeyList<'a>, KeyListError> {
    let File { key, form, known } = file;
    let name = address(store, &key);
    let (pin, md5) = match known {
        Known::Pin(pin) => (pin, None),
        Known::Named { size, md5 } => {
            let pin = pin(store, patience, &key).await?;
            if pin.size != size {
                return Err(KeyListError::Length { file: name, named: size, found: pin.size });
            }
            (pin, Some(md5))
        }
    };
    let list = KeyList::new(name, chunks(store, patience, key, pin), form, bucket);
    Ok(match md5 {
        Some(md5) => list.with_md5(md5),
        None => list,
    })
}

async fn files_of_manifest<S: Source, C: Clock>(
    store: &S,
    patience: &RequestPolicy<C>,
    (key, pin): (&ObjectKey, Pin),
    bucket: &str,
) -> Result<VecDeque<File>, KeyListError> {
    let name = address(store, key);
    if pin.size > MAX_MANIFEST {
        return Err(KeyListError::TooLarge { file: name, size: pin.size });
    }
    let mut text = Vec::new();
    let mut chunks = chunks(store, patience, key.clone(), pin);
    while let Some(chunk) = chunks.next().await.transpose()? {
        text.extend_from_slice(&chunk);
    }
    let manifest = Manifest::parse(&text).map_err(|source| KeyListError::Manifest { file: name.clone(), source })?;
    if manifest.source_bucket != bucket {
        let (listed, bucket) = (manifest.source_bucket, bucket.to_owned());
        return Err(KeyListError::OtherBucket { file: name, listed, bucket });
    }
    let is_local = store.location().endpoint == Location::LOCAL;
    let form = Form::Known(manifest.columns);
    let file = |InventoryFile { key: there, size, md5 }| {
        let key = if is_local { beside(key, &there)? } else { there };
        Ok(File { key, form: form.clone(), known: Known::Named { size, md5 } })
    };
    manifest.files.into_iter().map(file).collect()
}

/// The place of a file that was downloaded together with its manifest.
fn beside(manifest: &ObjectKey, file: &ObjectKey) -> Result<ObjectKey, StoreError> {
    let folder = manifest.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let name = file.as_str().rsplit('/').next().unwrap_or_default();
    let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let wrong = |error: KeyError| StoreError::new(ErrorKind::InvalidKey, "HeadObject", error.to_string()).on(file);
    ObjectKey::new(path).map_err(wrong)
}

async fn pin<S: Source, C: Clock>(store: &S, patience: &RequestPolicy<C>, key: &ObjectKey) -> Result<Pin, StoreError> {
    Ok(patience.repeated("HeadObject", || store.head_object(key)).await?.pin())
}

/// The bytes of the pinned object, range by range.
fn chunks<'a, S: Source, C: Clock>(
    store: &'a S,
    patience: &'a RequestPolicy<C>,
    key: ObjectKey,
    pin: Pin,
) -> BoxStream<'a, Result<Bytes, StoreError>> {
    let first = Some(0);
    stream::try_unfold((first, key, pin), move |(at, key, pin)| async move {
        let range = at.and_then(|at| ByteRange::new(at, RANGE.min(pin.size.saturating_sub(at))));
        let Some(range) = range else { return Ok(None) };
        let bytes = patience.repeated("GetObject", || read(store, &key, &pin, range)).await?;
        Ok(Some((bytes, (range.last().checked_add(1), key, pin))))
    })
    .boxed()
}

async fn read<S: Source>(store: &S, key: &ObjectKey, pin: &Pin, range: ByteRange) -> Result<Bytes, StoreError> {
    let wrong = |kind, words: &str| StoreError::new(kind, "GetObject", words).at(store.location()).on(key);
    let fetched = store.get_object(key, Some(pin), Some(range)).await?;
    if fetched.info.etag != pin.etag {
        return Err(wrong(ErrorKind::PreconditionFailed, "the list changed while it was read"));
    }
    if fetched.range.is_some_and(|got| got != range) {
        return Err(wrong(ErrorKind::Corrupt, "the store answered another range than the one asked for"));
    }
    let mut bytes = Vec::new();
    let mut body = fetched.body.into_chunks();
    while let Some(chunk) = body.next().await.transpose()? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > range.len() {
            break;
        }
    }
    match bytes.len() as u64 == range.len() {
        true => Ok(bytes.into()),
        false => Err(wrong(ErrorKind::Corrupt, "the body has not the length that was asked for")),
    }
}

fn address<S: Source>(store: &S, key: &ObjectKey) -> String {
    let location = store.location();
    match location.endpoint.as_str() {
        Location::LOCAL => format!("{}/{key}", location.bucket),
        _ => format!("s3://{}/{key}", location.bucket),
    }
}
