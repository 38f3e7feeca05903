//! Merges the listings of both sides in constant memory.

use crate::{
    engine::Patience,
    error::StoreError,
    listing::{Lines, Lister},
    object::{KeyError, Listed, ObjectKey},
    ports::{Clock, Source},
    range::KeyRange,
    route::Route,
};

/// A source object and what stands in its place at the destination.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The source's line.
    pub source: Listed,
    /// Its place.
    pub destination_key: Result<ObjectKey, KeyError>,
    /// The destination's line, if there is one.
    pub destination: Option<Listed>,
}

/// Both listings, read side by side.
pub struct Merge<'a, S, D, C> {
    route: &'a Route,
    source: Lister<'a, S, C>,
    destination: Lister<'a, D, C>,
    waiting: Option<Listed>,
}

impl<'a, S: Source, D: Source, C: Clock> Merge<'a, S, D, C> {
    /// Begins both listings of a range of the route; nothing is asked for yet.
    pub fn new(
        route: &'a Route,
        range: &KeyRange,
        (source, destination): (&'a S, &'a D),
        patience: &'a Patience<C>,
    ) -> Self {
        let bounds = route.destination_bounds(range);
        let after = Some(range.after.clone()).filter(|after| !after.is_empty());
        let source = Lister::new(source, patience, route.source_prefix()).within(after, range.until.clone());
        let destination = Lister::new(destination, patience, route.destination_list_prefix());
        let destination = destination.within(bounds.after, bounds.until);
        Self { route, source, destination, waiting: None }
    }

    /// Also asks the source for versions.
    pub fn with_versions(self) -> Self {
        Self { source: self.source.with_versions(), ..self }
    }

    /// Ends the range earlier, behind what was handed out.
    pub fn end_at(&mut self, until: Option<String>) {
        self.source.end_at(until);
    }

    /// The last source key that was read.
    pub fn cursor(&self) -> Option<&str> {
        self.source.last()
    }

    /// What the source's listing shows.
    pub fn source_lines(&self) -> Lines {
        self.source.lines()
    }

    /// The next source object with its counterpart. What only the destination has is passed over: nothing is deleted.
    pub async fn next(&mut self) -> Result<Option<Pair>, StoreError> {
        loop {
            if self.source.is_dry() {
                self.fill().await?;
            }
            let Some(source) = self.source.next().await? else { return Ok(None) };
            let Some(destination_key) = self.route.map(&source.key) else { continue };
            let destination = match &destination_key {
                Ok(key) => self.counterpart(key).await?,
                Err(_) => None,
            };
            return Ok(Some(Pair { source, destination_key, destination }));
        }
    }

    async fn counterpart(&mut self, key: &ObjectKey) -> Result<Option<Listed>, StoreError> {
        loop {
            if self.waiting.is_none() {
                if self.destination.is_dry() {
                    self.fill().await?;
                }
                self.waiting = self.destination.next().await?;
            }
            match &self.waiting {
                Some(there) if there.key < *key => self.waiting = None,
                Some(there) if there.key == *key => return Ok(self.waiting.take()),
                Some(_) | None => return Ok(None),
            }
        }
    }

    /// Pages of both sides are on their way at the same time: most of a scan is waiting for them.
    async fn fill(&mut self) -> Result<(), StoreError> {
        let (source, destination) = futures_util::join!(self.source.fill(), self.destination.fill());
        source.and(destination)
    }
}
