//! What a copy to a store without checksums claims to know of its parts, when several legs have brought them.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use contract::TestClock;
use longhaul::{
    copy::{CopyJob, copy_object},
    engine::{Engine, Observer, Patience, Settings},
    memory::Memory,
    memory_ledger::MemoryLedger,
    object::ObjectKey,
    ports::{Capabilities, ChecksumSupport, Ledger, Source, Verify},
    proof::{Proof, ProofLevel},
    record::{Record, RecordKey, Token},
    report::{ObjectReport, Outcome},
    retry::RetryPolicy,
};
use tokio_util::sync::CancellationToken;

const PART: u64 = 1024;
const PARTS: u64 = 10;

type TestEngine = Engine<Memory, Memory, MemoryLedger, TestClock>;

/// Ends the leg when so many bytes have moved.
struct After {
    bytes: AtomicI64,
    stop: OnceLock<CancellationToken>,
}

impl Observer for After {
    fn bytes(&self, _key: &ObjectKey, delta: i64) {
        if self.bytes.fetch_sub(delta, Ordering::Relaxed) <= delta
            && let Some(stop) = self.stop.get()
        {
            stop.cancel();
        }
    }
}

struct Lab {
    source: Memory,
    destination: Memory,
    ledger: MemoryLedger,
}

impl Lab {
    fn new() -> Self {
        let plain = Capabilities {
            conditional_writes: false,
            checksums: ChecksumSupport::Md5ETag,
            headers: true,
            min_part_size: 1,
        };
        let source = Memory::new("a").with_capabilities(plain);
        let destination = Memory::new("b").with_capabilities(plain);
        let bytes: Vec<u8> = (0..PARTS * PART).map(|byte| (byte % 251) as u8).collect();
        source.insert("k", Bytes::from(bytes));
        Self { source, destination, ledger: MemoryLedger::new("me") }
    }

    fn engine(&self, verify: Verify, after: u64) -> TestEngine {
        let after = Arc::new(After { bytes: i64::try_from(after).unwrap().into(), stop: OnceLock::new() });
        let policy = RetryPolicy { max_retries: 3, base: Duration::from_millis(1), cap: Duration::from_millis(2) };
        let patience = Patience::new(TestClock::new(), policy, Duration::from_secs(10), 7, after.clone());
        after.stop.get_or_init(|| patience.stop.clone());
        let settings =
            Settings { part_size: PART, multipart_threshold: PART, concurrency: 1, verify, ..Settings::default() };
        let (source, destination) = (self.source.clone(), self.destination.clone());
        Engine::new(source, destination, self.ledger.clone(), patience, settings)
    }

    async fn interrupt(&self) {
        let report = copy_object(&self.engine(Verify::Auto, 4 * PART), &job()).await;
        assert_eq!(report.outcome, Outcome::Interrupted, "{report:?}");
    }

    async fn finish(&self, verify: Verify) -> ObjectReport {
        let report = copy_object(&self.engine(verify, u64::from(u32::MAX)), &job()).await;
        assert_eq!(report.outcome, Outcome::Copied, "{report:?}");
        assert_eq!(self.destination.bytes("k"), self.source.bytes("k"));
        report
    }
}

fn job() -> CopyJob {
    let key = || ObjectKey::new("k").unwrap();
    CopyJob::new(key(), key(), PARTS * PART)
}

#[tokio::test]
async fn by_default_every_part_is_proved_by_its_md5_where_the_store_computes_no_checksum() {
    let lab = Lab::new();
    assert_eq!(lab.finish(Verify::Auto).await.proof, Some(Proof::plain(ProofLevel::PartMd5)));
    let lab = Lab::new();
    assert_eq!(lab.finish(Verify::Transport).await.proof, Some(Proof::plain(ProofLevel::SizeOnly)));
}

#[tokio::test]
async fn what_an_interrupted_leg_has_compared_is_believed_by_the_next_one() {
    let lab = Lab::new();
    lab.interrupt().await;
    let report = lab.finish(Verify::Auto).await;
    assert!(report.parts_resumed > 0, "{report:?}");
    assert_eq!(report.proof, Some(Proof::plain(ProofLevel::PartMd5)));
}

#[tokio::test]
async fn parts_of_a_leg_that_died_before_it_could_note_them_are_named() {
    let lab = Lab::new();
    lab.interrupt().await;
    let place = RecordKey { location: lab.destination.location().clone(), key: ObjectKey::new("k").unwrap() };
    let (record, token) = lab.ledger.load(&place).await.unwrap().unwrap();
    let unnoted = Record { proved: None, ..record };
    lab.ledger.save(&unnoted, Some(&token), &Token("another".into())).await.unwrap();
    let report = lab.finish(Verify::Auto).await;
    let proof = report.proof.unwrap();
    assert!(report.parts_resumed > 0, "{report:?}");
    assert_eq!((proof.level, proof.transport_only_parts), (ProofLevel::PartMd5, report.parts_resumed));
}
