//! One object's way from source to destination.
//!
//! [`copy_object`] is the whole of it: guard, then small or large, again with a new pin when the source changed, and at
//! the end a record and a report. A copy never ends without saying how.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use crate::{
    checksum::Crc64,
    compare::{Decision, Difference},
    engine::{Asked, Engine},
    error::{ErrorKind, LedgerError, StoreError},
    multipart,
    object::{ETag, Location, ObjectInfo, ObjectKey, VersionId},
    ports::{Clock, Destination, Ledger, ListRequest, Source},
    proof::Proof,
    record::{Reason, RecordKey, State},
    server_side, small,
};

/// What is known of the destination before a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it must be asked.
    Unknown,
    /// There was no such key.
    Absent,
    /// There was this object.
    Is(ETag),
}

/// An object that may need copying.
#[derive(Clone, Debug)]
pub struct CopyJob {
    /// Its key at the source.
    pub source_key: ObjectKey,
    /// Its place.
    pub destination_key: ObjectKey,
    /// Its size as listed; the pin decides.
    pub size: u64,
    /// The destination as listed.
    pub known: Known,
    /// What the listings said.
    pub decision: Decision,
}

/// How a copy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Copied, proved and recorded.
    Copied,
    /// Nothing to do.
    Skipped,
    /// Not copied; the reason says why.
    Failed,
    /// The source is no more.
    Gone,
    /// Stopped on request; the next run carries on.
    Interrupted,
    /// Another process is copying it.
    Busy,
}

impl Outcome {
    /// The word for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Copied => "copied",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Gone => "gone",
            Self::Interrupted => "interrupted",
            Self::Busy => "busy",
        }
    }
}

/// What is said of one object.
#[derive(Debug)]
pub struct ObjectReport {
    /// Where it was read.
    pub source: (Location, ObjectKey),
    /// Where it was written.
    pub destination: (Location, ObjectKey),
    /// Bytes.
    pub size: u64,
    /// The destination's version of it.
    pub version_id: Option<VersionId>,
    /// CRC64NVME of the whole, where known.
    pub checksum: Option<Crc64>,
    /// How it was proved.
    pub proof: Option<Proof>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where it was not simply copied.
    pub reason: Option<Reason>,
    /// The error behind a failure.
    pub error: Option<StoreError>,
    /// Wall seconds.
    pub seconds: f64,
    /// Tries of single requests with a body, repeats included.
    pub attempts: u32,
    /// Requests to both stores.
    pub requests: u64,
    /// Bytes sent, repeats included.
    pub bytes_sent: u64,
    /// Parts that an earlier leg had brought over.
    pub parts_resumed: u32,
    /// Parts of the object; 0 for one request.
    pub parts: u32,
    /// What the destination could not keep.
    pub not_preserved: Vec<&'static str>,
}

/// A finished copy.
pub(crate) struct Finished {
    pub size: u64,
    pub version_id: Option<VersionId>,
    pub checksum: Option<Crc64>,
    pub proof: Proof,
    pub not_preserved: Vec<&'static str>,
}

/// Every other end of an attempt.
#[derive(Debug)]
pub(crate) enum Ended {
    Failed(StoreError),
    Ledger(LedgerError),
    /// Cannot succeed without help, for a reason that is no store's error.
    Parked(Reason),
    Skipped(Reason),
    /// Begin again with a new pin or a new upload.
    Restart(Reason),
    /// The object is larger than the small way takes.
    Large,
    Gone,
    Interrupted,
    Busy(String),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<LedgerError> for Ended {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

/// One copy under way.
pub(crate) struct Leg<'a, S, D, L, C> {
    pub engine: &'a Engine<S, D, L, C>,
    pub job: &'a CopyJob,
    pub requests: AtomicU64,
    pub bytes: AtomicU64,
    pub attempts: AtomicU32,
    pub parts: AtomicU32,
    pub parts_resumed: AtomicU32,
    /// The destination as last known.
    pub known: Mutex<Known>,
    /// Unset when an adopted upload turned out to have other headers: the next try makes its own.
    pub adopt: AtomicBool,
    /// Set when this leg has made the upload, so that nobody else's work is in it.
    pub created: AtomicBool,
}

/// Brings one object across. Never fails silently and never panics on a store's answer: every end is in the report.
pub async fn copy_object<S, D, L, C>(engine: &Engine<S, D, L, C>, job: &CopyJob) -> ObjectReport
where
    S: Source,
    D: Destination,
    L: Ledger,
    C: Clock,
{
    let leg = Leg {
        engine,
        job,
        requests: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        attempts: AtomicU32::new(0),
        parts: AtomicU32::new(0),
        parts_resumed: AtomicU32::new(0),
        known: Mutex::new(job.known.clone()),
        adopt: AtomicBool::new(true),
        created: AtomicBool::new(false),
    };
    let began = engine.patience.clock.elapsed();
    let ended = leg.run().await;
    let report = leg.report(ended, engine.patience.clock.elapsed().saturating_sub(began).as_secs_f64());
    engine.observer.object_finished(&report);
    report
}

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    async fn run(&self) -> Result<Finished, Ended> {
        if self.engine.patience.stop.is_cancelled() {
            return Err(Ended::Interrupted);
        }
        if let Some(why) = self.engine.destination.refuse_key(&self.job.destination_key) {
            let reason = Reason::new(ErrorKind::InvalidKey.reason(), why);
            self.record_without_work(State::Parked, &reason).await?;
            return Err(Ended::Parked(reason));
        }
        let mut restarts = 0;
        let ended = loop {
            match self.attempt().await {
                Err(Ended::Restart(reason)) if restarts < self.engine.settings.max_restarts => {
                    tracing::info!(key = %self.job.source_key, reason = reason.code, "begins again: {}", reason.message);
                    restarts += 1;
                }
                Err(Ended::Restart(reason)) => {
                    let words = format!("{} ({} times in a row)", reason.message, restarts + 1);
                    break Err(Ended::Parked(Reason::new(&reason.code, words)));
                }
                // A call that was not repeated because the process stops has not failed for good.
                Err(Ended::Failed(error)) if error.is_retryable() && self.engine.patience.stop.is_cancelled() => {
                    break Err(Ended::Interrupted);
                }
                ended => break ended,
            }
        };
        self.remember(&ended).await?;
        ended
    }

    /// One try with one pin.
    async fn attempt(&self) -> Result<Finished, Ended> {
        if self.job.decision == Decision::AskChecksums {
            self.skip_if_same_checksums().await?;
        }
        if self.is_server_side() {
            return server_side::copy(self).await;
        }
        if self.job.size <= self.engine.settings.multipart_threshold {
            match small::copy(self).await {
                Err(Ended::Large) => {}
                ended => return ended,
            }
        }
        let info = self.pin().await?;
        if info.size == 0 {
            // It shrank since it was listed; an empty object has no parts.
            return small::copy(self).await;
        }
        multipart::copy(self, &info).await
    }

    pub(crate) fn is_server_side(&self) -> bool {
        self.engine.settings.server_side && self.engine.destination.copies_from(self.engine.source.location())
    }

    /// Describes the source. *Gone* is only what a listing confirms: a HEAD that finds nothing may mean a missing bucket.
    pub(crate) async fn pin(&self) -> Result<ObjectInfo, Ended> {
        let key = &self.job.source_key;
        let head = self.call(self.at_source("HeadObject"), || self.engine.source.head_object(key)).await;
        match head {
            Ok(info) => Ok(info),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(self.gone_if_unlisted(error).await),
            Err(error) => Err(error.into()),
        }
    }

    /// What a *not found* of the source means.
    pub(crate) async fn gone_if_unlisted(&self, error: StoreError) -> Ended {
        let key = self.job.source_key.as_str();
        let request = ListRequest { prefix: key.to_owned(), start_after: None };
        let mut pages = self.engine.source.list(request);
        self.requests.fetch_add(1, Ordering::Relaxed);
        let first = self.engine.patience.bounded("ListObjectsV2", futures_util::StreamExt::next(&mut pages)).await;
        match first {
            // Deleted and written again meanwhile: what is there now is another version.
            Ok(Some(Ok(page))) if page.iter().any(|line| line.key.as_str() == key) => {
                Ended::Restart(Reason::new("source-keeps-changing", error.to_string()))
            }
            Ok(Some(Ok(_)) | None) => Ended::Gone,
            Ok(Some(Err(error))) | Err(error) => Ended::Failed(error),
        }
    }

    async fn skip_if_same_checksums(&self) -> Result<(), Ended> {
        let source = self.pin().await?;
        let key = &self.job.destination_key;
        let head = self.call(self.at_destination("HeadObject"), || self.engine.destination.head_object(key)).await;
        let there = match head {
            Ok(there) => there,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if source.size != there.size {
            return Ok(());
        }
        let source_crc = self.crc_of(&self.engine.source, &self.job.source_key, &source).await?;
        let there_crc = self.crc_of(&self.engine.destination, key, &there).await?;
        if source_crc == there_crc {
            return Err(Ended::Skipped(Reason::new("same-checksum", "both sides have the same CRC64NVME")));
        }
        Ok(())
    }

    pub(crate) fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn now_known(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    pub(crate) fn at_source(&self, operation: &'static str) -> Asked<'_> {
        Asked { operation, location: self.engine.source.location(), key: &self.job.source_key }
    }

    pub(crate) fn at_destination(&self, operation: &'static str) -> Asked<'_> {
        Asked { operation, location: self.engine.destination.location(), key: &self.job.destination_key }
    }

    pub(crate) fn record_key(&self) -> RecordKey {
        RecordKey { location: self.engine.destination.location().clone(), key: self.job.destination_key.clone() }
    }

    /// A request without a body: bounded in time, repeated with patience.
    pub(crate) async fn call<T, F, Fut>(&self, asked: Asked<'_>, mut request: F) -> Result<T, StoreError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        let mut failures = 0;
        loop {
            match self.once(asked, self.engine.patience.timeout, request()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.engine.patience.pause_after(error, failures).await?,
            }
            failures += 1;
        }
    }

    /// A request that is not repeated here.
    pub(crate) async fn once<T>(
        &self,
        asked: Asked<'_>,
        timeout: std::time::Duration,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        match self.engine.patience.bounded_by(asked.operation, timeout, request).await {
            Ok(answer) => answer,
            Err(timed_out) => Err(timed_out.at(asked.location).on(asked.key)),
        }
    }

    fn report(&self, ended: Result<Finished, Ended>, seconds: f64) -> ObjectReport {
        let mut report = ObjectReport {
            source: (self.engine.source.location().clone(), self.job.source_key.clone()),
            destination: (self.engine.destination.location().clone(), self.job.destination_key.clone()),
            size: self.job.size,
            version_id: None,
            checksum: None,
            proof: None,
            outcome: Outcome::Copied,
            reason: None,
            error: None,
            seconds,
            attempts: self.attempts.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            bytes_sent: self.bytes.load(Ordering::Relaxed),
            parts: self.parts.load(Ordering::Relaxed),
            parts_resumed: self.parts_resumed.load(Ordering::Relaxed),
            not_preserved: Vec::new(),
        };
        match ended {
            Ok(finished) => {
                report.size = finished.size;
                report.version_id = finished.version_id;
                report.checksum = finished.checksum;
                report.proof = Some(finished.proof);
                report.not_preserved = finished.not_preserved;
                report.reason = difference(self.job.decision).map(|found| Reason::new(found.name(), found.name()));
            }
            Err(ended) => self.report_end(&mut report, ended),
        }
        report
    }

    fn report_end(&self, report: &mut ObjectReport, ended: Ended) {
        let (outcome, reason) = match ended {
            Ended::Failed(error) => {
                let reason = Reason::new(error.kind().reason(), error.to_string());
                report.error = Some(error);
                (Outcome::Failed, reason)
            }
            Ended::Ledger(error) => (Outcome::Failed, Reason::new("ledger", chain(&error))),
            Ended::Parked(reason) | Ended::Restart(reason) => (Outcome::Failed, reason),
            Ended::Skipped(reason) => (Outcome::Skipped, reason),
            Ended::Large => (Outcome::Failed, Reason::new("grew", "the object grew while it was copied")),
            Ended::Gone => (Outcome::Gone, Reason::new("gone", "the source object was deleted meanwhile")),
            Ended::Interrupted => (Outcome::Interrupted, Reason::new("interrupted", "stopped on request")),
            Ended::Busy(owner) => {
                (Outcome::Busy, Reason::new("busy", format!("another process ({owner}) is copying it")))
            }
        };
        report.outcome = outcome;
        report.reason = Some(reason);
    }
}

fn difference(decision: Decision) -> Option<Difference> {
    match decision {
        Decision::Differs(difference) => Some(difference),
        Decision::AskChecksums => Some(Difference::Checksum),
        Decision::Same => None,
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

/// What of an object the destination will not have.
pub(crate) fn not_preserved<S, D: Destination, L, C>(
    engine: &Engine<S, D, L, C>,
    info: &ObjectInfo,
) -> Vec<&'static str> {
    let mut lost = Vec::new();
    let headers = &info.headers;
    let has_headers = headers.cache_control.is_some()
        || headers.content_disposition.is_some()
        || headers.content_encoding.is_some()
        || headers.content_language.is_some()
        || headers.expires.is_some();
    if !engine.destination.capabilities().headers && has_headers {
        lost.push("headers");
    }
    if !engine.destination.capabilities().headers && !headers.metadata.is_empty() {
        lost.push("metadata");
    }
    lost.extend(&info.not_carried);
    if info.tags > 0 {
        lost.push("tags");
    }
    if info.storage_class.is_some() && info.storage_class != engine.settings.storage_class {
        lost.push("storage-class");
    }
    lost
}
