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
    error::{Effect, ErrorKind, LedgerError, StoreError},
    multipart::{self, SOURCE_TOUCHED},
    object::{ETag, ObjectInfo, ObjectKey, VersionId},
    ports::{Clock, Destination, Ledger, Source},
    proof::Proof,
    proved::Compared,
    record::{Lease, Reason, RecordKey, State, Token},
    report::{Follow, ObjectReport},
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
    /// The source's tag as listed, where known; the pin decides.
    pub etag: Option<ETag>,
    /// What the ledger had of the destination object before.
    pub recorded: Recorded,
    /// The sequencer of the event that asks for it.
    pub sequencer: Option<String>,
}

impl CopyJob {
    /// A copy of which nothing more is known.
    pub fn new(source_key: ObjectKey, destination_key: ObjectKey, size: u64) -> Self {
        Self {
            source_key,
            destination_key,
            size,
            known: Known::Unknown,
            decision: Decision::Differs(Difference::Forced),
            etag: None,
            recorded: Recorded::Unknown,
            sequencer: None,
        }
    }
}

/// What is known of the ledger's record before a copy. A save that finds another one meets somebody else's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Nothing: it must be loaded.
    Unknown,
    /// There was no record.
    Nothing,
    /// There was one, saved under this token.
    Under(Token),
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
    Busy(Lease),
    /// Other messages carry it on; these must be sent first.
    Continues(Option<Follow>, Reason),
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
    /// What of both is in the record already.
    pub booked_requests: AtomicU64,
    pub booked_bytes: AtomicU64,
    pub attempts: AtomicU32,
    pub parts: AtomicU32,
    pub parts_resumed: AtomicU32,
    pub parts_copied: AtomicU32,
    /// Legs, this one included, since the last that brought a part across.
    pub idle_legs: AtomicU32,
    /// The ledger's record as last known.
    pub recorded: Mutex<Recorded>,
    /// The destination as last known.
    pub known: Mutex<Known>,
    /// Unset when an adopted upload turned out to have other headers: the next try makes its own.
    pub adopt: AtomicBool,
    /// Set when this leg has made the upload, so that nobody else's work is in it.
    pub created: AtomicBool,
    /// Whether nobody had begun the segment in hand before this leg.
    pub first_of_segment: AtomicBool,
    /// Parts whose bytes were compared.
    pub compared: Mutex<Compared>,
}

/// Brings one object across. Never fails silently and never panics on a store's answer: every end is in the report.
pub async fn copy_object<S, D, L, C>(engine: &Engine<S, D, L, C>, job: &CopyJob) -> ObjectReport
where
    S: Source,
    D: Destination,
    L: Ledger,
    C: Clock,
{
    let leg = Leg::new(engine, job);
    let began = engine.patience.clock.elapsed();
    let ended = leg.run().await;
    let report = leg.report(ended, engine.patience.clock.elapsed().saturating_sub(began).as_secs_f64());
    engine.observer.object_finished(&report);
    report
}

/// Records that a copy is parked which failed once too often, although it might succeed one day.
pub async fn give_up<S, D, L, C>(engine: &Engine<S, D, L, C>, job: &CopyJob, reason: &Reason) -> Result<(), LedgerError>
where
    S: Source,
    D: Destination,
    L: Ledger,
    C: Clock,
{
    match Leg::new(engine, job).record_without_work(State::Parked, reason).await {
        Err(Ended::Ledger(error)) => Err(error),
        // Whoever saved at the same moment knows more.
        _ => Ok(()),
    }
}

impl<'a, S, D, L, C> Leg<'a, S, D, L, C> {
    pub(crate) fn new(engine: &'a Engine<S, D, L, C>, job: &'a CopyJob) -> Self {
        Self {
            engine,
            job,
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            booked_requests: AtomicU64::new(0),
            booked_bytes: AtomicU64::new(0),
            attempts: AtomicU32::new(0),
            parts: AtomicU32::new(0),
            parts_resumed: AtomicU32::new(0),
            parts_copied: AtomicU32::new(0),
            idle_legs: AtomicU32::new(0),
            recorded: Mutex::new(job.recorded.clone()),
            known: Mutex::new(job.known.clone()),
            adopt: AtomicBool::new(true),
            created: AtomicBool::new(false),
            first_of_segment: AtomicBool::new(false),
            compared: Mutex::default(),
        }
    }
}

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    async fn run(&self) -> Result<Finished, Ended> {
        if self.engine.patience.stop.is_cancelled() || !self.engine.has_time_for_a_body() {
            return Err(Ended::Interrupted);
        }
        if let Some(why) = self.engine.destination.refuse_key(&self.job.destination_key) {
            let reason = Reason::new(ErrorKind::InvalidKey.reason(), why);
            self.record_without_work(State::Parked, &reason).await?;
            return Err(Ended::Parked(reason));
        }
        let (mut restarts, mut most_parts) = (0, 0);
        let ended = loop {
            match self.attempt().await {
                Err(Ended::Restart(reason)) if self.has_kept_more_parts(&reason, &mut most_parts) => restarts = 0,
                Err(Ended::Restart(reason)) if restarts < self.engine.settings.max_restarts => {
                    tracing::info!(key = %self.job.source_key, reason = reason.code, "begins again: {}", reason.message);
                    restarts += 1;
                }
                Err(Ended::Restart(reason)) => {
                    let words = format!("{} ({} times in a row)", reason.message, restarts + 1);
                    break Err(Ended::Parked(Reason::new(&reason.code, words)));
                }
                ended => break ended.map_err(|ended| self.ended_by_time(ended)),
            }
        };
        self.remember(&ended).await?;
        ended
    }

    /// Whether this restart keeps its upload, and more parts of it counted than ever before. So a file whose ctime is moved every
    /// hour, by a backup say, can be as large as it likes.
    fn has_kept_more_parts(&self, reason: &Reason, most: &mut u32) -> bool {
        let resumed = self.parts_resumed.load(Ordering::Relaxed);
        let before = std::mem::replace(most, resumed.max(*most));
        reason.code == SOURCE_TOUCHED && resumed > before
    }

    /// A call that was not repeated because the process stops has not failed for good: the leg was ended. Damaged bytes that may
    /// be visible are not forgotten for it.
    pub(crate) fn ended_by_time(&self, ended: Ended) -> Ended {
        let shows_damage =
            |error: &StoreError| error.kind() == ErrorKind::Corrupt && error.effect() == Effect::MayHaveHappened;
        match ended {
            Ended::Failed(error) if shows_damage(&error) => Ended::Failed(error),
            Ended::Failed(error) if error.is_retryable() && self.engine.patience.stop.is_cancelled() => {
                Ended::Interrupted
            }
            ended => ended,
        }
    }

    /// One try with one pin. The ways are boxed: the stack of a thread need not hold the largest of them many times over.
    async fn attempt(&self) -> Result<Finished, Ended> {
        if self.job.decision == Decision::AskChecksums {
            self.skip_if_same_checksums().await?;
        }
        if self.is_server_side() {
            return Box::pin(server_side::copy(self)).await;
        }
        if self.job.size <= self.engine.settings.multipart_threshold {
            match Box::pin(small::copy(self)).await {
                Err(Ended::Large) => {}
                ended => return ended,
            }
        }
        let info = self.pin().await?;
        if info.size <= self.engine.settings.multipart_threshold {
            // It shrank since it was listed. One object is never copied in both ways at once, and an empty one has no parts.
            self.skip_if_pin_is_recorded(&info.pin()).await?;
            return match Box::pin(small::copy(self)).await {
                Err(Ended::Large) => Err(Ended::Restart(Reason::new(
                    "source-keeps-changing",
                    "the source changed before its copy began",
                ))),
                ended => ended,
            };
        }
        Box::pin(multipart::copy(self, &info)).await
    }

    pub(crate) fn is_server_side(&self) -> bool {
        self.engine.settings.server_side && self.engine.destination.copies_from(self.engine.source.location())
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

    pub(crate) fn recorded(&self) -> Recorded {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn now_recorded(&self, recorded: Recorded) {
        *self.recorded.lock().unwrap_or_else(PoisonError::into_inner) = recorded;
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
