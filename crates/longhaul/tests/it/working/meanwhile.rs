//! What others do to the same object at the same time.

use longhaul::{memory::Memory, object::Timestamp, worker::DeletePolicy};

use crate::{
    shared::{PART, job},
    working::world::{World, whole_bucket, with_single},
};

fn job_to(place: &str, key: &str, size: u64) -> String {
    job(("source", key), ("destination", place), size)
}

#[tokio::test]
async fn a_source_that_is_gone_says_nothing_of_another_source_whose_copy_has_its_place() {
    let world = World::new();
    world.source.insert("a", "1");
    world.source.insert("b", "2");
    let ignored = with_single(with_single(whole_bucket(DeletePolicy::Ignore), "a", "same"), "b", "same");
    world.assert_acknowledged(&job_to("same", "a", 1), &ignored).await;
    let before = world.ledger.records();
    world.source.remove("b");
    world.assert_acknowledged(&job_to("same", "b", 1), &ignored).await;
    assert_eq!(world.ledger.records(), before, "otherwise a deletion of b would delete the copy of a");
}

#[tokio::test]
async fn an_older_version_that_is_the_current_one_again_is_copied() {
    let world = World::new();
    world.source.continue_from(Timestamp(1_000_000));
    world.source.insert("large", vec![1; 3 * PART as usize]);
    let rules = with_single(whole_bucket(DeletePolicy::Ignore), "large", "large");
    world.assert_acknowledged(&job_to("large", "large", 3 * PART), &rules).await;
    // The newest version was deleted: the one before it has an older time.
    let world = World { source: Memory::new("source"), ..world };
    world.source.insert("large", vec![2; 4 * PART as usize]);
    world.assert_acknowledged(&job_to("large", "large", 4 * PART), &rules).await;
    assert_eq!(world.destination.bytes("large").unwrap(), vec![2; 4 * PART as usize]);
}
