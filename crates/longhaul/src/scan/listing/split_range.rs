//! Cuts a range of keys into pieces without knowing what keys look like.
//!
//! A listing can begin behind any text, and that is all that is asked of a store: each probe is one page. A cut lies
//! behind at least one page of its range and before at least one more key, so no piece is empty. Cuts are texts in the
//! byte order of UTF-8, at most as long as a key may be. Where the pieces come out uneven, they can be cut again.
//!
//! Characters are the digits of the search. Control characters are not probed for where there is another way, since
//! XML 1.0, in which stores answer, has none of them.

use std::collections::VecDeque;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    limits::{Clock, RequestPolicy},
    object::{Listed, ObjectKey},
    route::KeyRange,
    scan::listing::lister::out_of_order,
    store::{ListRequest, Source, StoreError},
};

/// Behind nearly everything that begins with what stands before it.
const LAST: char = char::MAX;

/// The first character that is no control character.
const FIRST_PLAIN: u32 = 0x20;

/// The last character of ASCII, where most keys stay.
const LAST_ASCII: u32 = 0x7F;

/// The characters that XML 1.0 does not have, and the last one before them.
const NO_XML: [u32; 2] = [0xFFFE, 0xFFFF];

/// How often a cut that leaves next to nothing on its right side is tried again further to the left.
const TRIES: u32 = 8;

/// How many cuts are searched for at once.
const AT_ONCE: usize = 8;

/// A listing that is probed.
pub struct Probe<'a, S, C> {
    /// The store.
    pub store: &'a S,
    /// Time, repeats, and the wish to stop.
    pub patience: &'a RequestPolicy<C>,
    /// What all keys begin with.
    pub prefix: &'a str,
}

/// Cuts `range` into up to `pieces` parts that are next to each other and together the range. Parts of no more than two
/// pages stay whole, so a short range comes back as it is.
pub async fn split<S: Source, C: Clock>(
    probe: &Probe<'_, S, C>,
    range: &KeyRange,
    pieces: usize,
) -> Result<Vec<KeyRange>, StoreError> {
    let mut open = VecDeque::from([range.clone()]);
    let mut whole = Vec::new();
    while !open.is_empty() && open.len() + whole.len() < pieces && !probe.patience.stop.is_cancelled() {
        let count = open.len().min(pieces - open.len() - whole.len());
        let round: Vec<KeyRange> = open.drain(..count).collect();
        let searches: Vec<_> = round.iter().map(|piece| cut(probe, piece)).collect();
        let cuts: Vec<Option<String>> = stream::iter(searches).buffered(AT_ONCE).try_collect().await?;
        for (piece, cut) in round.into_iter().zip(cuts) {
            match cut {
                Some(cut) => open.extend(piece.cut_at([cut])),
                None => whole.push(piece),
            }
        }
    }
    whole.extend(open);
    whole.sort_by(|one, other| one.after.cmp(&other.after));
    Ok(whole)
}

/// A text inside of `range` with at least a page of keys up to it and, unless that is hard to find, more than a page
/// behind it: a few keys far from all others are worth no piece of their own.
async fn cut<S: Source, C: Clock>(probe: &Probe<'_, S, C>, range: &KeyRange) -> Result<Option<String>, StoreError> {
    let mut searched = range.clone();
    for tries in 1.. {
        let Some(cut) = probe.cut_once(&searched).await? else { return Ok(None) };
        if tries == TRIES || probe.more_than_a_page(&range.behind(&cut)).await?.is_some() {
            return Ok(Some(cut));
        }
        searched.until = Some(cut);
    }
    Ok(None)
}

/// What the keys behind the first page of a range have in common, and where they part.
struct Fork {
    prefix: String,
    /// The first key's next character; 0 where the key ends.
    low: u32,
    /// Another one that is there.
    high: u32,
}

impl<S: Source, C: Clock> Probe<'_, S, C> {
    /// A text with at least a page of keys up to it and at least one behind it; the further to the middle the better.
    async fn cut_once(&self, range: &KeyRange) -> Result<Option<String>, StoreError> {
        let Some(first) = self.more_than_a_page(range).await? else { return Ok(None) };
        let first = first.as_str();
        let Some(mut fork) = self.fork(range, first).await? else { return Ok(Some(first.to_owned())) };
        fork.high = self.highest(range, &fork).await?;
        let middle = between(fork.low, fork.high);
        let cut = middle.map(|middle| format!("{}{middle}", fork.prefix)).filter(|cut| is_usable(cut, first));
        match cut {
            // The next character is the last one that is there: a key that ends with it may be the last.
            Some(cut) if middle.map(u32::from) == Some(fork.high) && self.behind(range, &cut).await?.is_empty() => {
                Ok(Some(first.to_owned()))
            }
            cut => Ok(Some(cut.unwrap_or_else(|| first.to_owned()))),
        }
    }

    /// The last key of the range's first page, if there are more keys behind it.
    async fn more_than_a_page(&self, range: &KeyRange) -> Result<Option<ObjectKey>, StoreError> {
        let Some(last) = self.behind(range, &range.after).await?.pop() else { return Ok(None) };
        let more = self.behind(range, last.as_str()).await?;
        Ok(if more.is_empty() { None } else { Some(last) })
    }

    /// The longest text that `first` and all keys of the range behind it begin with. `None` if none of them parts with
    /// `first`, as far as probes can tell.
    async fn fork(&self, range: &KeyRange, first: &str) -> Result<Option<Fork>, StoreError> {
        let ends: Vec<usize> = first.char_indices().map(|(at, _)| at).chain([first.len()]).collect();
        let mut common = shared(first, self.prefix);
        if let Some(until) = &range.until {
            common = common.max(shared(first, until));
        }
        let mut longest = ends.len() - 1;
        let mut witness = None;
        while common < longest {
            let middle = common + (longest - common).div_ceil(2);
            let text = format!("{}{LAST}", &first[..ends[middle]]);
            if text.len() > ObjectKey::MAX_BYTES {
                longest = middle - 1;
                continue;
            }
            let parted = self.behind(range, &text).await?.pop().filter(|key| shared(first, key.as_str()) < middle);
            match parted {
                Some(key) => {
                    longest = shared(first, key.as_str());
                    witness = Some(key);
                }
                None => common = middle,
            }
        }
        let prefix = &first[..ends[common]];
        let witness = match witness.filter(|key| shared(first, key.as_str()) == common) {
            Some(key) => Some(key),
            None => self.behind(range, first).await?.pop(),
        };
        let Some(high) = witness.and_then(|key| digit(prefix, &key)) else { return Ok(None) };
        let low = first[prefix.len()..].chars().next().map_or(0, u32::from);
        Ok((high > low).then(|| Fork { prefix: prefix.to_owned(), low, high }))
    }

    /// The largest character that any key has behind the common prefix. One that only ends a key may be overlooked.
    async fn highest(&self, range: &KeyRange, fork: &Fork) -> Result<u32, StoreError> {
        let mut low = fork.high;
        let until = range.until.as_deref().and_then(|until| until.strip_prefix(&fork.prefix));
        let mut high = until.and_then(|rest| rest.chars().next()).map_or(u32::from(LAST), u32::from);
        while low < high {
            let middle =
                if low < LAST_ASCII && LAST_ASCII < high { LAST_ASCII } else { low + (high - low).div_ceil(2) };
            let Some(middle) = plain(middle, low, high) else { break };
            let text = format!("{}{middle}", fork.prefix);
            if text.len() > ObjectKey::MAX_BYTES {
                break;
            }
            let found = self.behind(range, &text).await?.pop().and_then(|key| digit(&fork.prefix, &key));
            match found {
                Some(found) => low = found.max(u32::from(middle)),
                None => high = u32::from(middle) - 1,
            }
        }
        Ok(low)
    }

    /// Cuts in a listing that is in no order would be anywhere.
    fn check_order(&self, text: &str, page: &[Listed]) -> Result<(), StoreError> {
        let keys = || page.iter().map(|line| line.key.as_str());
        let backward = std::iter::once(text).chain(keys()).zip(page).find(|(before, line)| *before > line.key.as_str());
        backward.map_or(Ok(()), |(_, line)| Err(out_of_order(self.store, &line.key)))
    }

    /// The first page of the range's keys behind `text`; empty if there is none.
    async fn behind(&self, range: &KeyRange, text: &str) -> Result<Vec<ObjectKey>, StoreError> {
        let request = ListRequest {
            prefix: self.prefix.to_owned(),
            start_after: Some(text.to_owned()).filter(|text| !text.is_empty()),
        };
        self.patience
            .repeated("ListObjectsV2", || async {
                let mut pages = self.store.list(request.clone());
                while let Some(page) = pages.next().await {
                    let page = page?;
                    if !page.is_empty() {
                        self.check_order(text, &page)?;
                        let keys = page.into_iter().map(|line| line.key).filter(|key| key.as_str() != text);
                        return Ok(keys.take_while(|key| !range.ends_before(key)).collect());
                    }
                }
                Ok(Vec::new())
            })
            .await
    }
}

/// How many characters two texts have in common at their beginning.
fn shared(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

/// The character behind `prefix`.
fn digit(prefix: &str, key: &ObjectKey) -> Option<u32> {
    key.as_str().strip_prefix(prefix)?.chars().next().map(u32::from)
}

/// Whether a text is behind `first`, and not too long to be asked for.
fn is_usable(cut: &str, first: &str) -> bool {
    cut > first && cut.len() <= ObjectKey::MAX_BYTES
}

/// A character behind `low` and up to `high`, near the middle.
fn between(low: u32, high: u32) -> Option<char> {
    plain(low + (high - low).div_ceil(2), low, high)
}

/// The character nearest to `wanted` in `low + 1..=high` that can be written, and if possible plainly.
fn plain(wanted: u32, low: u32, high: u32) -> Option<char> {
    let wanted = if wanted < FIRST_PLAIN && high >= FIRST_PLAIN { FIRST_PLAIN } else { wanted };
    let up = (wanted..=high).take(0x802);
    let down = (low + 1..wanted).rev().take(0x802);
    let is_written = |code: &u32| !NO_XML.contains(code);
    up.chain(down).filter(is_written).find_map(char::from_u32)
}
