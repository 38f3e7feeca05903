//! Lists of keys over stores that refuse, forget and show too much: nothing is passed over in silence.

use std::sync::Arc;

use longhaul::{
    copy::Settings,
    jobsender::{SendError, SendSettings, send_list::send_list},
    ledger::{Ledger, Record, RecordKey, RecordSource, SendReport, State, Token},
    memory::{Memory, MemoryLedger},
    object::Timestamp,
    queue::{DestinationSeen as Seen, Entry, Job, Packing, message},
    route::{Compare, Mode, Route, ScanSpec, Selection},
    scan::{KeysFrom, Lines, ListTotals, copy_named},
    store::{ErrorKind, Source},
};

use crate::{
    guarded::Guarded,
    shared::{TestEngine, engine, key, queue},
};

struct RefusingStores {
    objects: Memory,
    source: Guarded,
    destination: Guarded,
    lists: Memory,
    ledger: MemoryLedger,
}

impl RefusingStores {
    /// Three objects, of which `a` is copied, and a list of them.
    fn new() -> Self {
        let (objects, copies, lists) = (Memory::new("source"), Memory::new("destination"), Memory::new("lists"));
        for key in ["a", "b", "c"] {
            objects.insert(key, key);
        }
        copies.insert("p/a", "a");
        lists.insert("keys.txt", "a\nb\nc\n");
        let (source, destination) = (Guarded::new(&objects), Guarded::new(&copies));
        Self { objects, source, destination, lists, ledger: MemoryLedger::new("test") }
    }

    fn engine(&self) -> Arc<TestEngine<Guarded, Guarded>> {
        let settings = Settings { server_side: false, ..Settings::default() };
        engine(&self.source, &self.destination, self.ledger.another_owner("test"), settings)
    }

    async fn send(&self, list: &str) -> (SendReport, Result<(), SendError>, Vec<Job>) {
        let engine = self.engine();
        let queue = queue();
        let settings = SendSettings { versions: Lines::Objects, packing: Packing::of_small(1024), mode: Mode::Copy };
        let keys = KeysFrom::open(&self.lists, &engine.patience, &key(list), "source").await.unwrap();
        let (report, ended) = send_list(&engine, &scan(), keys, &queue, settings).await;
        let entries = queue.bodies().into_iter().flat_map(|body| message::parse(&body).unwrap().entries);
        let jobs = entries.map(|entry| match entry {
            Entry::Job { job, .. } => *job,
            other => panic!("{other:?} is no job"),
        });
        (report, ended, jobs.collect())
    }

    /// Has the current version of an object parked.
    async fn park(&self, name: &str) {
        let info = self.objects.head_object(&key(name)).await.unwrap();
        let location = self.source.location().clone();
        let source = RecordSource { location, key: key(name), pin: info.pin() };
        let place = RecordKey { location: self.destination.location().clone(), key: key(&format!("p/{name}")) };
        let record = Record { state: State::Parked, ..Record::begin(place, source, Timestamp(0)) };
        self.ledger.save(&record, None, &Token("parked".into())).await.unwrap();
    }

    /// What the program copies by itself.
    async fn copy(&self, list: &str) -> (ListTotals, Result<(), String>) {
        let engine = self.engine();
        let mut keys = KeysFrom::open(&self.lists, &engine.patience, &key(list), "source").await.unwrap();
        let (totals, ended) = copy_named::run(&engine, &scan(), &mut keys, Vec::new(), Mode::Copy, &mut |_| {}).await;
        (totals, ended.map_err(|error| error.to_string()))
    }
}

fn scan() -> ScanSpec {
    ScanSpec { route: Route::keeping_names("", "p"), selection: Selection::all(), compare: Compare::Size }
}

fn seen(jobs: &[Job]) -> Vec<(&str, Seen)> {
    jobs.iter().map(|job| (job.src_key.as_str(), job.des_etag.clone())).collect()
}

#[tokio::test]
async fn what_may_not_be_looked_at_is_sent_so_that_its_worker_parks_it() {
    let world = RefusingStores::new();
    world.source.refuse_head("b", ErrorKind::AccessDenied);
    world.destination.refuse_head("p/a", ErrorKind::AccessDenied);
    let (report, ended, jobs) = world.send("keys.txt").await;
    ended.unwrap();
    let unknown = Seen::Unknown;
    assert_eq!(seen(&jobs), [("a", unknown.clone()), ("b", unknown), ("c", Seen::Absent)]);
    assert_eq!((report.complete, report.objects, report.why["unseen"]), (true, 3, 2));
    assert!(report.skipped.is_empty(), "{report:?}");
}

#[tokio::test]
async fn what_is_parked_and_still_may_not_be_looked_at_is_not_parked_again_and_again() {
    let world = RefusingStores::new();
    world.source.refuse_head("b", ErrorKind::AccessDenied);
    let (list, ended) = world.copy("keys.txt").await;
    assert_eq!((ended, list.totals.copied, list.totals.failed), (Ok(()), 1, 1));
    let (report, ended, jobs) = world.send("keys.txt").await;
    ended.unwrap();
    assert_eq!((report.skipped["parked"], jobs.len()), (1, 0));
}

#[tokio::test]
async fn an_object_that_no_request_can_describe_does_not_stop_the_list() {
    for kind in [ErrorKind::InvalidRequest, ErrorKind::InvalidKey, ErrorKind::Io, ErrorKind::Unsupported] {
        let world = RefusingStores::new();
        world.source.refuse_head("b", kind);
        let (report, ended, jobs) = world.send("keys.txt").await;
        ended.unwrap();
        assert_eq!((report.complete, report.why["unseen"], jobs.len()), (true, 1, 2), "{kind:?}");
        let (list, ended) = world.copy("keys.txt").await;
        assert_eq!((ended, list.totals.copied, list.totals.failed), (Ok(()), 1, 1), "{kind:?}");
    }
}

#[tokio::test]
async fn an_error_that_all_objects_would_meet_stops_the_list() {
    for kind in [ErrorKind::NoSuchBucket, ErrorKind::InvalidCredentials, ErrorKind::Unavailable] {
        let world = RefusingStores::new();
        world.source.refuse_head("b", kind);
        let (report, ended, jobs) = world.send("keys.txt").await;
        assert!(matches!(ended, Err(SendError::Listing(error)) if error.kind() == kind), "{kind:?}");
        assert_eq!((report.complete, jobs.len()), (false, 0), "{kind:?}");
    }
}

#[tokio::test]
async fn a_destination_without_its_bucket_is_an_error_and_not_a_bucket_without_objects() {
    let world = RefusingStores::new();
    // What S3 answers to a HEAD says nothing of the bucket.
    world.destination.refuse_head("p/a", ErrorKind::NotFound);
    world.destination.refuse_listing(ErrorKind::NoSuchBucket);
    let (report, ended, jobs) = world.send("keys.txt").await;
    let words = ended.unwrap_err().to_string();
    assert!(words.starts_with("ListObjectsV2 failed on memory://destination/destination"), "{words}");
    assert_eq!((report.complete, report.objects, jobs.len()), (false, 0, 0));
    let (list, ended) = world.copy("keys.txt").await;
    assert_eq!((ended, list.totals.copied, list.totals.failed), (Err(words), 0, 0));
}

#[tokio::test]
async fn a_destination_that_may_not_be_listed_is_written_to() {
    let world = RefusingStores::new();
    world.destination.refuse_listing(ErrorKind::AccessDenied);
    let (report, ended, jobs) = world.send("keys.txt").await;
    ended.unwrap();
    assert_eq!((report.complete, seen(&jobs)), (true, vec![("b", Seen::Absent), ("c", Seen::Absent)]));
}

#[tokio::test]
async fn what_a_listing_shows_is_not_gone() {
    let world = RefusingStores::new();
    world.source.refuse_head("b", ErrorKind::NotFound);
    let (report, ended, jobs) = world.send("keys.txt").await;
    ended.unwrap();
    assert!(report.skipped.is_empty(), "{report:?}");
    assert_eq!(seen(&jobs), [("b", Seen::Absent), ("c", Seen::Absent)]);
}

#[tokio::test]
async fn what_is_parked_is_compared_with_what_is_there_now_and_not_with_an_old_list() {
    let world = RefusingStores::new();
    world.lists.insert("keys.csv", "key,size,etag\nb,1,an-old-tag\n");
    world.park("b").await;
    let (report, ended, jobs) = world.send("keys.csv").await;
    ended.unwrap();
    assert_eq!((report.skipped["parked"], jobs.len()), (1, 0), "it is parked as it is now");
    world.objects.insert("b", "changed");
    let (report, ended, jobs) = world.send("keys.csv").await;
    ended.unwrap();
    assert_eq!((report.sent, jobs[0].size), (1, 7), "another version is another matter");
}
