//! Listings as stores answer them: in pages that may be short or empty, that say in different ways whether there is more, and
//! that break off on the way.

use futures_util::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use longhaul::{
    memory::Memory,
    object::Listed,
    store::{ErrorKind, ListRequest, Page, PageEnd, Paging, StoreError},
};

use crate::{
    counts::{Happening, Op},
    store::SimStore,
};

/// How a store says whether a listing goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// By a mark and a token, as Amazon S3.
    Both,
    /// By a token alone.
    OnlyTokens,
    /// By a mark alone: whoever wants more asks behind the last key.
    OnlyMarks,
}

/// Where a page begins: behind a key, and behind so many empty pages there.
type Place = (String, u32);

/// How many lines a page has that nobody has cut.
const FULL: usize = 1000;
/// How many pages of ten thousand break off.
const CUT: u16 = 300;

type Lister = for<'a> fn(&'a Memory, ListRequest) -> BoxStream<'a, Page>;

impl SimStore {
    /// Asks page by page, as an adapter does, until the rule for all listings says that it is enough.
    pub(crate) fn listed(&self, op: Op, request: ListRequest, lister: Lister) -> BoxStream<'_, Page> {
        let start = request.start_after.clone().map(|after| (after, 0));
        stream::unfold(Some(Paging::from(start)), move |paging| {
            let request = request.clone();
            async move {
                let mut paging = paging?;
                let answer = async { Ok(self.page(&request, paging.asked(), lister)) };
                let (lines, end) = match self.request(op, &request.prefix, answer).await {
                    Ok(answer) => answer,
                    Err(error) => return Some((vec![Err(error)], None)),
                };
                if self.world.happens(CUT) {
                    return Some((self.cut(lines), None));
                }
                match paging.has_more(end) {
                    Ok(more) => Some((vec![Ok(lines)], more.then_some(paging))),
                    Err(error) => {
                        let error = StoreError::new(ErrorKind::BadAnswer, "ListObjectsV2", error.to_string());
                        Some((vec![Err(error)], None))
                    }
                }
            }
        })
        .flat_map(stream::iter)
        .boxed()
    }

    /// A page whose text ends early: its first lines may be handed on before that is seen.
    fn cut(&self, mut lines: Vec<Listed>) -> Vec<Page> {
        lines.truncate(self.world.faults().random().usize(..=lines.len()));
        self.world.happened(Happening::PageCut, || format!("behind {} lines", lines.len()));
        let error = StoreError::new(ErrorKind::Unavailable, "ListObjectsV2", "the answer ended early");
        vec![Ok(lines), Err(error)]
    }

    fn page(&self, request: &ListRequest, asked: Option<&Place>, lister: Lister) -> (Vec<Listed>, PageEnd<Place>) {
        let (after, empty) = asked.cloned().unwrap_or_default();
        let mut lines = self.lines(request, &after, lister);
        let (short, cut) = {
            let mut faults = self.world.faults();
            let random = faults.random();
            (random.u8(..8) == 0, random.usize(..=lines.len()))
        };
        if short && (cut > 0 || self.marks != Marks::OnlyMarks) {
            lines.truncate(cut);
        }
        let last = lines.last().map(|line| line.key.as_str().to_owned());
        let behind_last = last.clone().map(|last| (last, 0));
        let next = behind_last.clone().unwrap_or((after, empty + 1));
        let more = !self.lines(request, &next.0, lister).is_empty();
        let end = PageEnd {
            truncated: Some(more).filter(|_| self.marks != Marks::OnlyTokens),
            next: Some(next).filter(|_| more && self.marks != Marks::OnlyMarks),
            behind_last,
            lines: lines.len(),
            most_lines: FULL,
            names_what_was_asked: true,
        };
        (lines, end)
    }

    fn lines(&self, request: &ListRequest, after: &str, lister: Lister) -> Vec<Listed> {
        let start_after = Some(after.to_owned()).filter(|after| !after.is_empty());
        let request = ListRequest { start_after, ..request.clone() };
        let first = lister(&self.memory, request).next().now_or_never().flatten();
        first.and_then(Result::ok).unwrap_or_default()
    }
}
