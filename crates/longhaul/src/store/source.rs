//! The port to stores that are read: list, head, get.

use std::future::Future;

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};

use crate::{
    object::{ByteRange, Listed, Location, ObjectInfo, ObjectKey, Pin},
    store::{
        body::ByteStream,
        error::{ErrorKind, StoreError},
    },
};

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Only keys that begin with this text.
    pub prefix: String,
    /// Only keys behind this one.
    pub start_after: Option<String>,
}

/// What a listing hands on at a time: in byte order of keys, at most 1,000. It may be empty and not the last one.
pub type Page = Result<Vec<Listed>, StoreError>;

/// An object's description and body.
pub struct Fetched {
    /// The whole object's description, also for a range.
    pub info: ObjectInfo,
    /// The bytes that the body holds: the range as the store understood it, `None` for the whole object.
    pub range: Option<ByteRange>,
    /// The bytes.
    pub body: ByteStream,
}

/// Where objects are read.
pub trait Source: Send + Sync + 'static {
    /// The bucket or folder.
    fn location(&self) -> &Location;

    /// Lists keys in byte order. After an error the stream ends; a new one may begin behind the last key seen.
    fn list(&self, request: ListRequest) -> BoxStream<'_, Page>;

    /// Whether a listing can begin behind any key at little cost. A store that reads everything before it anyway is better
    /// listed once than in ranges.
    fn lists_from_anywhere(&self) -> bool {
        true
    }

    /// Whether the listings can be taken at their word.
    fn listing_order(&self) -> ListingOrder {
        ListingOrder::Claimed
    }

    /// From now on reads the whole listing, once for each [`list`](Self::list), and sorts it: for a store that lists in another
    /// order. Whether that is so from now on, and was not before.
    fn sort_listings(&self) -> bool {
        false
    }

    /// Whether a [`list`](Self::list) that is polled again behind an error asks for the same page again. Otherwise it has ended.
    fn repeats_pages(&self) -> bool {
        false
    }

    /// Lists the current versions, as [`list`](Self::list) does, with their version ids. A store without versions, or one that
    /// keeps them to itself, answers with an error.
    fn list_versions(&self, _request: ListRequest) -> BoxStream<'_, Page> {
        let error = StoreError::new(ErrorKind::Unsupported, "ListObjectVersions", "this store lists no versions");
        stream::once(async move { Err(error) }).boxed()
    }

    /// Describes the current object, or [`NotFound`](ErrorKind::NotFound).
    fn head_object(&self, key: &ObjectKey) -> impl Future<Output = Result<ObjectInfo, StoreError>> + Send;

    /// Reads the current object, or the pinned one, whole or in a range. With a pin the read must meet it: another object
    /// is [`PreconditionFailed`](ErrorKind::PreconditionFailed). The caller checks the answer all the same.
    fn get_object(
        &self,
        key: &ObjectKey,
        pin: Option<&Pin>,
        range: Option<ByteRange>,
    ) -> impl Future<Output = Result<Fetched, StoreError>> + Send;
}

/// What a store's listings are known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingOrder {
    /// In the order of the store's answers, which should be byte order of keys and may be another.
    Claimed,
    /// In byte order, since they are sorted on this side.
    Sorted,
}

/// The first lines of what begins with `prefix`; none if there is nothing. A page may be empty and not be the last one.
pub(crate) async fn first_lines(store: &impl Source, prefix: &str) -> Result<Vec<Listed>, StoreError> {
    let mut pages = store.list(ListRequest { prefix: prefix.to_owned(), start_after: None });
    while let Some(page) = pages.next().await {
        let page = page?;
        if !page.is_empty() {
            return Ok(page);
        }
    }
    Ok(Vec::new())
}
