//! The one who watches: knows what every source object ever was, what became visible at the destination and by whom, and
//! what the ledger was told. Says which promise is broken.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use bytes::Bytes;
use longhaul::{
    object::ETag,
    part::PartNumber,
    ports::ScanRecord,
    record::{Record, State},
};

use crate::executor::ProcessId;

/// A source object: bucket and key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

/// One content that a source object had.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its tag.
    pub etag: ETag,
    /// When it was written.
    pub written: Duration,
    /// When it was no more, by another write or a deletion.
    pub ended: Option<Duration>,
}

/// All that a source object ever was, in order.
#[derive(Clone, Debug, Default)]
pub struct History(Vec<Version>);

impl History {
    /// What it is now, if it is there.
    pub fn current(&self) -> Option<&Version> {
        self.0.last().filter(|version| version.ended.is_none())
    }

    /// Whether it was absent at some moment since `from`.
    pub fn was_absent_since(&self, from: Duration) -> bool {
        let Some(last) = self.0.last() else { return true };
        let gap = |pair: &[Version]| {
            let ended = pair[0].ended.unwrap_or(pair[1].written);
            ended < pair[1].written && pair[1].written >= from
        };
        last.ended.is_some() || self.0[0].written > from || self.0.windows(2).any(gap)
    }

    /// Whether it had this tag at some moment since `from`.
    pub fn was_since(&self, etag: &ETag, from: Duration) -> bool {
        self.0.iter().any(|version| version.etag == *etag && version.ended.is_none_or(|ended| ended >= from))
    }

    /// The latest version with these bytes.
    fn of_bytes(&self, bytes: &Bytes) -> Option<usize> {
        self.0.iter().rposition(|version| version.bytes == *bytes)
    }
}

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
    },
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
    last_step: (Option<&'static str>, &'static str),
    parts: HashMap<String, HashMap<PartNumber, u64>>,
    zombies: HashSet<String>,
    scan_began: Duration,
    scans_ended: HashSet<String>,
    repeats: u64,
    accepted: u64,
    entries_sent: HashMap<ProcessId, u64>,
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

    /// A user wrote a source object.
    pub fn source_written(&mut self, source: &SourceId, bytes: Bytes, etag: ETag, now: Duration) {
        self.source_ended(source, now);
        let history = self.sources.entry(source.clone()).or_default();
        history.0.push(Version { bytes, etag, written: now, ended: None });
    }

    /// A user deleted a source object.
    pub fn source_deleted(&mut self, source: &SourceId, now: Duration) {
        self.source_ended(source, now);
    }

    fn source_ended(&mut self, source: &SourceId, now: Duration) {
        let last = self.sources.get_mut(source).and_then(|history| history.0.last_mut());
        if let Some(last) = last.filter(|last| last.ended.is_none()) {
            last.ended = Some(now);
        }
    }

    /// Something became visible that the product wrote. It must be one version of one source of that place.
    pub fn written_by_product(&mut self, key: &str, bytes: Bytes, now: Duration) -> Result<(), String> {
        let sources = self.places.get(key).map_or(&[][..], Vec::as_slice);
        let found = sources.iter().find_map(|source| {
            let version = self.sources.get(source)?.of_bytes(&bytes)?;
            Some((source.clone(), version))
        });
        let Some((source, version)) = found else {
            return Err(format!("never torn: {key} shows {} bytes that no source of it ever was", bytes.len()));
        };
        self.show(key, now, Shown::Copy { source, version, bytes });
        Ok(())
    }

    /// The product deleted a destination object.
    pub fn deleted_by_product(&mut self, key: &str, now: Duration) {
        self.show(key, now, Shown::Deleted { by_product: true });
    }

    /// Others changed a destination object.
    pub fn changed_by_others(&mut self, key: &str, bytes: Option<Bytes>, now: Duration) {
        let shown = bytes.map_or(Shown::Deleted { by_product: false }, |bytes| Shown::Others { bytes });
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
        let before = self.records.get(&key).map(|kept| kept.record.state);
        self.last_step = (before.map(State::name), record.state.name());
        self.records.insert(key.clone(), Kept { record: record.clone(), at: now, by });
        if !before.unwrap_or(State::Done).may_become(record.state) {
            return Err(format!("transitions: {key} went from {before:?} to {:?}", record.state));
        }
        let proved = record.proof.is_some()
            && record.destination.as_ref().is_some_and(|there| there.etag.is_some())
            && record.upload.is_none();
        if record.state == State::Done && !proved {
            return Err(format!("never silent: the record of {key} is done without proof or identity: {record:?}"));
        }
        if record.state == State::Completing && record.segments.is_some() && !record.has_full_segments() {
            return Err(format!("never lost: {key} is to be completed before all segments are done: {record:?}"));
        }
        if record.state == State::Parked && record.reason.is_none() {
            return Err(format!("the record of {key} is parked without a reason"));
        }
        Ok(())
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
    pub fn upload_begun(&mut self, key: &str, id: &str, by: ProcessId) -> bool {
        self.parts.insert(id.to_owned(), HashMap::new());
        let intended = self.records.get(key).is_some_and(|kept| {
            kept.by == by
                && kept.record.state == State::Copying
                && kept.record.intent.is_some()
                && kept.record.upload.is_none()
        });
        if !intended {
            self.zombies.insert(id.to_owned());
        }
        !intended
    }

    /// Whether nobody could know of this upload, and it is empty.
    pub fn is_zombie(&self, id: &str) -> bool {
        self.zombies.contains(id) && self.parts.get(id).is_none_or(HashMap::is_empty)
    }

    /// An upload is no more.
    pub fn upload_ended(&mut self, id: &str) {
        self.parts.remove(id);
    }

    /// A part was accepted from the product.
    pub fn part_accepted(&mut self, upload: &str, number: PartNumber, size: u64) {
        self.accepted += 1;
        let known = self.parts.entry(upload.to_owned()).or_default().insert(number, size);
        if known == Some(size) {
            self.repeats += 1;
        }
    }

    /// Others wrote a part: the product may have to send it again.
    pub fn part_rewritten(&mut self, upload: &str, number: PartNumber) {
        if let Some(parts) = self.parts.get_mut(upload) {
            parts.remove(&number);
        }
    }

    /// Parts that were accepted although the upload held them already, and all accepted parts.
    pub fn repeats(&self) -> (u64, u64) {
        (self.repeats, self.accepted)
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
            self.scan_began = now;
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
        Ok(true)
    }

    /// A process sent a message.
    pub fn sent(&mut self, process: ProcessId, body: &str) {
        *self.entries_sent.entry(process).or_default() += body.matches("\"src_key\"").count() as u64;
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
