//! What others do to an object while it is copied.

use longhaul::{
    copy::{CopyJob, Outcome, Settings, copy_object},
    ledger::State,
    memory::{Memory, MemoryLedger},
    object::Verify,
    store::ErrorKind,
};

use crate::{
    guarded::Guarded,
    shared::{engine, key},
};

struct Lab {
    source: Memory,
    destination: Memory,
    ledger: MemoryLedger,
}

impl Lab {
    fn new() -> Self {
        let source = Memory::new("a");
        source.insert("k", "what it is");
        Self { source, destination: Memory::new("b"), ledger: MemoryLedger::new("me") }
    }

    fn state(&self) -> Option<State> {
        self.ledger.records().first().map(|record| record.state)
    }
}

fn job() -> CopyJob {
    CopyJob::new(key("k"), key("k"), 10)
}

#[tokio::test]
async fn a_leg_that_fails_to_read_leaves_the_record_of_a_copy_alone_that_others_have_finished_meanwhile() {
    let lab = Lab::new();
    let others = engine(&lab.source, &lab.destination, lab.ledger.another_owner("others"), Settings::default());
    let source = Guarded::new(&lab.source);
    source.damage();
    source.meanwhile(async move {
        assert_eq!(copy_object(&others, &job()).await.outcome, Outcome::Copied);
    });
    let ours = engine(&source, &lab.destination, lab.ledger.clone(), Settings::default());
    assert_eq!(copy_object(&ours, &job()).await.outcome, Outcome::Failed);
    assert_eq!(lab.state(), Some(State::Done));
}

/// Copies and reads back. Others change the copy before that: it fails, and nobody has to help before it is tried again.
async fn assert_worth_another_try(lab: &Lab, destination: &Guarded) {
    let settings = Settings { verify: Verify::ReadBack, ..Settings::default() };
    let report = copy_object(&engine(&lab.source, destination, lab.ledger.clone(), settings), &job()).await;
    assert_eq!((report.outcome, report.needs_help), (Outcome::Failed, false), "{report:?}");
}

#[tokio::test]
async fn a_copy_that_others_replace_while_it_is_read_back_is_tried_again() {
    let lab = Lab::new();
    let (destination, others) = (Guarded::new(&lab.destination), lab.destination.clone());
    destination.meanwhile(async move { drop(others.insert("k", "something else")) });
    assert_worth_another_try(&lab, &destination).await;
}

#[tokio::test]
async fn a_copy_that_others_delete_before_it_is_read_back_is_tried_again() {
    let lab = Lab::new();
    let (destination, others) = (Guarded::new(&lab.destination), lab.destination.clone());
    destination.meanwhile(async move { others.remove("k") });
    assert_worth_another_try(&lab, &destination).await;
    let destination = Guarded::new(&lab.destination);
    destination.refuse_head("k", ErrorKind::NotFound);
    assert_worth_another_try(&lab, &destination).await;
}
