//! Whether a listing goes on after a page, and where. Pure, and the same for every operation that answers in pages.
//!
//! A listing is at its end only if the store said so. It says so in two ways, a mark (`IsTruncated`) and a *Next* token or
//! marker, and stores forget either:
//!
//! - The mark `false` ends the listing, whatever stands beside it: final pages may carry markers.
//! - The mark `true`, or a next marker without a mark, means more. Where more is announced without a marker the listing goes
//!   on behind the last line, if the operation can.
//! - With neither, a page that speaks of what was asked for is the last one, unless it is full: a store that forgets both
//!   cuts its pages all the same. A page that says nothing at all is no answer.
//!
//! Every page must move on. A marker that came before leads in a circle, and pages without lines end somewhere.

use crate::planted::{self, Defect};

/// Pages without a line, in a row, that a listing may have. A store that passes over deleted keys answers with such pages
/// (Amazon's versions, Ceph's internal names), each for a thousand keys or more; a million deleted keys between two that are
/// there are far more than what was met.
pub const MOST_EMPTY_PAGES: u32 = 1000;

/// What one page says about the end of its listing. `M` is whatever the operation goes on from.
#[derive(Clone, Debug)]
pub struct PageEnd<M> {
    /// The mark: `IsTruncated`.
    pub truncated: Option<bool>,
    /// The next token or marker; an empty one is none.
    pub next: Option<M>,
    /// Where to go on behind the last line, if the operation can begin there.
    pub behind_last: Option<M>,
    /// How many lines there are, of every kind.
    pub lines: usize,
    /// How many lines a page has at most.
    pub most_lines: usize,
    /// Whether the page names what was asked for, so that it is an answer even without lines.
    pub names_what_was_asked: bool,
}

/// Why a listing cannot be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PagingError {
    /// There is more, and no way to it.
    #[error("more was announced, but not where")]
    NoWayOn,
    /// The same place was named before.
    #[error("the listing does not move on: a page led back to where an earlier one began")]
    NoProgress,
    /// Page after page is empty.
    #[error("{MOST_EMPTY_PAGES} pages in a row were empty, and each announced more")]
    OnlyEmptyPages,
    /// Neither a line, nor a mark, nor a word about what was asked for.
    #[error("the answer says nothing: neither what was listed, nor whether there is more")]
    NoAnswer,
}

impl PagingError {
    /// Whether the same listing may go better when it is asked for again. A store that leads in a circle does so again.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::NoAnswer => true,
            Self::NoWayOn | Self::NoProgress | Self::OnlyEmptyPages => false,
        }
    }
}

/// A listing that is read page by page.
#[derive(Clone, Debug)]
pub struct Paging<M> {
    asked: Option<M>,
    markers: Circle<M>,
    last_lines: Circle<String>,
    empty: u32,
}

impl<M: Clone + PartialEq> Paging<M> {
    /// A listing that begins behind `start`, or at the first line.
    pub fn from(start: Option<M>) -> Self {
        Self { markers: Circle::from(start.clone()), last_lines: Circle::from(None), asked: start, empty: 0 }
    }

    /// What the next page must be asked for with.
    pub fn asked(&self) -> Option<&M> {
        self.asked.as_ref()
    }

    /// Takes notice of a page's last line, in words that no other line has: ever new tokens may lead to the same lines again.
    pub fn ends_with(&mut self, line: String) -> Result<(), PagingError> {
        if self.last_lines.has_come_round(line) { Err(PagingError::NoProgress) } else { Ok(()) }
    }

    /// Takes notice of a page. Whether there is another one, which [`asked`](Self::asked) then leads to.
    pub fn has_more(&mut self, page: PageEnd<M>) -> Result<bool, PagingError> {
        self.empty = if page.lines == 0 { self.empty + 1 } else { 0 };
        let Some(next) = next_of(page)? else { return Ok(false) };
        if self.asked.as_ref() == Some(&next) || self.markers.has_come_round(next.clone()) {
            return Err(PagingError::NoProgress);
        }
        if self.empty >= MOST_EMPTY_PAGES {
            return Err(PagingError::OnlyEmptyPages);
        }
        self.asked = Some(next);
        Ok(true)
    }
}

/// Notices that something comes again, however long the circle is, in constant memory: what is remembered is replaced after
/// 1, 2, 4, … others (Brent's algorithm).
#[derive(Clone, Debug)]
struct Circle<T> {
    remembered: Option<T>,
    since: u64,
    keep_for: u64,
}

impl<T: PartialEq> Circle<T> {
    fn from(start: Option<T>) -> Self {
        Self { remembered: start, since: 0, keep_for: 1 }
    }

    fn has_come_round(&mut self, next: T) -> bool {
        if self.remembered.as_ref() == Some(&next) {
            return true;
        }
        self.since += 1;
        if self.since >= self.keep_for {
            (self.since, self.keep_for) = (0, self.keep_for.saturating_mul(2));
            self.remembered = Some(next);
        }
        false
    }
}

fn next_of<M>(page: PageEnd<M>) -> Result<Option<M>, PagingError> {
    match (page.truncated, page.next) {
        (Some(false), _) => Ok(None),
        (None, Some(_)) if planted::is(Defect::TokenWithoutMarkEnds) => Ok(None),
        (Some(true) | None, Some(next)) => Ok(Some(next)),
        (Some(true), None) => page.behind_last.map(Some).ok_or(PagingError::NoWayOn),
        (None, None) if page.lines == 0 && !page.names_what_was_asked => Err(PagingError::NoAnswer),
        (None, None) if page.lines >= page.most_lines => page.behind_last.map(Some).ok_or(PagingError::NoWayOn),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of two lines, of five that there may be, that says neither.
    fn page() -> PageEnd<&'static str> {
        PageEnd {
            truncated: None,
            next: None,
            behind_last: Some("behind"),
            lines: 2,
            most_lines: 5,
            names_what_was_asked: true,
        }
    }

    fn after(page: PageEnd<&'static str>) -> Result<Option<&'static str>, PagingError> {
        let mut paging = Paging::from(Some("start"));
        Ok(if paging.has_more(page)? { paging.asked().copied() } else { None })
    }

    #[test]
    fn a_next_marker_without_a_mark_means_more() {
        assert_eq!(after(PageEnd { next: Some("next"), ..page() }), Ok(Some("next")));
        assert_eq!(after(PageEnd { next: Some("next"), truncated: Some(true), ..page() }), Ok(Some("next")));
    }

    #[test]
    fn an_explicit_mark_ends_a_listing_whatever_stands_beside_it() {
        assert_eq!(after(PageEnd { next: Some("next"), truncated: Some(false), ..page() }), Ok(None));
        assert_eq!(after(PageEnd { next: Some("start"), truncated: Some(false), ..page() }), Ok(None));
    }

    #[test]
    fn more_without_a_marker_goes_on_behind_the_last_line_where_that_can_be_asked_for() {
        let truncated = PageEnd { truncated: Some(true), ..page() };
        assert_eq!(after(truncated.clone()), Ok(Some("behind")));
        assert_eq!(after(PageEnd { behind_last: None, ..truncated }), Err(PagingError::NoWayOn));
    }

    #[test]
    fn a_page_that_says_neither_is_the_last_one_unless_it_is_full() {
        assert_eq!(after(page()), Ok(None));
        assert_eq!(after(PageEnd { lines: 0, ..page() }), Ok(None));
        assert_eq!(after(PageEnd { names_what_was_asked: false, ..page() }), Ok(None));
        assert_eq!(after(PageEnd { lines: 5, ..page() }), Ok(Some("behind")));
        assert_eq!(after(PageEnd { lines: 5, behind_last: None, ..page() }), Err(PagingError::NoWayOn));
    }

    #[test]
    fn an_answer_that_says_nothing_is_no_empty_listing() {
        let bare = PageEnd { lines: 0, names_what_was_asked: false, behind_last: None, ..page() };
        assert_eq!(after(bare.clone()), Err(PagingError::NoAnswer));
        assert_eq!(after(PageEnd { truncated: Some(false), ..bare }), Ok(None));
    }

    #[test]
    fn a_marker_that_does_not_move_on_is_an_error_at_once() {
        assert_eq!(after(PageEnd { next: Some("start"), ..page() }), Err(PagingError::NoProgress));
        let behind_start = PageEnd { truncated: Some(true), behind_last: Some("start"), ..page() };
        assert_eq!(after(behind_start), Err(PagingError::NoProgress));
    }

    #[test]
    fn a_circle_of_markers_is_noticed_however_long_it_is() {
        for length in [2_u32, 3, 7, 100] {
            let mut paging = Paging::from(None);
            let turns = (0..10_000).map(|turn| turn % length);
            let mut pages = turns.map(|marker| PageEnd {
                truncated: Some(true),
                next: Some(marker),
                behind_last: None,
                lines: 1,
                most_lines: 5,
                names_what_was_asked: true,
            });
            let noticed = pages.position(|page| paging.has_more(page) == Err(PagingError::NoProgress));
            assert!(noticed.is_some_and(|turn| turn < 5 * length as usize), "{length}: {noticed:?}");
        }
    }

    #[test]
    fn lines_that_come_again_behind_new_tokens_are_noticed() {
        let mut paging = Paging::<u32>::from(None);
        assert_eq!(paging.ends_with("a".into()), Ok(()));
        assert_eq!(paging.ends_with("a".into()), Err(PagingError::NoProgress));
        let mut paging = Paging::<u32>::from(None);
        let lines = ["a", "b", "c"].into_iter().cycle().take(100);
        assert!(lines.map(|line| paging.ends_with(line.into())).any(|ended| ended == Err(PagingError::NoProgress)));
    }

    #[test]
    fn empty_pages_that_move_on_are_legal_and_end_somewhere() {
        let mut paging = Paging::from(None);
        let empty = |marker: u32| PageEnd {
            truncated: Some(true),
            next: Some(marker),
            behind_last: None,
            lines: 0,
            most_lines: 5,
            names_what_was_asked: true,
        };
        for marker in 1..MOST_EMPTY_PAGES {
            assert_eq!(paging.has_more(empty(marker)), Ok(true), "{marker}");
        }
        assert_eq!(paging.has_more(PageEnd { lines: 1, ..empty(MOST_EMPTY_PAGES) }), Ok(true));
        for marker in 1..MOST_EMPTY_PAGES {
            assert_eq!(paging.has_more(empty(MOST_EMPTY_PAGES + marker)), Ok(true), "{marker}");
        }
        assert_eq!(paging.has_more(empty(u32::MAX)), Err(PagingError::OnlyEmptyPages));
    }
}
