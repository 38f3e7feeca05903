//! A store of Google's kind, which knows no conditions on writes, no CRC64NVME and no trailers.

use std::{collections::BTreeMap, fs};

use end_to_end::{World, read_tree, sha256};
use test_s3::{Dialect, FaultKind, FaultRule, Options, synthetic_bytes};

async fn assert_copied_to_google(options: Options, refuses_trailers: bool) {
    let world = World::start(options).await;
    if refuses_trailers {
        world.server.faults().add(FaultRule::new(FaultKind::RefuseTrailers));
    }
    let folder = world.make_folder("source");
    for (number, size) in [0, 1, 5_000, 7_000_000, 23_000_000].into_iter().enumerate() {
        fs::write(folder.join(format!("file {number}.bin")), synthetic_bytes(number as u64, 0, size)).expect("a file");
    }
    let cli = world.copy(&folder, "s3://dst/there/").set("--to-provider", "gcs");
    let cli = cli.set("--part-size", "5MiB").set("--multipart-threshold", "6MiB");
    let finished = cli.run().await.assert_exit(0);
    assert_eq!(finished.total("copied"), 5);
    let store = world.store();
    let read = |key: &String| sha256(&store.read("dst", key).expect("an object that was listed"));
    let keys = store.keys("dst");
    let below = |key: &String| key.strip_prefix("there/").expect("a key below the prefix").to_owned();
    let there: BTreeMap<String, String> = keys.iter().map(|key| (below(key), read(key))).collect();
    assert_eq!(there, read_tree(&folder));
    assert_eq!(store.uploads("dst"), []);
    let again = cli.run().await.assert_exit(0);
    assert_eq!((again.total("copied"), again.total("same")), (0, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_copied_to_google() {
    assert_copied_to_google(Options { dialect: Dialect::Gcs, ..Options::default() }, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_trailers_is_sent_none() {
    assert_copied_to_google(Options::default(), true).await;
}
