//! Reads one listing to its end, across errors, in constant memory.
//!
//! Keys must come in byte order. A key that goes backwards is an error and never "the end": a diff over a listing that is
//! out of order would send, or miss, anything. A key that comes twice in a row counts once. A page that fails is asked for
//! again, behind the last key read.

use std::{cmp::Ordering, collections::VecDeque};

use futures_util::{StreamExt, stream::BoxStream};

use crate::{
    limits::{Clock, RequestPolicy},
    object::{Listed, ObjectKey},
    planted::{self, Defect},
    store::{ErrorKind, ListRequest, ListingOrder, Page, Source, StoreError},
};

/// What a listing shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Objects.
    Objects,
    /// Objects with the ids of their versions.
    Versions,
}

/// A listing that is being read.
pub struct Lister<'a, S, C> {
    store: &'a S,
    lines: Lines,
    patience: &'a RequestPolicy<C>,
    request: ListRequest,
    pages: Option<BoxStream<'a, Page>>,
    ready: VecDeque<Listed>,
    ended: bool,
    in_any_order: bool,
    starts_at_first: bool,
    first: Option<ObjectKey>,
    last: Option<String>,
    until: Option<String>,
}

/// A listing that holds fewer lines than a page of `ListObjectsV2` may have wants the next one.
const LOW: usize = 1000;

impl<'a, S: Source, C: Clock> Lister<'a, S, C> {
    /// Begins a listing; nothing is asked for yet.
    pub fn new(store: &'a S, patience: &'a RequestPolicy<C>, prefix: impl Into<String>) -> Self {
        let request = ListRequest { prefix: prefix.into(), start_after: None };
        Self {
            store,
            lines: Lines::Objects,
            patience,
            request,
            pages: None,
            ready: VecDeque::new(),
            ended: false,
            in_any_order: false,
            starts_at_first: true,
            first: None,
            last: None,
            until: None,
        }
    }

    /// Only keys behind `after`, up to and with `until`. Before the first key is asked for.
    pub fn within(mut self, after: Option<String>, until: Option<String>) -> Self {
        self.request.start_after.clone_from(&after);
        Self { starts_at_first: after.is_none(), last: after, until, ..self }
    }

    /// Takes the keys as they come. Nothing can be asked for behind the last of them then: a page that fails is asked for
    /// again, or ends the listing with its error.
    pub fn in_any_order(self) -> Self {
        Self { in_any_order: true, ..self }
    }

    /// Ends the listing earlier; keys that were handed out are out.
    pub fn end_at(&mut self, until: Option<String>) {
        self.until = until;
    }

    /// Also asks for versions. Where they may not be listed, objects are listed instead; [`lines`](Self::lines) tells.
    pub fn with_versions(self) -> Self {
        Self { lines: Lines::Versions, ..self }
    }

    /// What the listing shows now.
    pub fn lines(&self) -> Lines {
        self.lines
    }

    /// The last key that was handed out, or else the beginning of the range.
    pub fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// What the listing begins with, be it behind the range; `None` as long as that was not asked for.
    pub fn first(&self) -> Option<Option<&ObjectKey>> {
        if self.first.is_none() && !self.ended { None } else { Some(self.first.as_ref()) }
    }

    /// At the end of the range: the key behind it at which the listing stopped, if it goes on there.
    pub fn stopped_at(&self) -> Option<&ObjectKey> {
        self.ready.front().map(|line| &line.key)
    }

    /// The last key that may belong to the range.
    pub fn until(&self) -> Option<&str> {
        self.until.as_deref()
    }

    /// Whether nothing can stand before what the listing begins with.
    pub fn begins_at_the_first_key(&self) -> bool {
        self.starts_at_first
    }

    /// Another listing of the same keys and lines, from behind `after` to the end.
    pub fn again_behind(&self, after: Option<String>) -> Self {
        let again = Self::new(self.store, self.patience, self.request.prefix.clone()).within(after, None);
        Self { lines: self.lines, ..again }
    }

    /// The next key, or the end.
    pub async fn next(&mut self) -> Result<Option<Listed>, StoreError> {
        while self.is_dry() {
            self.fill().await?;
        }
        let Some(next) = self.ready.pop_front() else { return Ok(None) };
        if self.until.as_ref().is_some_and(|until| until.as_str() < next.key.as_str()) {
            // It stays, so that the end is the end for every later call too.
            self.ready.push_front(next);
            return Ok(None);
        }
        // The text is used again: a listing has millions of keys.
        let last = self.last.get_or_insert_default();
        last.clear();
        last.push_str(next.key.as_str());
        Ok(Some(next))
    }

    /// Whether the next key must be asked for.
    pub fn is_dry(&self) -> bool {
        self.ready.is_empty() && !self.ended
    }

    /// Asks for the next page, unless one is at hand or the range is at its end: never more than two are held.
    pub async fn fill(&mut self) -> Result<(), StoreError> {
        let is_behind = |line: &Listed| self.until.as_ref().is_some_and(|until| until.as_str() < line.key.as_str());
        if self.ended || self.ready.len() >= LOW || self.ready.back().is_some_and(is_behind) {
            return Ok(());
        }
        match self.next_page().await? {
            Some(page) => self.take(page)?,
            None => self.ended = true,
        }
        Ok(())
    }

    fn take(&mut self, page: Vec<Listed>) -> Result<(), StoreError> {
        if self.in_any_order {
            self.ready.extend(page);
            return Ok(());
        }
        for line in page {
            let before = self.ready.back().map(|line| line.key.as_str()).or(self.last.as_deref());
            match before.map_or(Ordering::Less, |before| before.cmp(line.key.as_str())) {
                Ordering::Less => {
                    self.first.get_or_insert_with(|| line.key.clone());
                    self.ready.push_back(line);
                }
                Ordering::Equal => {}
                Ordering::Greater => return Err(out_of_order(self.store, &line.key)),
            }
        }
        Ok(())
    }

    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, StoreError> {
        let mut failures = 0;
        loop {
            let pages = self.pages.get_or_insert_with(|| match self.lines {
                Lines::Objects => self.store.list(self.request.clone()),
                Lines::Versions => self.store.list_versions(self.request.clone()),
            });
            let (error, goes_on) = match self.patience.bounded("ListObjectsV2", pages.next()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(page))) => return Ok(Some(page)),
                Ok(Some(Err(error))) => (error, self.lines == Lines::Objects && self.store.repeats_pages()),
                // Behind a key that was read the answer may come sooner; where there is no such place, it is waited for.
                Err(error) => (error, self.in_any_order || self.store.listing_order() == ListingOrder::Sorted),
            };
            if planted::is(Defect::IgnoreListingError) {
                return Ok(None);
            }
            if !goes_on && self.in_any_order {
                return Err(error);
            }
            if !goes_on {
                self.begin_behind_what_was_read();
            }
            if self.lines == Lines::Versions && is_refused(&error) {
                tracing::warn!(%error, "versions may not be listed; objects are listed and compared by their ETags");
                self.lines = Lines::Objects;
                self.begin_behind_what_was_read();
                continue;
            }
            self.patience.pause_after(error, failures).await?;
            failures += 1;
        }
    }

    fn begin_behind_what_was_read(&mut self) {
        self.pages = None;
        let read = self.ready.back().map(|line| line.key.as_str()).or(self.last.as_deref());
        self.request.start_after = read.map(str::to_owned);
    }
}

/// A key came that should have come before another one.
pub(crate) fn out_of_order(store: &impl Source, key: &ObjectKey) -> StoreError {
    let words = "the listing is not in byte order: this key stands behind a greater one";
    unordered(store, words).on(key)
}

pub(crate) fn unordered(store: &impl Source, words: &str) -> StoreError {
    StoreError::new(ErrorKind::Unordered, "ListObjectsV2", words).at(store.location())
}

fn is_refused(error: &StoreError) -> bool {
    matches!(error.kind(), ErrorKind::AccessDenied | ErrorKind::Unsupported)
}
