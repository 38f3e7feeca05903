//! Several listings of one scan side by side, in one process.
//!
//! A scan begins with one range. A range that turns out to be long is cut, and its pieces are listed at the same time, in
//! tasks of their own: as many as the engine's settings say. Where a listing cannot begin in the middle there is one. A range
//! is at its end when the next one joins it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::JoinSet,
};

use crate::{
    copy::attempt::{Backends, Engine},
    route::{KeyRange, ScanSpec},
    scan::{
        differences::{Batch, Differences},
        listing::{Beginnings, Probe, split_range},
    },
    store::{ErrorKind, Source, StoreError},
};

/// How many batches may wait, for each listing.
const WAITING: usize = 2;

enum Found {
    Batch(Batch),
    Pieces(Vec<KeyRange>),
}

/// Listings under way. They end with this value.
pub(crate) struct Listings<B: Backends> {
    shared: Arc<Shared<B>>,
    tasks: JoinSet<Result<(), StoreError>>,
    found: Receiver<Found>,
}

struct Shared<B: Backends> {
    engine: Arc<Engine<B>>,
    scan: ScanSpec,
    /// Ranges that are listed, or about to be.
    open: AtomicUsize,
    beginnings: Beginnings,
    found: Sender<Found>,
}

impl<B: Backends> Listings<B> {
    /// Begins with the whole route.
    pub fn begin(engine: &Arc<Engine<B>>, scan: &ScanSpec) -> Self {
        let (sender, found) = channel(WAITING * engine.settings.list_ranges.max(1));
        let shared = Shared {
            engine: engine.clone(),
            scan: scan.clone(),
            open: AtomicUsize::new(1),
            beginnings: Beginnings::default(),
            found: sender,
        };
        let mut listings = Self { shared: Arc::new(shared), tasks: JoinSet::new(), found };
        listings.list(KeyRange::all());
        listings
    }

    /// What some further keys came to, or the end of all listings. After an error there is nothing more to come.
    pub async fn next(&mut self) -> Result<Option<Batch>, StoreError> {
        loop {
            let found = if self.tasks.is_empty() {
                // What a listing found was handed on before it ended.
                let Ok(found) = self.found.try_recv() else { return Ok(None) };
                Some(found)
            } else {
                tokio::select! {
                    biased;
                    found = self.found.recv() => found,
                    Some(ended) = self.tasks.join_next() => {
                        ended.unwrap_or_else(|error| Err(panicked(&error.to_string())))?;
                        None
                    }
                }
            };
            match found {
                Some(Found::Batch(batch)) => return Ok(Some(batch)),
                Some(Found::Pieces(pieces)) => pieces.into_iter().for_each(|piece| self.list(piece)),
                None => {}
            }
        }
    }

    pub(crate) fn list(&mut self, range: KeyRange) {
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move { shared.list(range).await });
    }
}

fn panicked(words: &str) -> StoreError {
    let words = format!("a listing panicked; this is a defect of longhaul, please report it: {words}");
    StoreError::new(ErrorKind::Other, "ListObjectsV2", words)
}

impl<B: Backends> Shared<B> {
    pub(crate) async fn list(&self, range: KeyRange) -> Result<(), StoreError> {
        let mut differences = Differences::new(&self.engine, &self.scan, &range).beside(&self.beginnings);
        let mut until = range.until;
        let long = self.engine.settings.list_split_after;
        let mut next_split = long;
        loop {
            let (batch, ended) = differences.batch().await;
            self.hand_on(Found::Batch(batch)).await;
            if ended? {
                break;
            }
            if differences.keys() >= next_split {
                next_split = differences.keys() + long;
                let cursor = differences.cursor().unwrap_or_default().to_owned();
                let pieces = self.cut(&KeyRange { after: cursor, until: until.clone() }).await?;
                if let Some((first, others)) = pieces.split_first().filter(|(_, others)| !others.is_empty()) {
                    until.clone_from(&first.until);
                    differences.end_at(until.clone());
                    self.hand_on(Found::Pieces(others.to_vec())).await;
                }
            }
        }
        self.open.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }

    /// Nobody listens only when the scan is over.
    async fn hand_on(&self, found: Found) {
        let _ = self.found.send(found).await;
    }

    /// The rest of a range in as many pieces as there is room for. It is no failure if there is none.
    async fn cut(&self, rest: &KeyRange) -> Result<Vec<KeyRange>, StoreError> {
        let Engine { source, destination, patience, settings, .. } = &*self.engine;
        if !source.lists_from_anywhere() || !destination.lists_from_anywhere() || patience.stop.is_cancelled() {
            return Ok(Vec::new());
        }
        let all = settings.list_ranges;
        let taken = self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < all).then_some(all));
        let Ok(open) = taken else { return Ok(Vec::new()) };
        let room = all - open;
        let probe = Probe { store: source, patience, prefix: self.scan.route.source_prefix() };
        let pieces = match split_range::split(&probe, rest, room + 1).await {
            Ok(pieces) => pieces,
            Err(error) if error.kind() == ErrorKind::Unordered => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "a long range could not be cut; it is listed as a whole");
                Vec::new()
            }
        };
        self.open.fetch_sub(room - pieces.len().saturating_sub(1), Ordering::Relaxed);
        Ok(pieces)
    }
}
