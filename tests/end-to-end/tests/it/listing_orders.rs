//! Stores that do not list in byte order: nothing is lost, nothing is sent again, and it is said.

use end_to_end::World;
use test_s3::{Options, Order};

/// Names around `/`, and such as sort differently by bytes, units of UTF-16 and letters.
const FOLDERS: [&str; 7] = ["p", "p (1)", "p.d", "P", "p/x", "\u{ff5e}", "😀"];

fn fill(world: &World, bucket: &str, count: usize) -> Vec<String> {
    let name = |number: usize| format!("{}/f{number:05}", FOLDERS[number % FOLDERS.len()]);
    let mut keys: Vec<String> =
        (0..count).map(name).chain(["p", "p-", "p0", "p//x", "//"].map(str::to_owned)).collect();
    for key in &keys {
        world.put(bucket, key, "x");
    }
    keys.sort();
    keys
}

async fn world(source: Order, destination: Order) -> World {
    let world = World::start(Options { record: false, ..Options::default() }).await;
    world.store().set_order("src", source);
    world.store().set_order("dst", destination);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_of_a_large_store_in_tree_order_is_found_with_any_number_of_ranges() {
    let world = world(Order::Tree, Order::Bytes).await;
    for number in 0..21_000 {
        world.put("src", &format!("a0/f{number:05}"), "x");
    }
    fill(&world, "src", 7_000);
    for ranges in ["1", "8", "64"] {
        let finished = world.haul().switch("--dry-run").set("--list-ranges", ranges).run().await.assert_exit(0);
        assert_eq!(finished.total("objects"), 28_005, "{ranges} ranges");
        assert!(finished.stderr.contains("does not list its keys in byte order"), "{}", finished.stderr);
        assert!(finished.stdout.contains(r#""event":"sorting""#), "{ranges} ranges");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn between_stores_in_any_order_each_key_is_copied_once_and_a_second_run_copies_nothing() {
    for order in [Order::Tree, Order::Utf16, Order::CaseBlind] {
        for (source, destination) in [(order, Order::Bytes), (Order::Bytes, order), (order, order)] {
            let world = world(source, destination).await;
            let keys = fill(&world, "src", 2_100);
            let first = world.haul().run().await.assert_exit(0);
            assert_eq!(world.there(), keys, "{source:?} to {destination:?}");
            assert_eq!((first.total("copied"), first.total("same")), (2_105, 0), "{source:?} to {destination:?}");
            // Without a ledger only the listings tell what is there.
            world.lose_ledger();
            let second = world.haul().run().await.assert_exit(0);
            assert_eq!((second.total("copied"), second.total("same")), (0, 2_105), "{source:?} to {destination:?}");
            let versions: usize = keys.iter().map(|key| world.store().versions("dst", key).len()).sum();
            assert_eq!(versions, 2_105, "{source:?} to {destination:?}");
        }
    }
}
