//! What a copy to a store without checksums claims to know of its parts, when several legs have brought them.

use contract::{patience, stopped_after};
use longhaul::{
    copy::{CopyJob, Engine, ObjectReport, Outcome, Settings, copy_object},
    ledger::{Ledger, Record, RecordKey, Token},
    memory::{Memory, MemoryLedger},
    object::{Proof, ProofLevel, Verify},
    store::Source,
};

use crate::shared::{PART, PLAIN, TestEngine, content, in_parts, key};

const PARTS: u64 = 10;

struct Lab {
    source: Memory,
    destination: Memory,
    ledger: MemoryLedger,
}

impl Lab {
    fn new() -> Self {
        let (source, destination) =
            (Memory::new("a").with_capabilities(PLAIN), Memory::new("b").with_capabilities(PLAIN));
        source.insert("k", content(PARTS * PART, 0));
        Self { source, destination, ledger: MemoryLedger::new("me") }
    }

    fn engine(&self, verify: Verify, after: u64) -> TestEngine {
        let settings = Settings { concurrency: 1, verify, ..in_parts() };
        let (source, destination) = (self.source.clone(), self.destination.clone());
        stopped_after(Engine::new(source, destination, self.ledger.clone(), patience(), settings), after)
    }

    async fn interrupt(&self) {
        let report = copy_object(&self.engine(Verify::Auto, 4 * PART), &job()).await;
        assert_eq!(report.outcome, Outcome::Interrupted, "{report:?}");
    }

    async fn finish(&self, verify: Verify) -> ObjectReport {
        let report = copy_object(&self.engine(verify, u64::MAX), &job()).await;
        assert_eq!(report.outcome, Outcome::Copied, "{report:?}");
        assert_eq!(self.destination.bytes("k"), self.source.bytes("k"));
        report
    }
}

fn job() -> CopyJob {
    CopyJob::new(key("k"), key("k"), PARTS * PART)
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
    let place = RecordKey { location: lab.destination.location().clone(), key: key("k") };
    let (record, token) = lab.ledger.load(&place).await.unwrap().unwrap();
    let unnoted = Record { proved: None, ..record };
    lab.ledger.save(&unnoted, Some(&token), &Token("another".into())).await.unwrap();
    let report = lab.finish(Verify::Auto).await;
    let proof = report.proof.unwrap();
    assert!(report.parts_resumed > 0, "{report:?}");
    assert_eq!((proof.level, proof.transport_only_parts), (ProofLevel::PartMd5, report.parts_resumed));
}
