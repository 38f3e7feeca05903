//! Reads one listing to its end, across errors, in constant memory.
//!
//! Keys must come in byte order. A key that goes backwards is an error and never "the end": a diff over a listing that is
//! out of order would send, or miss, anything. A page that fails is asked for again, behind the last key read.

use std::collections::VecDeque;

use futures_util::{StreamExt, stream::BoxStream};

use crate::{
    engine::Patience,
    error::{ErrorKind, StoreError},
    object::{Listed, ObjectKey},
    planted::{self, Defect},
    ports::{Clock, ListRequest, Page, Source},
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
    patience: &'a Patience<C>,
    request: ListRequest,
    pages: Option<BoxStream<'a, Page>>,
    ready: VecDeque<Listed>,
    ended: bool,
    last: Option<String>,
    until: Option<String>,
}

/// A listing that holds fewer lines than a page of `ListObjectsV2` may have wants the next one.
const LOW: usize = 1000;

impl<'a, S: Source, C: Clock> Lister<'a, S, C> {
    /// Begins a listing; nothing is asked for yet.
    pub fn new(store: &'a S, patience: &'a Patience<C>, prefix: impl Into<String>) -> Self {
        let request = ListRequest { prefix: prefix.into(), start_after: None };
        let (lines, ready) = (Lines::Objects, VecDeque::new());
        Self { store, lines, patience, request, pages: None, ready, ended: false, last: None, until: None }
    }

    /// Only keys behind `after`, up to and with `until`. Before the first key is asked for.
    pub fn within(mut self, after: Option<String>, until: Option<String>) -> Self {
        self.request.start_after.clone_from(&after);
        Self { last: after, until, ..self }
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

    /// The next key, or the end.
    pub async fn next(&mut self) -> Result<Option<Listed>, StoreError> {
        while self.is_dry() {
            self.fill().await?;
        }
        let Some(next) = self.ready.pop_front() else { return Ok(None) };
        if self.last.as_ref().is_some_and(|last| last.as_str() >= next.key.as_str()) {
            return Err(self.out_of_order(&next.key));
        }
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
            Some(page) => self.ready.extend(page),
            None => self.ended = true,
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
            let error = match self.patience.bounded("ListObjectsV2", pages.next()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(page))) => return Ok(Some(page)),
                Ok(Some(Err(error))) | Err(error) => error,
            };
            if planted::is(Defect::IgnoreListingError) {
                return Ok(None);
            }
            self.pages = None;
            let read = self.ready.back().map(|line| line.key.as_str()).or(self.last.as_deref());
            self.request.start_after = read.map(str::to_owned);
            if self.lines == Lines::Versions && is_refused(&error) {
                tracing::warn!(%error, "versions may not be listed; objects are listed and compared by their ETags");
                self.lines = Lines::Objects;
                continue;
            }
            self.patience.pause_after(error, failures).await?;
            failures += 1;
        }
    }

    fn out_of_order(&self, key: &ObjectKey) -> StoreError {
        let message =
            "the listing is not in byte order of keys, so it cannot be compared (directory buckets are not supported)";
        StoreError::new(ErrorKind::Unsupported, "ListObjectsV2", message).at(self.store.location()).on(key)
    }
}

fn is_refused(error: &StoreError) -> bool {
    matches!(error.kind(), ErrorKind::AccessDenied | ErrorKind::Unsupported)
}
