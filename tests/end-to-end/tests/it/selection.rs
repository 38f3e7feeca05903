//! Which objects are copied, and where they go.

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use end_to_end::{Finished, World};
use test_s3::Options;

const KEYS: [&str; 6] = ["a.jpg", "a.txt", "raw/b.jpg", "raw/deep/c.jpg", "secret/d.jpg", "secret/d.txt"];

async fn world() -> World {
    World::with_objects(&KEYS).await
}

fn text(world: &World, key: &str) -> String {
    String::from_utf8(world.store().read("dst", key).expect("a copy")).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn include_and_exclude_choose_keys_below_the_source() {
    let world = world().await;
    let cli = world.haul().add("--include", "*.jpg").add("--include", "a.*").add("--exclude", "raw/deep/*");
    let finished = cli.run().await.assert_exit(0);
    assert_eq!(world.there(), ["a.jpg", "a.txt", "raw/b.jpg", "secret/d.jpg"]);
    assert_eq!((finished.total("objects"), finished.total("filtered")), (4, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_match_below_the_prefix_of_the_source() {
    let world = world().await;
    let cli = world.copy("s3://src/raw/", "s3://dst/there").switch("--no-server-side").add("--exclude", "deep/*");
    cli.run().await.assert_exit(0);
    assert_eq!(world.there(), ["there/b.jpg"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ignore_list_is_matched_on_bucket_and_key() {
    let world = world().await;
    let list = world.path("ignore.txt");
    fs::write(&list, "# not this\n\nsrc/secret/*\n*/deep/?.jpg\nother/a.txt\na.txt\n").expect("a file");
    let finished = world.haul().set("--ignore-list", &list).run().await.assert_exit(0);
    assert_eq!(world.there(), ["a.jpg", "a.txt", "raw/b.jpg"]);
    assert_eq!(finished.total("filtered"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_voids_no_pattern() {
    let world = world().await;
    let list = world.path("ignore.txt");
    fs::write(&list, "\u{feff}src/secret/*\r\n*.jpg\r\n").expect("a file");
    world.haul().set("--ignore-list", &list).run().await.assert_exit(0);
    assert_eq!(world.there(), ["a.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_is_copied_alone() {
    let world = world().await;
    world.put("src", "a.txt.bak", "a longer name");
    let finished =
        world.copy("s3://src/a.txt", "s3://dst/there/").switch("--no-server-side").run().await.assert_exit(0);
    assert_eq!(world.there(), ["there/a.txt"]);
    assert_eq!(finished.total("objects"), 1);
    let folder = world.make_folder("folder");
    world.copy("s3://src/raw/b.jpg", &folder).run().await.assert_exit(0);
    assert_eq!(fs::read_to_string(folder.join("b.jpg")).expect("a copy"), "raw/b.jpg");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_is_copied_alone() {
    let world = World::start(Options::default()).await;
    let folder = world.make_folder("folder");
    fs::write(folder.join("one.txt"), "one").expect("a file");
    fs::write(folder.join("one.txt.bak"), "other").expect("a file");
    world.copy(folder.join("one.txt"), "s3://dst/there/").run().await.assert_exit(0);
    assert_eq!(world.there(), ["there/one.txt"]);
    assert_eq!(text(&world, "there/one.txt"), "one");
}

/// A file of three letters that was written so many seconds from now.
fn write(path: &Path, text: &str, age: Duration, is_old: bool) {
    fs::write(path, text).expect("a file");
    let now = SystemTime::now();
    let time = if is_old { now - age } else { now + age };
    File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("a time");
}

/// Two files that were copied, and then changed without changing size: one looks older than its copy, one newer.
async fn changed_alike() -> (World, end_to_end::Cli) {
    const HOUR: Duration = Duration::from_secs(3600);
    let world = World::start(Options::default()).await;
    let folder = world.make_folder("folder");
    for name in ["new", "old"] {
        write(&folder.join(name), "one", HOUR, true);
    }
    let cli = world.copy(&folder, "s3://dst/");
    cli.run().await.assert_exit(0);
    write(&folder.join("old"), "two", HOUR, true);
    write(&folder.join("new"), "two", HOUR, false);
    (world, cli)
}

fn copied(finished: &Finished) -> (u64, u64) {
    (finished.total("copied"), finished.total("same"))
}

#[tokio::test(flavor = "multi_thread")]
async fn by_size_a_change_of_equal_size_is_not_seen() {
    let (world, cli) = changed_alike().await;
    assert_eq!(copied(&cli.run().await.assert_exit(0)), (0, 2));
    assert_eq!((text(&world, "old"), text(&world, "new")), ("one".to_owned(), "one".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_copies_what_was_written_after_its_copy() {
    let (world, cli) = changed_alike().await;
    assert_eq!(copied(&cli.set("--compare", "newer").run().await.assert_exit(0)), (1, 1));
    assert_eq!((text(&world, "old"), text(&world, "new")), ("one".to_owned(), "two".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn checksums_find_every_change_and_copy_nothing_else() {
    let (world, cli) = changed_alike().await;
    let cli = cli.set("--compare", "checksum");
    assert_eq!(copied(&cli.run().await.assert_exit(0)), (2, 0));
    assert_eq!((text(&world, "old"), text(&world, "new")), ("two".to_owned(), "two".to_owned()));
    assert_eq!(copied(&cli.run().await.assert_exit(0)), (0, 2));
    assert_eq!(world.store().versions("dst", "old").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn checksums_are_compared_between_buckets() {
    let world = world().await;
    for key in KEYS {
        world.put("dst", key, key);
    }
    world.put("dst", "a.jpg", "A.jpg");
    let finished = world.haul().set("--compare", "checksum").run().await.assert_exit(0);
    assert_eq!(copied(&finished), (1, 5));
    assert_eq!(text(&world, "a.jpg"), "a.jpg");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_comparison_everything_is_copied_again() {
    let world = world().await;
    let cli = world.haul().set("--compare", "none");
    for _ in 0..2 {
        assert_eq!(copied(&cli.run().await.assert_exit(0)), (6, 0));
    }
    assert_eq!(world.store().versions("dst", "a.jpg").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_come_from_the_named_file_and_flags_win() {
    let world = world().await;
    fs::write(world.work().join("longhaul.toml"), "include = [\"*.txt\"]\npart-size = \"16MiB\"\n").expect("a file");
    let named = || world.haul().set("--config", "longhaul.toml");
    named().run().await.assert_exit(0);
    assert_eq!(world.there(), ["a.txt", "secret/d.txt"]);
    named().add("--include", "a.jpg").run().await.assert_exit(0);
    assert_eq!(world.there(), ["a.jpg", "a.txt", "secret/d.txt"]);
    let named = world.path("named.toml");
    fs::write(&named, "include = [\"raw/*\"]\nexclude = [\"*/deep/*\"]\n").expect("a file");
    world.haul().set("--config", &named).run().await.assert_exit(0);
    assert_eq!(world.there(), ["a.jpg", "a.txt", "raw/b.jpg", "secret/d.txt"]);
}
