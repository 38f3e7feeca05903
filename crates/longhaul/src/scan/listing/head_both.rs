//! Looks at one named object on both sides, where no listing shows it.

use futures_util::{StreamExt, stream};

use crate::{
    copy::attempt::{Backends, Engine},
    object::{KeyError, Listed, ObjectKey, Timestamp},
    route::ScanSpec,
    scan::{key_list::ListedKey, listing::merge::Pair},
    store::{ErrorKind, Source, StoreError, first_lines},
};

/// What a list must say of an object, so that the source need not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Its size.
    Size,
    /// Also its tag.
    SizeAndTag,
    /// More than any list says: the source is always asked.
    Everything,
}

/// What was found of a named object.
#[derive(Debug)]
pub enum Found {
    /// It is on no way of the route: its key has another prefix.
    Outside(ObjectKey),
    /// It is not in the selection.
    Filtered,
    /// At the destination its key would be too long.
    Unplaceable(ObjectKey, KeyError),
    /// The source has no such object.
    Gone(ObjectKey),
    /// One side refuses to be looked at, for a reason that may be this object's alone.
    Refused {
        /// What the list says of it.
        listed: ListedKey,
        /// Its place.
        destination_key: ObjectKey,
        /// What the store said.
        error: StoreError,
    },
    /// It is there; and what stands in its place.
    Pair(Box<Pair>),
}

/// Up to so many objects are looked at at once.
pub const LOOKS: usize = 100;

/// Looks at the objects of one list.
pub(crate) struct Looker<'a, B: Backends> {
    engine: &'a Engine<B>,
    scan: &'a ScanSpec,
    wanted: Wanted,
    /// Whether the destination's bucket is known to be there.
    found_destination: bool,
}

impl<'a, B: Backends> Looker<'a, B> {
    /// Nothing is looked at yet.
    pub fn new(engine: &'a Engine<B>, scan: &'a ScanSpec, wanted: Wanted) -> Self {
        Self { engine, scan, wanted, found_destination: false }
    }

    /// What a list must say of an object, so that the source need not be asked.
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Looks at all of these at once. The answers come in their order, or there is but one: an error that all would meet.
    pub async fn look_at_all(&mut self, listed: Vec<ListedKey>) -> Vec<Result<Found, StoreError>> {
        let looks = listed.into_iter().map(|listed| look(self.engine, self.scan, self.wanted, listed));
        let found: Vec<_> = stream::iter(looks).buffered(LOOKS).collect().await;
        let misses =
            |found: &Result<Found, StoreError>| matches!(found, Ok(Found::Pair(pair)) if pair.destination.is_none());
        if !self.found_destination && found.iter().any(misses) {
            if let Err(error) = self.find_destination().await {
                return vec![Err(error)];
            }
            self.found_destination = true;
        }
        found
    }

    /// A HEAD that finds nothing may mean a missing bucket, and then every object of the list would seem to be missing. A store
    /// that may be written to and not be listed has the bucket, or says so when it is written to.
    async fn find_destination(&self) -> Result<(), StoreError> {
        let prefix = self.scan.route.destination_list_prefix();
        match first_page(self.engine, &self.engine.destination, &prefix).await {
            Err(error) if !error.kind().may_be_of_one_object() => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// Looks at the object that a list names, with as few requests as its entry permits. An error is one that more than this object
/// would meet.
async fn look<B: Backends>(
    engine: &Engine<B>,
    scan: &ScanSpec,
    wanted: Wanted,
    listed: ListedKey,
) -> Result<Found, StoreError> {
    let key = &listed.key;
    let (Some(mapped), Some(rest)) = (scan.route.map(key), scan.route.source_rest(key)) else {
        return Ok(Found::Outside(listed.key));
    };
    if !scan.selection.has(&engine.source.location().bucket, rest, key) {
        return Ok(Found::Filtered);
    }
    let destination_key = match mapped {
        Ok(destination_key) => destination_key,
        Err(error) => return Ok(Found::Unplaceable(listed.key, error)),
    };
    match both_sides(engine, wanted, listed.clone(), &destination_key).await {
        Ok(Some((source, destination))) => {
            Ok(Found::Pair(Box::new(Pair { source, destination_key: Ok(destination_key), destination })))
        }
        Ok(None) => Ok(Found::Gone(listed.key)),
        Err(error) if error.kind().may_be_of_one_object() => Ok(Found::Refused { listed, destination_key, error }),
        Err(error) => Err(error),
    }
}

/// The source's line and the destination's; `None` if the source has no such object.
async fn both_sides<B: Backends>(
    engine: &Engine<B>,
    wanted: Wanted,
    listed: ListedKey,
    destination_key: &ObjectKey,
) -> Result<Option<(Listed, Option<Listed>)>, StoreError> {
    let there = line_of(engine, &engine.destination, destination_key);
    let key = match known(listed, wanted) {
        Ok(line) => return Ok(Some((line, there.await?))),
        Err(key) => key,
    };
    let (line, there) = futures_util::future::try_join(line_of(engine, &engine.source, &key), there).await?;
    let line = match line {
        Some(line) => Some(line),
        None => line_of_listing(engine, &key).await?,
    };
    Ok(line.map(|line| (line, there)))
}

/// The source's line as the list has it, or the key to ask for.
fn known(listed: ListedKey, wanted: Wanted) -> Result<Listed, ObjectKey> {
    let enough = match wanted {
        Wanted::Size => true,
        Wanted::SizeAndTag => listed.etag.is_some(),
        Wanted::Everything => false,
    };
    match listed {
        ListedKey { key, size: Some(size), version_id, etag } if enough => {
            // Nobody compares this time: who does wants everything.
            Ok(Listed { key, size, etag, modified: Timestamp::default(), version_id })
        }
        ListedKey { key, .. } => Err(key),
    }
}

async fn line_of<T: Source, B: Backends>(
    engine: &Engine<B>,
    store: &T,
    key: &ObjectKey,
) -> Result<Option<Listed>, StoreError> {
    match engine.patience.repeated("HeadObject", || store.head_object(key)).await {
        Ok(info) => Ok(Some(info.as_line(key))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A HEAD that finds nothing may mean a missing bucket: only a listing says that the bucket is there and the object is not. An
/// object that it shows has been written meanwhile.
async fn line_of_listing<B: Backends>(engine: &Engine<B>, key: &ObjectKey) -> Result<Option<Listed>, StoreError> {
    let page = first_page(engine, &engine.source, key.as_str()).await?;
    Ok(page.into_iter().find(|line| line.key == *key))
}

async fn first_page<T: Source, B: Backends>(
    engine: &Engine<B>,
    store: &T,
    prefix: &str,
) -> Result<Vec<Listed>, StoreError> {
    engine.patience.repeated("ListObjectsV2", || first_lines(store, prefix)).await
}
