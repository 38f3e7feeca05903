//! The one who watches: knows what every source object ever was, what became visible at the destination and by whom, and
//! what the ledger was told. Says which promise is broken.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use bytes::Bytes;
use longhaul::{
    ledger::{Record, RecordSource, ScanRecord, State},
    object::{Headers, PartNumber},
    store::UploadedPart,
};

use crate::{
    executor::{Asker, ProcessId},
    history::{History, SourceId, Version},
    steps,
    uploads::{UploadEnd, Uploads},
};

/// Something that happened to a destination object.
#[derive(Clone, Debug)]
pub enum Shown {
    /// The product wrote this version of this source.
    Copy {
        /// The source.
        source: SourceId,
        /// Which of its versions.
        version: usize,
        /// Its bytes.
        bytes: Bytes,
    },
    /// Others wrote it.
    Others {
        /// What they wrote.
        bytes: Bytes,
    },
    /// It was deleted.
    Deleted {
        /// By the product, and not by others.
        by_product: bool,
        /// By a request that the product had given up, or that stood still while the object was written.
        late: bool,
    },
}

/// A request that deletes.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// When the process asked for it.
    pub at: Duration,
    /// The process gave it up, and it is carried out all the same.
    pub given_up: bool,
}

/// A record as last saved, and when.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What was saved.
    pub record: Record,
    /// When, by the world's clock.
    pub at: Duration,
    /// By which process.
    pub by: ProcessId,
}

/// Everything that is known.
#[derive(Default)]
pub struct Oracle {
    sources: BTreeMap<SourceId, History>,
    places: BTreeMap<String, Vec<SourceId>>,
    shown: HashMap<String, Vec<(Duration, Shown)>>,
    records: BTreeMap<String, Kept>,
    parked: BTreeMap<String, Duration>,
    last_step: (Option<&'static str>, &'static str),
    uploads: Uploads,
    began: HashMap<ProcessId, Duration>,
    deletes_by_policy: bool,
    scan_began: Duration,
    scans_ended: HashSet<String>,
    entries_sent: HashMap<ProcessId, u64>,
    in_scan: u64,
}

impl Oracle {
    /// A source object may be copied to this key.
    pub fn place(&mut self, source: &SourceId, destination: &str) {
        let sources = self.places.entry(destination.to_owned()).or_default();
        if !sources.contains(source) {
            sources.push(source.clone());
        }
    }

    /// The sources that may be copied to each key.
    pub fn places(&self) -> &BTreeMap<String, Vec<SourceId>> {
        &self.places
    }

    /// What a source object was and is.
    pub fn history(&self, source: &SourceId) -> Option<&History> {
        self.sources.get(source)
    }

    /// All source objects.
    pub fn sources(&self) -> &BTreeMap<SourceId, History> {
        &self.sources
    }

    /// A process begins.
    pub fn process_begins(&mut self, process: ProcessId, now: Duration) {
        self.began.insert(process, now);
    }

    fn began(&self, process: ProcessId) -> Duration {
        self.began.get(&process).copied().unwrap_or_default()
    }

    /// A user wrote a source object.
    pub fn source_written(&mut self, source: &SourceId, version: Version) {
        self.sources.entry(source.clone()).or_default().begins(version);
    }

    /// A user deleted a source object.
    pub fn source_deleted(&mut self, source: &SourceId, now: Duration) {
        if let Some(history) = self.sources.get_mut(source) {
            history.ends(now);
        }
    }

    /// Something became visible that the product wrote. It must be one version of one source of that place, bytes and headers.
    pub fn written_by_product(
        &mut self,
        key: &str,
        (bytes, headers): (Bytes, &Headers),
        now: Duration,
    ) -> Result<(), String> {
        let Some(sources) = self.places.get(key) else {
            return Err(format!("only what a route allows: {key} was written, and no route leads there"));
        };
        let found = sources.iter().find_map(|source| {
            let version = self.sources.get(source)?.of(&bytes, headers)?;
            Some((source.clone(), version))
        });
        let Some((source, version)) = found else {
            let known = sources.iter().any(|source| self.sources.get(source).is_some_and(|all| all.has_bytes(&bytes)));
            let what = if known { "the bytes of one version and the headers of another" } else { "no version's bytes" };
            return Err(format!("never torn: {key} shows {what}, {} bytes with {:?}", bytes.len(), headers.metadata));
        };
        self.show(key, now, Shown::Copy { source, version, bytes });
        Ok(())
    }

    /// Whether copies are deleted with their sources.
    pub fn deletions_are(&mut self, by_policy: bool) {
        self.deletes_by_policy = by_policy;
    }

    /// The product deleted a destination object. By policy only, only while or after its source was absent in the time of that
    /// process, and not what others have put there since before.
    ///
    /// No store of this world deletes under a condition: what appeared after the request was asked is deleted with it, and is
    /// `late` like what is deleted by a request that was given up.
    pub fn deleted_by_product(&mut self, key: &str, asked: Asked, now: Duration, by: ProcessId) -> Result<(), String> {
        let began = self.began(by);
        let last = self.shown(key).last().cloned();
        let late = asked.given_up || last.as_ref().is_some_and(|(when, _)| *when > asked.at);
        self.show(key, now, Shown::Deleted { by_product: true, late });
        if !self.deletes_by_policy {
            return Err(format!("never lost: {key} is deleted, and nobody asked for deletions"));
        }
        match last {
            Some((when, Shown::Others { bytes })) if when < began && !self.was_ever(key, &bytes) => {
                Err(format!("never lost: {key} is deleted, which others had written at {when:?}"))
            }
            // One that came later was not there when the process looked: its request was late.
            Some((when, Shown::Copy { bytes, .. })) if when < began && !self.could_be_absent(key, &bytes, began) => {
                Err(format!("never lost: {key} is deleted, and its source was there since {began:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a source of a place ever had these bytes: then nobody can tell who wrote them.
    fn was_ever(&self, key: &str, bytes: &Bytes) -> bool {
        let sources = self.places.get(key).map_or(&[][..], Vec::as_slice);
        sources.iter().any(|source| self.sources.get(source).is_some_and(|history| history.has_bytes(bytes)))
    }

    /// Whether one of the sources of a place that had these bytes was absent since a time.
    fn could_be_absent(&self, key: &str, bytes: &Bytes, since: Duration) -> bool {
        let sources = self.places.get(key).map_or(&[][..], Vec::as_slice);
        let mut histories = sources.iter().filter_map(|source| self.sources.get(source));
        histories.any(|history| history.has_bytes(bytes) && history.was_absent_since(since))
    }

    /// Others changed a destination object.
    pub fn changed_by_others(&mut self, key: &str, bytes: Option<Bytes>, now: Duration) {
        let shown = bytes.map_or(Shown::Deleted { by_product: false, late: false }, |bytes| Shown::Others { bytes });
        self.show(key, now, shown);
    }

    fn show(&mut self, key: &str, now: Duration, shown: Shown) {
        self.shown.entry(key.to_owned()).or_default().push((now, shown));
    }

    /// All that happened to a destination object.
    pub fn shown(&self, key: &str) -> &[(Duration, Shown)] {
        self.shown.get(key).map_or(&[], Vec::as_slice)
    }

    /// The ledger stored a record.
    pub fn recorded(&mut self, record: &Record, now: Duration, by: ProcessId) -> Result<(), String> {
        let key = record.key.key.as_str().to_owned();
        if record.state == State::Parked {
            self.parked.insert(key.clone(), now);
        }
        let kept = Kept { record: record.clone(), at: now, by };
        let before = self.records.insert(key, kept).map(|kept| kept.record);
        self.last_step = (before.as_ref().map(|before| before.state.name()), record.state.name());
        steps::check(before.as_ref(), record)
    }

    /// The places whose records were parked since a process began.
    pub fn parked_since(&self, process: ProcessId) -> impl Iterator<Item = &str> {
        let began = self.began(process);
        self.parked.iter().filter(move |(_, at)| **at >= began).map(|(place, _)| place.as_str())
    }

    /// From which state to which the last save went.
    pub fn last_step(&self) -> (Option<&'static str>, &'static str) {
        self.last_step
    }

    /// The records as last saved.
    pub fn records(&self) -> &BTreeMap<String, Kept> {
        &self.records
    }

    /// An upload was created. Whether nobody can know of it: the one who asked for it stood still or died before, and others
    /// have closed the record, or gone on with a new generation, since it saved its intent.
    pub fn upload_begun(&mut self, key: &str, id: &str, by: ProcessId) -> Result<bool, String> {
        let kept = self.records.get(key).filter(|kept| {
            let record = &kept.record;
            kept.by == by && record.state == State::Copying && record.intent.is_some() && record.upload.is_none()
        });
        let current = |source: &RecordSource| {
            let id = SourceId { bucket: source.location.bucket.clone(), key: source.key.as_str().to_owned() };
            self.sources.get(&id).and_then(History::current).is_some_and(|current| current.etag == source.pin.etag)
        };
        // An older pin will not be copied to its end: there is no harm in it.
        // Nor if the copy has arrived in another way meanwhile, and its process could not say so any more.
        let arrived = |source: &RecordSource| {
            let shown = self.shown(key).iter();
            let mut copies = shown.filter_map(|(_, shown)| match shown {
                Shown::Copy { source: from, version, .. } if from.key == source.key.as_str() => {
                    self.sources.get(from)?.version(*version)
                }
                _ => None,
            });
            copies.any(|version| version.etag == source.pin.etag)
        };
        let source = kept.map(|kept| &kept.record.source).filter(|source| current(source) && !arrived(source));
        let zombie = kept.is_none();
        self.uploads.begun(key, id, source, zombie)?;
        Ok(zombie)
    }

    /// The product aborted an upload. If the object was there all the same, since others had brought it, it was of no more use.
    pub fn upload_aborted(&mut self, key: &str, id: &str) {
        let there = self.shown(key).last().and_then(|(_, shown)| match shown {
            Shown::Copy { bytes, .. } | Shown::Others { bytes } => Some(bytes),
            Shown::Deleted { .. } => None,
        });
        let pinned = self.uploads.pinned(id).and_then(|(from, pin)| {
            let source = self.places.get(key)?.iter().find(|source| source.key == *from)?;
            self.sources.get(source)?.tagged(&pin.etag)
        });
        let is_there = pinned.is_some_and(|pinned| there == Some(&pinned.bytes));
        self.uploads.ended(id, if is_there { UploadEnd::NotNeeded } else { UploadEnd::AbortedByProduct });
    }

    /// Whether nobody could know of this upload, and it is empty.
    pub fn is_zombie(&self, id: &str) -> bool {
        self.uploads.is_zombie(id)
    }

    /// All uploads there were.
    pub fn uploads(&mut self) -> &mut Uploads {
        &mut self.uploads
    }

    /// A part was accepted from a process.
    pub fn part_accepted(
        &mut self,
        upload: &str,
        part: (PartNumber, u64),
        now: Duration,
        by: Asker,
    ) -> Result<(), String> {
        let began = self.began(by.process);
        self.uploads.part_accepted(upload, part, now, (by, began))
    }

    /// A process was told which parts an upload holds.
    pub fn parts_told(&mut self, upload: &str, parts: &[UploadedPart], to: Asker) {
        self.uploads.parts_told(upload, parts, to);
    }

    /// The row of the scans was saved. Whether with it a scan came to its end: then it has seen every object that was there all
    /// the time, and no scan ends twice.
    pub fn scan_saved(
        &mut self,
        before: Option<ScanRecord>,
        record: &ScanRecord,
        now: Duration,
    ) -> Result<bool, String> {
        let before = before.unwrap_or_default();
        if before.id != record.id {
            (self.scan_began, self.in_scan) = (now, 0);
        }
        let ends = before.id == record.id && before.finished != record.finished && record.finished.is_some();
        if !ends {
            return Ok(false);
        }
        if !record.ranges.is_empty() || !self.scans_ended.insert(record.id.clone()) {
            return Err(format!("a scan ended with open ranges, or twice: {record:?}"));
        }
        let there = self.there_since("source", self.scan_began);
        if record.totals.objects < there {
            let seen = record.totals.objects;
            return Err(format!("no error becomes success: a scan is complete and saw {seen} of {there} objects"));
        }
        if record.totals.sent > self.in_scan {
            let (said, sent) = (record.totals.sent, self.in_scan);
            return Err(format!("never lost: a scan is complete and counts {said} sent objects, the queue has {sent}"));
        }
        Ok(true)
    }

    /// A process sent a message.
    pub fn sent(&mut self, process: ProcessId, body: &str) {
        let entries = body.matches("\"src_key\"").count() as u64;
        *self.entries_sent.entry(process).or_default() += entries;
        self.in_scan += entries;
    }

    /// How many jobs a process sent.
    pub fn entries_sent(&self, process: ProcessId) -> u64 {
        self.entries_sent.get(&process).copied().unwrap_or(0)
    }

    /// Source objects of a bucket that have been there without a break since `from`.
    pub fn there_since(&self, bucket: &str, from: Duration) -> u64 {
        let there =
            self.sources.iter().filter(|(source, history)| source.bucket == bucket && !history.was_absent_since(from));
        there.count() as u64
    }
}
