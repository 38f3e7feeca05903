//! Listings that come in pages, under one rule for their end.

use std::future::Future;

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use longhaul::store::{ErrorKind, PageEnd, Paging, PagingError, StoreError};

use crate::s3::translate::malformed;

/// The most lines that a page of any listing has (S3 API: MaxKeys, MaxUploads, MaxParts).
const PAGE: usize = 1000;

/// A listing that knows what to ask for next.
pub(crate) trait Pages: Send {
    /// What it lists.
    type Line: Send;

    /// The next page, and whether there are more.
    fn next(&mut self) -> impl Future<Output = Result<(Vec<Self::Line>, bool), StoreError>> + Send;
}

/// All pages up to the end, or up to the first error.
pub(crate) fn stream<'a, P: Pages + 'a>(pages: P) -> BoxStream<'a, Result<Vec<P::Line>, StoreError>> {
    stream_and_behind_errors(pages, |_| None)
}

/// As [`stream`], but whoever goes on behind an error gets the page that failed once more.
pub(crate) fn repeating_stream<'a, P: Pages + Clone + 'a>(pages: P) -> BoxStream<'a, Result<Vec<P::Line>, StoreError>> {
    stream_and_behind_errors(pages, |pages| Some(pages.clone()))
}

fn stream_and_behind_errors<'a, P: Pages + 'a>(
    pages: P,
    behind_an_error: fn(&P) -> Option<P>,
) -> BoxStream<'a, Result<Vec<P::Line>, StoreError>> {
    stream::unfold(Some(pages), move |pages| async move {
        let mut pages = pages?;
        let behind_an_error = behind_an_error(&pages);
        match pages.next().await {
            Ok((lines, more)) => Some((Ok(lines), more.then_some(pages))),
            Err(error) => Some((Err(error), behind_an_error)),
        }
    })
    .boxed()
}

/// Whether there is another page behind this one, whose last line is `last`: words that no other line has.
pub(crate) fn has_more<M: Clone + PartialEq>(
    operation: &'static str,
    paging: &mut Paging<M>,
    last: Option<String>,
    end: PageEnd<M>,
) -> Result<bool, StoreError> {
    let moved_on = last.map_or(Ok(()), |line| paging.ends_with(line));
    moved_on.and_then(|()| paging.has_more(end)).map_err(|error| broken(operation, error))
}

fn broken(operation: &'static str, error: PagingError) -> StoreError {
    if error.is_retryable() { malformed(operation, error) } else { endless(operation, error.to_string()) }
}

/// A listing that breaks its protocol, and would again.
pub(crate) fn endless(operation: &'static str, words: impl Into<String>) -> StoreError {
    StoreError::new(ErrorKind::BadAnswer, operation, words)
}

/// How many lines a page has that is full. A store may say that its pages are shorter.
pub(crate) fn most_lines(said: Option<i32>) -> usize {
    said.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0).map_or(PAGE, |most| most.min(PAGE))
}

/// A text that is there and not empty.
pub(crate) fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
