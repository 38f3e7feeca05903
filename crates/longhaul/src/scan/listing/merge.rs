//! Merges the listings of both sides in constant memory.

use crate::{
    limits::{Clock, RequestPolicy},
    object::{KeyError, Listed, ObjectKey},
    route::{KeyRange, Route},
    scan::listing::{
        absence::{self, Absences},
        lister::{Lines, Lister},
        seam::{self, Beginnings},
    },
    store::{Source, StoreError},
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
    stores: (&'a S, &'a D),
    patience: &'a RequestPolicy<C>,
    source: Lister<'a, S, C>,
    destination: Lister<'a, D, C>,
    waiting: Option<Listed>,
    absences: Absences,
    /// The beginning of the range; taken when it has been told of.
    after: Option<String>,
    beginnings: Option<&'a Beginnings>,
    has_joined: bool,
}

impl<'a, S: Source, D: Source, C: Clock> Merge<'a, S, D, C> {
    /// Begins both listings of a range of the route; nothing is asked for yet.
    pub fn new(route: &'a Route, range: &KeyRange, stores: (&'a S, &'a D), patience: &'a RequestPolicy<C>) -> Self {
        let bounds = route.destination_bounds(range);
        let after = Some(range.after.clone()).filter(|after| !after.is_empty());
        let source = Lister::new(stores.0, patience, route.source_prefix()).within(after.clone(), range.until.clone());
        let destination = Lister::new(stores.1, patience, route.destination_list_prefix());
        Self {
            route,
            stores,
            patience,
            source,
            destination: destination.within(bounds.after, bounds.until),
            waiting: None,
            absences: Absences::default(),
            after,
            beginnings: None,
            has_joined: false,
        }
    }

    /// Tells what the range begins with, and asks there what the next one does.
    pub fn beside(self, beginnings: &'a Beginnings) -> Self {
        Self { beginnings: Some(beginnings), ..self }
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

    /// The next source object with its counterpart. What only the destination has is passed over: nothing is deleted. The range
    /// is at its end when the next one joins it.
    pub async fn next(&mut self) -> Result<Option<Pair>, StoreError> {
        loop {
            while self.source.is_dry() {
                self.fill().await?;
            }
            self.tell();
            let Some(source) = self.source.next().await? else { return self.join().await.map(|()| None) };
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
                Some(_) | None => break,
            }
        }
        let (_, destination) = self.stores;
        let again = self.absences.doubt(destination, &self.destination);
        match again {
            Some(again) => absence::look(destination, self.patience, again, key).await,
            None => Ok(None),
        }
    }

    fn tell(&mut self) {
        let Some((beginnings, first)) = self.beginnings.zip(self.source.first()) else { return };
        if let Some(after) = self.after.take() {
            beginnings.tell(&after, first);
        }
    }

    async fn join(&mut self) -> Result<(), StoreError> {
        if !self.has_joined {
            seam::check(&mut self.source, self.stores.0, self.beginnings).await?;
            self.has_joined = true;
        }
        Ok(())
    }

    /// Pages of both sides are on their way at the same time: most of a scan is waiting for them.
    async fn fill(&mut self) -> Result<(), StoreError> {
        let (source, destination) = futures_util::join!(self.source.fill(), self.destination.fill());
        source.and(destination)
    }
}
