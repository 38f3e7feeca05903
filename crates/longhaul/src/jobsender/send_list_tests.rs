use std::{sync::Arc, time::Duration};

use futures_util::{
    FutureExt,
    future::{BoxFuture, pending},
};
use serde_json::json;

use super::*;
use crate::{
    copy::attempt::{Settings, Silent},
    limits::{Clock, RequestPolicy, RetryPolicy},
    memory::{Memory, MemoryLedger, MemoryQueue},
    object::{Hasher, WithMd5},
    queue::Packing,
    route::{Mode, Route, Selection},
};

/// Time stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, _duration: Duration) -> BoxFuture<'static, ()> {
        pending().boxed()
    }
}

struct World {
    source: Memory,
    engine: Engine<(Memory, Memory, MemoryLedger, Still)>,
    scan: ScanSpec,
    queue: MemoryQueue<Still>,
}

type TestSender<'a> = ListSender<'a, (Memory, Memory, MemoryLedger, Still), MemoryQueue<Still>, Memory>;

fn names(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("k{number:03}")).collect()
}

impl World {
    /// Objects that are all to be sent, and a list of them.
    fn new(objects: u32) -> Self {
        let (source, destination) = (Memory::new("source"), Memory::new("destination"));
        names(0..objects).iter().for_each(|key| drop(source.insert(key, "x")));
        source.insert("keys.txt", names(0..objects).join("\n"));
        let policy = RetryPolicy { max_retries: 0, ..RetryPolicy::default() };
        let patience = RequestPolicy::new(Still, policy, Duration::from_secs(1), 7, Arc::new(Silent));
        let engine = Engine::new(source.clone(), destination, MemoryLedger::new("test"), patience, Settings::default());
        let scan =
            ScanSpec { route: Route::keeping_names("", "p"), selection: Selection::all(), compare: Compare::Size };
        Self { source, engine, scan, queue: MemoryQueue::new(Arc::new(Still), Duration::from_secs(60)) }
    }

    /// An inventory of two files in the place of the list.
    fn put_inventory(&self, files: [std::ops::Range<u32>; 2]) {
        let file = |name: &str, keys: std::ops::Range<u32>| {
            let text: String = names(keys).iter().map(|key| format!("source,{key}\n")).collect();
            let mut hasher = Hasher::new(WithMd5::Yes);
            hasher.update(text.as_bytes());
            let file = json!({"key": name, "size": text.len(), "MD5checksum": hasher.md5().unwrap().to_hex()});
            self.source.insert(name, text);
            file
        };
        let [one, two] = files;
        let manifest = json!({"sourceBucket": "source", "destinationBucket": "arn:aws:s3:::lists", "version": "2016-11-30",
            "fileFormat": "CSV", "fileSchema": "Bucket, Key", "files": [file("1.csv", one), file("2.csv", two)]});
        self.source.insert("manifest.json", manifest.to_string());
    }

    fn sender(&self, list: &str) -> TestSender<'_> {
        let list = ObjectKey::new(list).unwrap();
        let keys = KeysFrom::open(&self.source, &self.engine.patience, &list, "source").now_or_never().unwrap();
        let settings = SendSettings { versions: Lines::Objects, packing: Packing::of_small(10), mode: Mode::Copy };
        ListSender::new(&self.engine, &self.scan, keys.unwrap(), &self.queue, settings)
    }
}

fn step(sender: &mut TestSender<'_>) -> Step {
    sender.step().now_or_never().unwrap().unwrap()
}

fn cursor(sender: &mut TestSender<'_>) -> String {
    sender.flush().now_or_never().unwrap().unwrap();
    sender.cursor().unwrap()
}

/// What is sent up to the list's end.
fn rest(sender: &mut TestSender<'_>) -> u64 {
    while step(sender) != Step::End {}
    sender.flush().now_or_never().unwrap().unwrap();
    sender.take_report().sent
}

#[test]
fn a_list_goes_on_behind_the_entries_that_an_earlier_leg_has_done() {
    let world = World::new(250);
    let mut first = world.sender("keys.txt");
    assert_eq!(step(&mut first), Step::More);
    let reached = cursor(&mut first);
    assert_eq!(first.take_report().sent, 100);
    let mut next = world.sender("keys.txt");
    next.go_on_behind(&reached);
    assert_eq!(rest(&mut next), 150);
    assert!(next.cursor().unwrap() > reached);
}

#[test]
fn a_list_that_changed_between_two_legs_is_begun_anew_and_that_is_counted() {
    let world = World::new(250);
    let mut first = world.sender("keys.txt");
    step(&mut first);
    step(&mut first);
    let reached = cursor(&mut first);
    let objects = names(0..250).into_iter().rev();
    world.source.insert("keys.txt", objects.collect::<Vec<_>>().join("\n"));
    let mut next = world.sender("keys.txt");
    next.go_on_behind(&reached);
    step(&mut next);
    assert!(cursor(&mut next) > reached, "the record takes only what is further on");
    assert_eq!(next.take_report().begun_anew, 1);
    let mut last = world.sender("keys.txt");
    last.go_on_behind(&cursor(&mut next));
    assert_eq!((rest(&mut last), last.take_report().begun_anew), (150, 0));
}

#[test]
fn the_place_of_an_earlier_version_says_nothing_of_which_list_it_was() {
    let world = World::new(150);
    let mut sender = world.sender("keys.txt");
    sender.go_on_behind("00000000000000000100");
    assert_eq!(rest(&mut sender), 150);
}

#[test]
fn files_that_are_done_are_passed_over_without_being_read() {
    let world = World::new(350);
    world.put_inventory([0..150, 150..350]);
    let mut first = world.sender("manifest.json");
    (0..3).for_each(|_| assert_eq!(step(&mut first), Step::More));
    let reached = cursor(&mut first);
    assert_eq!(first.take_report().sent, 300);
    world.source.remove("1.csv");
    let mut next = world.sender("manifest.json");
    next.go_on_behind(&reached);
    assert_eq!(rest(&mut next), 50);
}

#[test]
fn a_broken_file_is_not_done() {
    let world = World::new(250);
    world.put_inventory([0..150, 150..250]);
    let text = String::from_utf8(world.source.bytes("1.csv").unwrap().to_vec()).unwrap();
    world.source.insert("1.csv", text.replace("source,k001", "others,k001"));
    let mut sender = world.sender("manifest.json");
    assert!(sender.step().now_or_never().unwrap().is_err());
    assert!(cursor(&mut sender).contains(" 0000000000 00000000000000000001 "));
}

#[test]
fn the_way_to_where_an_earlier_leg_was_ends_with_the_leg() {
    let world = World::new(450);
    let mut first = world.sender("keys.txt");
    (0..4).for_each(|_| assert_eq!(step(&mut first), Step::More));
    let reached = cursor(&mut first);
    let mut next = world.sender("keys.txt");
    next.go_on_behind(&reached);
    assert_eq!(step(&mut next), Step::More);
    assert!(cursor(&mut next) < reached, "the record keeps what it has");
    world.engine.patience.stop.cancel();
    assert_eq!((step(&mut next), next.take_report().objects), (Step::Over, 0));
}
