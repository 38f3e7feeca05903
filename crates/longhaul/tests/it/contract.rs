//! The adapters in memory pass the suite that every adapter passes.

use std::{sync::Arc, time::Duration};

use contract::{Expectations, TestClock};
use longhaul::{
    memory::{Memory, MemoryLedger, MemoryQueue},
    store::{Capabilities, ChecksumSupport, Destination, Source},
};

const S3: Capabilities = Capabilities {
    conditional_writes: true,
    checksums: ChecksumSupport::Crc64Nvme,
    headers: true,
    min_part_size: 1024,
};

#[tokio::test]
async fn a_bucket_in_memory_obeys_the_contract() {
    contract::source_and_destination(&Memory::new("plain"), Expectations::default()).await;
}

#[tokio::test]
async fn a_bucket_in_memory_with_the_limits_of_s3_obeys_the_contract() {
    let store = Memory::new("limits").with_capabilities(S3);
    contract::source_and_destination(&store, Expectations::default()).await;
}

#[tokio::test]
async fn a_bucket_in_memory_with_versions_obeys_the_contract() {
    let store = Memory::new("versions").versioned();
    let expectations = Expectations { versions: true, ..Expectations::default() };
    contract::source_and_destination(&store, expectations).await;
}

#[tokio::test]
async fn a_bucket_in_memory_like_an_older_store_obeys_the_contract() {
    let capabilities =
        Capabilities { conditional_writes: false, checksums: ChecksumSupport::Md5ETag, headers: false, ..S3 };
    let store = Memory::new("older").with_capabilities(capabilities).with_page_size(7);
    contract::source_and_destination(&store, Expectations::default()).await;
}

#[tokio::test]
async fn a_bucket_copies_from_its_siblings_and_from_no_other_store() {
    let store = Memory::new("one");
    let sibling = store.sibling("two");
    assert!(store.copies_from(sibling.location()) && sibling.copies_from(store.location()));
    assert!(!store.copies_from(Memory::new("two").location()));
    sibling.insert("k", "of the sibling");
    assert_eq!(store.bytes("k"), None);
}

#[tokio::test]
async fn a_ledger_in_memory_obeys_the_contract() {
    contract::ledger(&MemoryLedger::new("contract")).await;
}

#[tokio::test]
async fn scans_in_memory_obey_the_contract() {
    contract::scan_ledger(&MemoryLedger::new("contract")).await;
}

#[tokio::test]
async fn a_queue_in_memory_obeys_the_contract() {
    let clock = Arc::new(TestClock::new());
    contract::queue(&MemoryQueue::new(clock, Duration::from_secs(30))).await;
}
