//! Lists in byte order what a store lists in another, as local folders are sorted: in a temporary file.
//!
//! The store's listing is read from its beginning to its end, in the store's own steps and never from the middle: "behind a
//! key" is somewhere else in another order. Memory stays flat. As long as it is read, empty pages are handed on, so that whoever
//! waits sees it move. Behind an error the same page is asked for again; where a store cannot do that, all begins anew.

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use longhaul::{
    object::{Listed, Location},
    store::{ErrorKind, ListRequest, Page, Source, StoreError},
};
use tokio::task::spawn_blocking;

use crate::lines::Lines;

const OPERATION: &str = "ListObjectsV2";
/// How often a listing that breaks off may begin anew.
const MOST_BEGINNINGS: u32 = 10;
/// Pages in a row that may show nothing but what was shown before: a store that leads in a circle has no end.
const MOST_REPEATS: u32 = 100;

/// All that `request` asks for, in byte order of keys.
pub fn sorted<S: Source>(store: &S, request: ListRequest) -> BoxStream<'_, Page> {
    let begin = Sorting { store, request, beginnings: 0, stage: Stage::Begin };
    stream::unfold(begin, |sorting| sorting.step()).boxed()
}

struct Sorting<'a, S> {
    store: &'a S,
    request: ListRequest,
    beginnings: u32,
    stage: Stage<'a>,
}

enum Stage<'a> {
    Begin,
    Reading {
        pages: BoxStream<'a, Page>,
        lines: Box<Lines>,
        repeats: u32,
    },
    HandingOn(Box<Lines>),
    /// It came to nothing, and is not to be taken for the end.
    Failed,
}

impl<'a, S: Source> Sorting<'a, S> {
    async fn step(mut self) -> Option<(Page, Self)> {
        let (page, stage) = match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Begin => self.begin().await,
            Stage::Reading { pages, lines, repeats } => self.read(pages, lines, repeats).await,
            Stage::HandingOn(lines) => return self.hand_on(lines).await,
            Stage::Failed => {
                (Err(self.error(ErrorKind::BadAnswer, "the listing could not be read whole")), Stage::Failed)
            }
        };
        self.stage = stage;
        Some((page, self))
    }

    async fn begin(&mut self) -> (Page, Stage<'a>) {
        self.beginnings += 1;
        if self.beginnings > MOST_BEGINNINGS {
            let words = format!("the listing broke off {MOST_BEGINNINGS} times before its end");
            return (Err(self.error(ErrorKind::BadAnswer, &words)), Stage::Failed);
        }
        let lines = match blocking(self.store.location(), Lines::create).await {
            Ok(lines) => Box::new(lines),
            Err(error) => return (Err(error), Stage::Failed),
        };
        let whole = ListRequest { prefix: self.request.prefix.clone(), start_after: None };
        (Ok(Vec::new()), Stage::Reading { pages: self.store.list(whole), lines, repeats: 0 })
    }

    async fn read(&mut self, mut pages: BoxStream<'a, Page>, lines: Box<Lines>, repeats: u32) -> (Page, Stage<'a>) {
        let page = match pages.next().await {
            None => return (Ok(Vec::new()), Stage::HandingOn(lines)),
            Some(Err(error)) if self.store.repeats_pages() => {
                return (Err(error), Stage::Reading { pages, lines, repeats });
            }
            Some(Err(error)) => return (Err(error), Stage::Begin),
            Some(Ok(page)) => page,
        };
        let is_empty = page.is_empty();
        match add(self.store.location(), lines, page).await {
            Ok((lines, new)) => {
                let repeats = if new > 0 || is_empty { 0 } else { repeats + 1 };
                if repeats > MOST_REPEATS {
                    let error = self.error(ErrorKind::BadAnswer, "the listing shows the same keys again and again");
                    return (Err(error), Stage::Failed);
                }
                (Ok(Vec::new()), Stage::Reading { pages, lines, repeats })
            }
            Err(error) => (Err(error), Stage::Failed),
        }
    }

    async fn hand_on(mut self, mut lines: Box<Lines>) -> Option<(Page, Self)> {
        let after = self.request.start_after.take();
        let next = blocking(self.store.location(), move || lines.page(after).map(|page| (lines, page))).await;
        let (page, stage) = match next {
            Ok((_, page)) if page.is_empty() => return None,
            Ok((lines, page)) => (Ok(page), Stage::HandingOn(lines)),
            Err(error) => (Err(error), Stage::Failed),
        };
        self.stage = stage;
        Some((page, self))
    }

    fn error(&self, kind: ErrorKind, words: &str) -> StoreError {
        StoreError::new(kind, OPERATION, words).at(self.store.location())
    }
}

/// The lines with those of a further page, and how many keys of it are new.
async fn add(location: &Location, mut lines: Box<Lines>, page: Vec<Listed>) -> Result<(Box<Lines>, usize), StoreError> {
    blocking(location, move || lines.add(&page).map(|new| (lines, new))).await
}

/// Work on the temporary file, in a thread that may wait for the disk.
async fn blocking<T: Send + 'static>(
    location: &Location,
    work: impl FnOnce() -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let failed = || {
        let words = "sorting the listing in a temporary file failed (TMPDIR names the folder for such files)";
        StoreError::new(ErrorKind::Io, OPERATION, words).at(location)
    };
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| failed().caused_by(error)),
        Err(error) => Err(failed().caused_by(error)),
    }
}
