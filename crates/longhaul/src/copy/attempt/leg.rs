//! One leg of one object: its requests and its counters.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use crate::{
    copy::attempt::{
        compared::Compared,
        engine::{Backends, Engine},
        job::{CopyJob, Known, Recorded},
        outcome::{Copied, NotCopied, Outcome},
        report::{ObjectReport, difference},
    },
    ledger::{Reason, Record, RecordKey, RecordSource},
    limits::Clock,
    object::{Headers, Location, ObjectInfo, ObjectKey, Pin, ProofLevel, Verify},
    store::{Destination, Effect, ErrorKind, NewObject, Source, StoreError, TagOf, chain, tags::Lesson},
};

/// One copy under way.
pub(crate) struct Leg<'a, B: Backends> {
    pub engine: &'a Engine<B>,
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

impl<'a, B: Backends> Leg<'a, B> {
    pub(crate) fn new(engine: &'a Engine<B>, job: &'a CopyJob) -> Self {
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

impl<B: Backends> Leg<'_, B> {
    /// A call that was not repeated because the process stops has not failed for good: the leg was ended. Damaged bytes that may
    /// be visible are not forgotten for it.
    pub(crate) fn ended_by_time(&self, ended: NotCopied) -> NotCopied {
        let shows_damage =
            |error: &StoreError| error.kind() == ErrorKind::Corrupt && error.effect() == Effect::MayHaveHappened;
        match ended {
            NotCopied::Failed(error) if shows_damage(&error) => NotCopied::Failed(error),
            NotCopied::Failed(error) if error.is_retryable() && self.engine.patience.stop.is_cancelled() => {
                NotCopied::Interrupted
            }
            ended => ended,
        }
    }

    pub(crate) fn is_server_side(&self) -> bool {
        self.engine.settings.server_side && self.engine.destination.copies_from(self.engine.source.location())
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
        let patience = &self.engine.patience;
        patience.patiently(|| self.once(asked, patience.timeout, request())).await
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

/// What a call is about, for its errors.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub operation: &'static str,
    pub location: &'a Location,
    pub key: &'a ObjectKey,
}

impl<B: Backends> Leg<'_, B> {
    /// What the destination is asked to store.
    pub(crate) fn new_object<'a>(&'a self, info: &ObjectInfo, headers: &'a Headers) -> NewObject<'a> {
        NewObject {
            key: &self.job.destination_key,
            headers,
            storage_class: self.engine.settings.storage_class.as_deref(),
            modified: info.modified,
        }
    }

    pub(crate) fn source_now(&self, pin: Pin) -> RecordSource {
        RecordSource { location: self.engine.source.location().clone(), key: self.job.source_key.clone(), pin }
    }

    /// Adds what this leg cost since its costs were last booked.
    pub(crate) fn add_costs(&self, record: &mut Record) {
        record.bytes += self.bytes.load(Ordering::Relaxed) - self.booked_bytes.load(Ordering::Relaxed);
        record.requests += self.requests.load(Ordering::Relaxed) - self.booked_requests.load(Ordering::Relaxed);
    }

    /// What was added was saved, and the leg goes on.
    pub(crate) fn costs_are_booked(&self) {
        self.booked_bytes.store(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
        self.booked_requests.store(self.requests.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl<B: Backends> Leg<'_, B> {
    /// Works to the end, and says to whoever watches how it ended.
    pub(crate) async fn reported(&self, work: impl Future<Output = Result<Copied, NotCopied>>) -> ObjectReport {
        let clock = &self.engine.patience.clock;
        let began = clock.elapsed();
        let ended = work.await;
        let report = self.report(ended, clock.elapsed().saturating_sub(began).as_secs_f64());
        self.engine.observer.object_finished(&report);
        report
    }

    fn report(&self, ended: Result<Copied, NotCopied>, seconds: f64) -> ObjectReport {
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
            parts_copied: self.parts_copied.load(Ordering::Relaxed),
            not_preserved: Vec::new(),
            needs_help: false,
            busy_until: None,
            follow: None,
        };
        match ended {
            Ok(finished) => {
                report.size = finished.size;
                report.version_id = finished.version_id;
                report.checksum = finished.checksum;
                report.proof = Some(finished.proof);
                self.warn_of_a_weak_proof(finished.proof.level);
                report.not_preserved = finished.not_preserved;
                report.reason = difference(self.job.decision).map(|found| Reason::new(found.name(), found.name()));
            }
            Err(ended) => self.report_end(&mut report, ended),
        }
        report
    }

    /// What was learned of the destination's tags.
    pub(crate) fn lesson(&self, what: TagOf) -> Arc<Lesson> {
        self.engine.tags.of(self.engine.destination.location(), what)
    }

    /// Once for each destination of this process: a log of millions of objects is not filled with it.
    fn warn_of_a_weak_proof(&self, level: ProofLevel) {
        let is_weak = level == ProofLevel::SizeOnly && self.engine.settings.verify != Verify::Transport;
        if is_weak && self.lesson(TagOf::Object).is_to_warn() {
            tracing::warn!(
                event = "unproved",
                des_bucket = self.engine.destination.location().bucket,
                "the store says nothing of the bytes that it received: of some copies only the size is known"
            );
        }
    }

    fn report_end(&self, report: &mut ObjectReport, ended: NotCopied) {
        let (outcome, reason) = match ended {
            NotCopied::Failed(error) => {
                let reason = Reason::new(error.kind().reason(), error.to_string());
                report.needs_help = error.kind().needs_help();
                report.error = Some(error);
                (Outcome::Failed, reason)
            }
            NotCopied::Ledger(error) => (Outcome::Failed, Reason::new("ledger", chain(&error))),
            NotCopied::Parked(reason) => {
                report.needs_help = true;
                (Outcome::Failed, reason)
            }
            NotCopied::Restart(reason) => (Outcome::Failed, reason),
            NotCopied::Skipped(reason) => (Outcome::Skipped, reason),
            NotCopied::Large => (Outcome::Failed, Reason::new("grew", "the object grew while it was copied")),
            NotCopied::Continues(follow, reason) => {
                report.follow = follow;
                (Outcome::Continues, reason)
            }
            NotCopied::Gone => (Outcome::Gone, Reason::new("gone", "the source object was deleted meanwhile")),
            NotCopied::Interrupted => (Outcome::Interrupted, Reason::new("interrupted", "stopped on request")),
            NotCopied::Busy(lease) => {
                report.busy_until = lease.until;
                (Outcome::Busy, Reason::new("busy", format!("another process ({}) is copying it", lease.owner)))
            }
        };
        report.outcome = outcome;
        report.reason = Some(reason);
    }
}
