//! Faults, injected by seed.
//!
//! Whether a rule strikes a request depends on the seed, the rule, and what the request asks for and how often it was
//! asked before, and not on the order in which concurrent requests arrive.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{operation::Target, synthetic::mix_two};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// The request waits this long before it is handled.
    Latency(Duration),
    /// 500 InternalError, and nothing happens.
    Status500,
    /// 503 SlowDown, and nothing happens.
    SlowDown503 {
        /// The answer's `Retry-After`, in seconds.
        retry_after_seconds: Option<u32>,
    },
    /// Any S3 error, and nothing happens. With status 200 it is an error in the body of a success.
    ErrorCode {
        /// The HTTP status.
        status: u16,
        /// S3's error code.
        code: String,
        /// The message.
        message: String,
    },
    /// The connection is closed before the request is handled.
    DropBefore,
    /// The connection is closed after so many bytes of a GET's body, or half of them if it is shorter.
    DropBody {
        /// How many bytes are sent.
        after: u64,
    },
    /// A GET's body is cleanly so many bytes shorter than its Content-Range says.
    TruncateBody {
        /// How many bytes are missing.
        missing: u64,
    },
    /// One byte of a GET's body is flipped.
    CorruptBody,
    /// One byte of an UploadPart's or PutObject's body is flipped on its way into the store, or of a copy inside the
    /// store. Checksums are computed, and those the client sent are checked, over what arrived.
    CorruptUpload,
    /// The request is carried out, then the connection is closed without an answer.
    LostReply,
    /// Conditions on reads and copy sources are ignored.
    IgnoreIfMatch,
    /// Conditions on writes are ignored.
    IgnoreConditionalWrite,
    /// Requests with aws-chunked bodies, trailers or checksum headers answer 400, as Google's store does.
    RefuseTrailers,
    /// The request is read and never answered.
    Stall,
    /// Once a GET's answer has begun, its object is replaced by another of the same size.
    OverwriteSource,
}

impl FaultKind {
    /// The kind's name, as it stands in [`crate::RequestRecord::faults`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency(_) => "Latency",
            Self::Status500 => "Status500",
            Self::SlowDown503 { .. } => "SlowDown503",
            Self::ErrorCode { .. } => "ErrorCode",
            Self::DropBefore => "DropBefore",
            Self::DropBody { .. } => "DropBody",
            Self::TruncateBody { .. } => "TruncateBody",
            Self::CorruptBody => "CorruptBody",
            Self::CorruptUpload => "CorruptUpload",
            Self::LostReply => "LostReply",
            Self::IgnoreIfMatch => "IgnoreIfMatch",
            Self::IgnoreConditionalWrite => "IgnoreConditionalWrite",
            Self::RefuseTrailers => "RefuseTrailers",
            Self::Stall => "Stall",
            Self::OverwriteSource => "OverwriteSource",
        }
    }

    /// The operations that this kind can strike when its rule names none.
    fn strikes(&self, operation: &str) -> bool {
        match self {
            Self::DropBody { .. } | Self::TruncateBody { .. } | Self::CorruptBody | Self::OverwriteSource => {
                operation == "GetObject"
            }
            Self::CorruptUpload => matches!(operation, "UploadPart" | "PutObject" | "CopyObject"),
            Self::Latency(_)
            | Self::Status500
            | Self::SlowDown503 { .. }
            | Self::ErrorCode { .. }
            | Self::DropBefore
            | Self::LostReply
            | Self::IgnoreIfMatch
            | Self::IgnoreConditionalWrite
            | Self::RefuseTrailers
            | Self::Stall => true,
        }
    }
}

/// Which requests a fault strikes, and how often.
#[derive(Debug, Clone)]
pub struct FaultRule {
    kind: FaultKind,
    operation: Option<String>,
    bucket: Option<String>,
    key: Option<String>,
    versions_only: bool,
    per_mille: u16,
    after: u64,
    times: u64,
}

impl FaultRule {
    /// Strikes every request that `kind` can strike.
    #[must_use]
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            operation: None,
            bucket: None,
            key: None,
            versions_only: false,
            per_mille: 1000,
            after: 0,
            times: u64::MAX,
        }
    }

    /// Only requests of the operation with this S3 name.
    #[must_use]
    pub fn on(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    /// Only requests for this bucket.
    #[must_use]
    pub fn in_bucket(mut self, bucket: &str) -> Self {
        self.bucket = Some(bucket.to_owned());
        self
    }

    /// Only requests for this key.
    #[must_use]
    pub fn of_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Only requests that name a version, as a policy without `s3:GetObjectVersion` refuses them.
    #[must_use]
    pub fn with_version(mut self) -> Self {
        self.versions_only = true;
        self
    }

    /// Lets so many by first, in the order of arrival.
    #[must_use]
    pub fn after(mut self, passes: u64) -> Self {
        self.after = passes;
        self
    }

    /// So many of a thousand.
    #[must_use]
    pub fn per_mille(mut self, per_mille: u16) -> Self {
        self.per_mille = per_mille;
        self
    }

    /// At most so often.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    fn matches(&self, target: &Target) -> bool {
        self.kind.strikes(target.operation)
            && self.operation.as_deref().is_none_or(|operation| operation == target.operation)
            && self.bucket.as_ref().is_none_or(|bucket| target.bucket.as_ref() == Some(bucket))
            && self.key.as_ref().is_none_or(|key| target.key.as_ref() == Some(key))
            && (!self.versions_only || target.version_id.is_some())
    }
}

/// Counts how often a rule struck; stays valid after the rule is cleared.
#[derive(Debug, Clone)]
pub struct FaultCounter {
    struck: Arc<AtomicU64>,
}

impl FaultCounter {
    /// How often the rule struck.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.struck.load(Ordering::Relaxed)
    }
}

/// A fault that strikes one request.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    pub kind: FaultKind,
    /// Where in a body it strikes, modulo what fits.
    pub place: u64,
}

struct Active {
    number: u64,
    rule: FaultRule,
    passed: u64,
    struck: Arc<AtomicU64>,
    seen: HashMap<u64, u64>,
}

impl Active {
    fn draw(&mut self, seed: u64, target: &Target) -> Option<Drawn> {
        if !self.rule.matches(target) || self.struck.load(Ordering::Relaxed) >= self.rule.times {
            return None;
        }
        if self.passed < self.rule.after {
            self.passed += 1;
            return None;
        }
        let identity = identity(mix_two(seed, self.number), target);
        let asked = self.seen.entry(identity).or_default();
        *asked += 1;
        let place = mix_two(identity, *asked);
        if place % 1000 >= u64::from(self.rule.per_mille) {
            return None;
        }
        self.struck.fetch_add(1, Ordering::Relaxed);
        Some(Drawn { kind: self.rule.kind.clone(), place: place / 1000 })
    }
}

fn identity(seed: u64, target: &Target) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, target.operation, &target.bucket, &target.key, target.part_number, &target.range).hash(&mut hasher);
    hasher.finish()
}

/// The faults of a server. Rules may be added and cleared while it runs.
pub struct Faults {
    seed: u64,
    next: AtomicU64,
    injected: AtomicU64,
    rules: Mutex<Vec<Active>>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, next: AtomicU64::new(0), injected: AtomicU64::new(0), rules: Mutex::new(Vec::new()) }
    }

    /// Adds a rule. Several rules may strike the same request.
    pub fn add(&self, rule: FaultRule) -> FaultCounter {
        let struck = Arc::new(AtomicU64::new(0));
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let active = Active { number, rule, passed: 0, struck: Arc::clone(&struck), seen: HashMap::new() };
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).push(active);
        FaultCounter { struck }
    }

    /// Removes all rules.
    pub fn clear(&self) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many faults struck so far.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.injected.load(Ordering::Relaxed)
    }

    pub(crate) fn draw(&self, target: &Target) -> Vec<Drawn> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn: Vec<Drawn> = rules.iter_mut().filter_map(|active| active.draw(self.seed, target)).collect();
        self.injected.fetch_add(drawn.len() as u64, Ordering::Relaxed);
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u16) -> Target {
        Target { operation: "UploadPart", part_number: Some(number), ..Target::default() }
    }

    fn struck(seed: u64, numbers: impl Iterator<Item = u16>) -> Vec<u16> {
        let faults = Faults::new(seed);
        faults.add(FaultRule::new(FaultKind::Status500).per_mille(300));
        let mut struck: Vec<u16> = numbers.filter(|number| !faults.draw(&part(*number)).is_empty()).collect();
        struck.sort_unstable();
        struck
    }

    #[test]
    fn the_order_of_arrival_does_not_decide_which_requests_are_struck() {
        let forward = struck(7, 1..200);
        assert_eq!(forward, struck(7, (1..200).rev()));
        assert!((30..90).contains(&forward.len()), "{} of 199", forward.len());
        assert_ne!(forward, struck(8, 1..200));
    }

    #[test]
    fn a_rule_strikes_at_most_its_times() {
        let faults = Faults::new(1);
        let counter = faults.add(FaultRule::new(FaultKind::LostReply).on("UploadPart").times(2));
        let struck = (1..10).filter(|number| !faults.draw(&part(*number)).is_empty()).count();
        assert_eq!((struck, counter.count(), faults.injected()), (2, 2, 2));
    }

    #[test]
    fn a_rule_for_versions_spares_requests_that_name_none() {
        let faults = Faults::new(1);
        faults.add(FaultRule::new(FaultKind::Status500).with_version());
        let named = Target { version_id: Some("v".to_owned()), ..part(1) };
        assert_eq!([named, part(1)].map(|target| faults.draw(&target).len()), [1, 0]);
    }

    #[test]
    fn a_rule_lets_the_first_requests_by() {
        let faults = Faults::new(1);
        faults.add(FaultRule::new(FaultKind::LostReply).after(2).times(1));
        let struck: Vec<u16> = (1..6).filter(|number| !faults.draw(&part(*number)).is_empty()).collect();
        assert_eq!(struck, [3]);
    }
}
