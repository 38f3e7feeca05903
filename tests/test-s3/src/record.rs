//! What was asked, and what came of it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering},
    },
};

use tokio::sync::watch;

use crate::{
    conditions::Conditions,
    operation::{Target, has_effect},
};

/// One request, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// Its place in the order of arrival, from 0.
    pub sequence: u64,
    /// S3's name of the operation, such as `UploadPart`.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The bucket, from path or host.
    pub bucket: Option<String>,
    /// The key, decoded.
    pub key: Option<String>,
    /// `partNumber`
    pub part_number: Option<u16>,
    /// `uploadId`
    pub upload_id: Option<String>,
    /// `versionId`
    pub version_id: Option<String>,
    /// `Range`, or the range of a copy source.
    pub range: Option<String>,
    /// `If-Match`, with its quotes.
    pub if_match: Option<String>,
    /// Body bytes received, as they were on the wire.
    pub request_bytes: u64,
    /// The status answered; 0 as long as, or if, there was no answer.
    pub status: u16,
    /// Whether the store was changed, whatever the client was told.
    pub effect_happened: bool,
    /// The CRC64NVME, in base64, of the body that was stored.
    pub accepted_crc64: Option<String>,
    /// The names of the faults that struck it.
    pub faults: Vec<&'static str>,
}

/// A request in flight. The service finds it among the request's extensions.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub sequence: u64,
    pub target: Target,
    pub faults: Vec<&'static str>,
    pub read_conditions: Conditions,
    pub write_conditions: Conditions,
    /// Where a byte of the received body is to be flipped, modulo its length.
    pub corrupt_at: Option<u64>,
    status: AtomicU16,
    effect: AtomicBool,
    received: AtomicU64,
    accepted_crc64: Mutex<Option<String>>,
}

impl Exchange {
    pub fn new(sequence: u64, target: Target) -> Self {
        Self {
            sequence,
            target,
            faults: Vec::new(),
            read_conditions: Conditions::Kept,
            write_conditions: Conditions::Kept,
            corrupt_at: None,
            status: AtomicU16::new(0),
            effect: AtomicBool::new(false),
            received: AtomicU64::new(0),
            accepted_crc64: Mutex::new(None),
        }
    }

    pub fn add_received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn set_accepted_crc64(&self, crc: String) {
        *self.accepted_crc64.lock().unwrap_or_else(PoisonError::into_inner) = Some(crc);
    }

    /// Forgets the status: the client will not hear it.
    pub fn lose_answer(&self) {
        self.status.store(0, Ordering::Relaxed);
    }

    fn record(&self) -> RequestRecord {
        let target = self.target.clone();
        RequestRecord {
            sequence: self.sequence,
            operation: target.operation,
            method: target.method,
            bucket: target.bucket,
            key: target.key,
            part_number: target.part_number,
            upload_id: target.upload_id,
            version_id: target.version_id,
            range: target.range,
            if_match: target.if_match,
            request_bytes: self.received.load(Ordering::Relaxed),
            status: self.status.load(Ordering::Relaxed),
            effect_happened: self.effect.load(Ordering::Relaxed),
            accepted_crc64: self.accepted_crc64.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            faults: self.faults.clone(),
        }
    }
}

/// Keeps the requests of a server.
pub(crate) struct Recorder {
    keeps: bool,
    next: AtomicU64,
    exchanges: Mutex<Vec<Arc<Exchange>>>,
    counts: Mutex<HashMap<&'static str, u64>>,
    parts: watch::Sender<u64>,
    changes: watch::Sender<u64>,
}

impl Recorder {
    pub fn new(keeps: bool) -> Self {
        Self {
            keeps,
            next: AtomicU64::new(0),
            exchanges: Mutex::new(Vec::new()),
            counts: Mutex::new(HashMap::new()),
            parts: watch::Sender::new(0),
            changes: watch::Sender::new(0),
        }
    }

    pub fn next_sequence(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub fn begin(&self, exchange: Exchange) -> Arc<Exchange> {
        let exchange = Arc::new(exchange);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(exchange.target.operation).or_default() += 1;
        drop(counts);
        if self.keeps {
            self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&exchange));
        }
        self.changes.send_modify(|count| *count += 1);
        exchange
    }

    pub fn answered(&self, exchange: &Exchange, status: u16) {
        exchange.status.store(status, Ordering::Relaxed);
        let operation = exchange.target.operation;
        if (200..300).contains(&status) && has_effect(operation) {
            exchange.effect.store(true, Ordering::Relaxed);
            if matches!(operation, "UploadPart" | "UploadPartCopy") {
                self.parts.send_modify(|count| *count += 1);
            }
        }
        self.changes.send_modify(|count| *count += 1);
    }

    pub fn requests(&self) -> Vec<RequestRecord> {
        let exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        exchanges.iter().map(|exchange| exchange.record()).collect()
    }

    pub fn clear(&self) {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub fn count(&self, operation: &str) -> u64 {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(operation).copied().unwrap_or(0)
    }

    pub fn accepted_parts(&self) -> u64 {
        *self.parts.borrow()
    }

    pub async fn wait_for_parts(&self, count: u64) {
        let mut parts = self.parts.subscribe();
        // The sender lives as long as `self`, so this ends only when the count is reached.
        let _ = parts.wait_for(|parts| *parts >= count).await;
    }

    pub async fn wait_for(&self, mut holds: impl FnMut(&[RequestRecord]) -> bool) {
        let mut changes = self.changes.subscribe();
        while !holds(&self.requests()) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}
