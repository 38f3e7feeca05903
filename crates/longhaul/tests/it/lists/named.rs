//! Lists of keys on adapters in memory: exactly what a list names is copied or sent.

use std::{io::Write, sync::Arc, time::Duration};

use flate2::{Compression, write::GzEncoder};
use longhaul::{
    copy::Settings,
    jobsender::{SendSettings, send_list::send_list},
    ledger::SendReport,
    memory::{Memory, MemoryLedger},
    queue::{Entry, JobQueue, Packing, message},
    route::{Compare, IgnoreList, Mode, Route, ScanSpec, Selection},
    scan::{Event, KeyListError, KeysFrom, Lines, ListEvent, ListTotals, copy_named},
    store::error::chain,
};
use md5::Digest;
use serde_json::json;

use crate::shared::{TestEngine, engine, key, queue};

struct NamedLists {
    source: Memory,
    destination: Memory,
    lists: Memory,
}

fn scan(compare: Compare) -> ScanSpec {
    let selection = Selection { ignore: IgnoreList::parse("*.tmp").unwrap(), ..Selection::all() };
    ScanSpec { route: Route::keeping_names("photos/", "p"), selection, compare }
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn md5_of(bytes: &[u8]) -> String {
    md5::Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl NamedLists {
    fn new() -> Self {
        let world = Self {
            source: Memory::new("source"),
            destination: Memory::new("destination"),
            lists: Memory::new("lists"),
        };
        for name in ["a", "b c", "d+e", "f.tmp", "new", "not named"] {
            world.source.insert(&format!("photos/{name}"), name);
        }
        world.source.insert("films/a", "a");
        world.destination.insert("p/photos/a", "a");
        world
    }

    fn engine(&self) -> Arc<TestEngine> {
        let settings = Settings { server_side: false, ..Settings::default() };
        engine(&self.source, &self.destination, MemoryLedger::new("test"), settings)
    }

    /// What was copied, and how it ended.
    async fn copy(&self, list: &str, mode: Mode) -> (ListTotals, Result<(), KeyListError>, Vec<String>) {
        let engine = self.engine();
        let opened = KeysFrom::open(&self.lists, &engine.patience, &key(list), "source").await;
        let mut keys = match opened {
            Ok(keys) => keys,
            Err(error) => return (ListTotals::default(), Err(error), Vec::new()),
        };
        let mut said = Vec::new();
        let mut hear = |event: ListEvent<'_>| match event {
            ListEvent::Gone(key) => said.push(format!("gone {key}")),
            ListEvent::Outside(key) => said.push(format!("outside {key}")),
            ListEvent::Scan(Event::WouldCopy(job)) => said.push(format!("would copy {}", job.source_key)),
            ListEvent::Scan(_) => {}
        };
        let scan = scan(Compare::Size);
        let (totals, ended) = copy_named::run(&engine, &scan, &mut keys, Vec::new(), mode, &mut hear).await;
        (totals, ended, said)
    }

    fn copies(&self) -> Vec<String> {
        self.destination.keys()
    }

    /// An inventory of two packed files.
    fn put_inventory(&self, files: [&str; 2]) -> Vec<String> {
        let names = ["inventory/data/1.csv.gz", "inventory/data/2.csv.gz"];
        let files: Vec<_> = names
            .into_iter()
            .zip(files)
            .map(|(name, text)| {
                let bytes = packed(text);
                let file = json!({"key": name, "size": bytes.len(), "MD5checksum": md5_of(&bytes)});
                self.lists.insert(name, bytes);
                file
            })
            .collect();
        let manifest = json!({"sourceBucket": "source", "destinationBucket": "arn:aws:s3:::lists", "version": "2016-11-30",
            "fileFormat": "CSV", "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size", "files": files});
        self.lists.insert("inventory/manifest.json", manifest.to_string());
        names.map(str::to_owned).into()
    }
}

const INVENTORY: [&str; 2] = [
    "\"source\",\"photos%2Fa\",\"v1\",\"true\",\"false\",\"1\"\n\"source\",\"photos/b+c\",\"v1\",\"true\",\"false\",\"3\"\n",
    "\"source\",\"photos/d%2Be\",\"v2\",\"true\",\"false\",\"3\"\n\"source\",\"photos/d%2Be\",\"v1\",\"false\",\"false\",\"9\"\n\
     \"source\",\"photos/new\",\"v3\",\"true\",\"true\",\"\"\n",
];

#[tokio::test]
async fn exactly_what_a_plain_list_names_is_copied() {
    let world = NamedLists::new();
    world
        .lists
        .insert("keys.txt", "photos/a\nphotos/b c\n\nphotos/d+e\r\nphotos/f.tmp\nphotos/gone\nfilms/a\nphotos/b c");
    let (list, ended, said) = world.copy("keys.txt", Mode::Copy).await;
    ended.unwrap();
    assert_eq!(world.copies(), ["p/photos/a", "p/photos/b c", "p/photos/d+e"]);
    assert_eq!(said, ["gone photos/gone", "outside films/a"]);
    let totals = &list.totals;
    assert_eq!((totals.filtered, totals.gone, list.outside, totals.failed), (1, 1, 1, 0));
    // The key that is named twice is copied once: the ledger has it as copied then.
    assert_eq!((totals.copied, totals.same), (2, 2));
}

#[tokio::test]
async fn exactly_what_an_inventory_names_is_copied() {
    let world = NamedLists::new();
    world.put_inventory(INVENTORY);
    let (list, ended, _) = world.copy("inventory/manifest.json", Mode::Copy).await;
    ended.unwrap();
    assert_eq!(world.copies(), ["p/photos/a", "p/photos/b c", "p/photos/d+e"]);
    assert_eq!((list.passed.not_current, list.passed.delete_markers), (1, 1));
    assert_eq!((list.totals.copied, list.totals.same), (2, 1));
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_copy_and_copies_nothing() {
    let world = NamedLists::new();
    world.lists.insert("keys.csv.gz", packed("key,size\nphotos/a,1\nphotos/new,3\n"));
    let (_, ended, said) = world.copy("keys.csv.gz", Mode::DryRun).await;
    ended.unwrap();
    assert_eq!(said, ["would copy photos/new"]);
    assert_eq!(world.copies(), ["p/photos/a"]);
}

#[tokio::test]
async fn what_stands_before_a_broken_line_is_copied() {
    let world = NamedLists::new();
    world.lists.insert("keys.txt", b"photos/new\n\xff\nphotos/d+e\n".to_vec());
    let (list, ended, _) = world.copy("keys.txt", Mode::Copy).await;
    assert_eq!(chain(&ended.unwrap_err()), "the list s3://lists/keys.txt, line 2: it is not UTF-8");
    assert_eq!((list.totals.copied, world.copies().contains(&"p/photos/new".to_owned())), (1, true));
}

#[tokio::test]
async fn a_file_that_is_not_the_one_of_the_manifest_is_an_error() {
    let world = NamedLists::new();
    let files = world.put_inventory(INVENTORY);
    world.lists.insert(&files[1], packed("\"source\",\"photos/new\",\"v1\",\"true\",\"false\",\"3\"\n"));
    let error = world.copy("inventory/manifest.json", Mode::DryRun).await.1.unwrap_err();
    assert!(matches!(error, KeyListError::Length { .. }), "{error}");
    // The time in the head of a gzip file, which changes nothing else.
    let mut same_length = packed(INVENTORY[1]);
    same_length[4] ^= 1;
    world.lists.insert(&files[1], same_length);
    let error = world.copy("inventory/manifest.json", Mode::DryRun).await.1.unwrap_err();
    assert!(matches!(error, KeyListError::Checksum { .. }), "{error}");
}

#[tokio::test]
async fn an_inventory_of_another_bucket_is_refused() {
    let world = NamedLists::new();
    world.put_inventory(INVENTORY);
    let engine = world.engine();
    let opened = KeysFrom::open(&world.lists, &engine.patience, &key("inventory/manifest.json"), "films").await;
    let words = opened.err().unwrap().to_string();
    assert!(words.ends_with("lists the bucket \"source\", and objects are read from \"films\""), "{words}");
}

#[tokio::test]
async fn a_list_longer_than_one_range_is_read_to_its_end() {
    let world = NamedLists::new();
    let lines = (0..300_000).map(|number| format!("films/{number:020}\n"));
    world.lists.insert("keys.txt", lines.chain(["photos/new".to_owned()]).collect::<String>());
    let (list, ended, _) = world.copy("keys.txt", Mode::Copy).await;
    ended.unwrap();
    assert_eq!((list.outside, list.totals.copied), (300_000, 1));
}

#[tokio::test]
async fn a_missing_list_is_an_error_and_no_empty_one() {
    let world = NamedLists::new();
    let error = world.copy("keys.txt", Mode::Copy).await.1.unwrap_err();
    assert!(error.to_string().contains("keys.txt"), "{error}");
}

async fn send(world: &NamedLists, list: &str) -> (SendReport, Vec<String>) {
    let engine = world.engine();
    let queue = queue();
    let settings = SendSettings { versions: Lines::Objects, packing: Packing::of_small(1024), mode: Mode::Copy };
    let keys = KeysFrom::open(&world.lists, &engine.patience, &key(list), "source").await.unwrap();
    let (report, ended) = send_list(&engine, &scan(Compare::Size), keys, &queue, settings).await;
    ended.unwrap();
    let mut sent = Vec::new();
    for message in queue.receive(10, Duration::ZERO).await.unwrap() {
        for entry in message::parse(&message.body).unwrap().entries {
            let Entry::Job { job, .. } = entry else { panic!("no event was sent") };
            sent.push(format!("{} {}", job.des_key, job.size));
        }
    }
    (report, sent)
}

#[tokio::test]
async fn the_jobsender_sends_what_a_list_names_and_counts_what_leads_nowhere() {
    let world = NamedLists::new();
    world.lists.insert("keys.txt", "photos/a\nphotos/b c\nphotos/f.tmp\nphotos/gone\nfilms/a\nphotos/new\n");
    let (report, sent) = send(&world, "keys.txt").await;
    assert_eq!(sent, ["p/photos/b c 3", "p/photos/new 3"]);
    assert!(report.complete);
    assert_eq!((report.objects, report.same, report.sent), (3, 1, 2));
    let skipped: Vec<_> = report.skipped.into_iter().collect();
    assert_eq!(skipped, [("gone", 1), ("ignored", 1), ("outside-prefix", 1)]);
    assert_eq!(report.missing, [key("photos/gone")]);
}

#[tokio::test]
async fn the_jobsender_sends_what_an_inventory_names() {
    let world = NamedLists::new();
    world.put_inventory(INVENTORY);
    let (report, sent) = send(&world, "inventory/manifest.json").await;
    assert_eq!(sent, ["p/photos/b c 3", "p/photos/d+e 3"]);
    let skipped: Vec<_> = report.skipped.into_iter().collect();
    assert_eq!(skipped, [("delete-marker", 1), ("not-current", 1)]);
}
