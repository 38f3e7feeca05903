//! Whatever goes wrong on the way, a copy is right or reported as failed; never wrong and silent.

use std::{sync::Arc, time::Duration};

use end_to_end::{Finished, MIB, World, accepted_parts, seed};
use test_s3::{FaultCounter, FaultKind, FaultRule, Object, Options, PutOptions, synthetic_bytes};

const SMALL: u64 = 60;
const PARTS: usize = 8;

/// Sixty small objects from nothing to 100 KB and two of eight parts, with metadata, all with checksums.
fn put_objects(world: &World, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut put = |key: String, size: u64| {
        let mut options = PutOptions::default();
        options.headers.content_type = Some("application/x-longhaul".to_owned());
        options.headers.cache_control = Some(format!("max-age={size}"));
        options.metadata.insert("key".to_owned(), key.clone());
        world.store().put("src", &key, synthetic_bytes(random.u64(..), 0, size as usize), options);
    };
    for number in 0..SMALL {
        put(format!("small/{number:02}"), number * number * 28);
    }
    for number in 0..2 {
        put(format!("large/{number}"), PARTS as u64 * 5 * MIB);
    }
}

fn is_copy(world: &World, key: &str, source: &Object) -> bool {
    let same_about = |there: Arc<Object>| {
        there.options.headers == source.options.headers && there.options.metadata == source.options.metadata
    };
    world.store().get("dst", key).is_some_and(same_about)
        && world.store().read("dst", key) == world.store().read("src", key)
}

/// What a run among faults came to.
struct Ending {
    world: World,
    finished: Finished,
    counters: Vec<FaultCounter>,
}

impl Ending {
    fn struck(&self) -> u64 {
        self.counters.iter().map(FaultCounter::count).sum()
    }

    /// Every object, and nothing left over.
    fn assert_right(self) -> Self {
        let Self { world, finished, counters } = self;
        let finished = finished.assert_exit(0);
        let keys = world.store().keys("src");
        assert_eq!(world.there(), keys, "{}", finished.all());
        for key in keys {
            let source = world.store().get("src", &key).expect("a key that was listed");
            assert!(is_copy(&world, &key, &source), "{key} is not what it was:\n{}", finished.all());
        }
        assert_eq!(world.store().uploads("dst"), [], "unfinished uploads");
        Self { world, finished, counters }
    }

    /// No object was written twice.
    fn assert_nothing_doubled(self) -> Self {
        let ending = self.assert_right();
        for key in ending.world.there() {
            assert_eq!(ending.world.store().versions("dst", &key).len(), 1, "versions of {key}");
        }
        ending
    }
}

fn rule(kind: FaultKind) -> FaultRule {
    FaultRule::new(kind).per_mille(200).times(60)
}

/// Copies all objects among these faults. What is not right afterwards must have been reported.
async fn assert_right_or_reported(rules: Vec<FaultRule>) -> Ending {
    assert_right_or_reported_with_patience(rules, 60).await
}

async fn assert_right_or_reported_with_patience(rules: Vec<FaultRule>, seconds: u32) -> Ending {
    let seed = seed();
    let world = World::start(Options { seed, ..Options::default() }).await;
    put_objects(&world, seed);
    let counters: Vec<_> = rules.into_iter().map(|rule| world.server.faults().add(rule)).collect();
    let cli = world.haul().set("--part-size", "5MiB").set("--multipart-threshold", "6MiB").set("--concurrency", "16");
    let finished = cli.set("--timeout", seconds.to_string()).run().await;
    let ending = Ending { world, finished, counters };
    assert!(ending.struck() > 0, "no fault struck");
    for key in ending.world.store().keys("src") {
        let source = ending.world.store().get("src", &key).expect("a key that was listed");
        if is_copy(&ending.world, &key, &source) {
            continue;
        }
        let said = ending.finished.all();
        let outcome = ending.finished.find_line(&key).map(|line| line["outcome"].clone());
        assert_ne!(ending.finished.code, Some(0), "{key} is wrong and nobody says so:\n{said}");
        assert_ne!(outcome, Some("copied".into()), "{key} is wrong and called copied:\n{said}");
        assert!(outcome.is_some() || ending.finished.code == Some(1), "{key} is wrong and not reported:\n{said}");
    }
    ending
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answers_change_nothing() {
    assert_right_or_reported(vec![rule(FaultKind::Latency(Duration::from_millis(150)))]).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn internal_errors_are_repeated() {
    assert_right_or_reported(vec![rule(FaultKind::Status500)]).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_asks_to_slow_down_is_obeyed() {
    let kind = FaultKind::SlowDown503 { retry_after_seconds: Some(1) };
    assert_right_or_reported(vec![rule(kind).times(30)]).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_before_anything_happens_are_repeated() {
    assert_right_or_reported(vec![rule(FaultKind::DropBefore)]).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_break_off_are_read_again() {
    assert_right_or_reported(vec![rule(FaultKind::DropBody { after: 1000 })]).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_end_early_without_a_word_are_read_again() {
    assert_right_or_reported(vec![rule(FaultKind::TruncateBody { missing: 1 })]).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_change_on_the_way_from_the_source_are_noticed() {
    assert_right_or_reported(vec![rule(FaultKind::CorruptBody).times(8)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_change_on_the_way_to_the_destination_are_sent_again() {
    assert_right_or_reported(vec![rule(FaultKind::CorruptUpload)]).await.assert_right();
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_of_any_kind_double_nothing() {
    assert_right_or_reported(vec![rule(FaultKind::LostReply)]).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_put_object_doubles_nothing() {
    let kind = rule(FaultKind::LostReply).on("PutObject").per_mille(500);
    let ending = assert_right_or_reported(vec![kind]).await.assert_nothing_doubled();
    // What is there is believed: no object was sent a second time.
    assert_eq!(ending.world.server.count("PutObject"), SMALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_create_leaves_no_upload_behind() {
    let kind = rule(FaultKind::LostReply).on("CreateMultipartUpload").per_mille(1000).times(3);
    assert_right_or_reported(vec![kind]).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_upload_part_costs_one_part_and_doubles_nothing() {
    let kind = rule(FaultKind::LostReply).on("UploadPart").per_mille(1000).times(5);
    let ending = assert_right_or_reported(vec![kind]).await.assert_nothing_doubled();
    assert_eq!(ending.world.server.count("UploadPart"), 2 * PARTS as u64 + 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_complete_doubles_nothing() {
    let kind = rule(FaultKind::LostReply).on("CompleteMultipartUpload").per_mille(1000).times(2);
    let ending = assert_right_or_reported(vec![kind]).await.assert_nothing_doubled();
    assert_eq!(accepted_parts(&ending.world.server.requests()).len(), 2 * PARTS);
    assert_eq!(ending.world.server.count("UploadPart"), 2 * PARTS as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_in_a_store_that_ignores_conditions_double_nothing() {
    let lost = rule(FaultKind::LostReply).in_bucket("dst");
    let ignored = FaultRule::new(FaultKind::IgnoreConditionalWrite);
    assert_right_or_reported(vec![lost, ignored]).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ignores_all_conditions_gets_the_right_bytes() {
    let ignored = [FaultKind::IgnoreConditionalWrite, FaultKind::IgnoreIfMatch].map(FaultRule::new);
    assert_right_or_reported(ignored.into()).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_never_come_are_given_up_and_repeated() {
    // Not Complete, whose answer may take S3 minutes and is waited for.
    let operations = ["ListObjectsV2", "HeadObject", "GetObject", "PutObject", "CreateMultipartUpload", "UploadPart"];
    let stalls = operations.map(|operation| rule(FaultKind::Stall).on(operation).times(4));
    assert_right_or_reported_with_patience(stalls.into(), 1).await.assert_right();
}

fn error(status: u16, code: &str) -> FaultRule {
    rule(FaultKind::ErrorCode { status, code: code.to_owned(), message: "as the test wishes".to_owned() })
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_pass_are_repeated() {
    let conflict = error(409, "ConditionalRequestConflict").on("PutObject");
    let timeout = error(400, "RequestTimeout").on("UploadPart");
    let unavailable = error(503, "ServiceUnavailable");
    assert_right_or_reported(vec![conflict, timeout, unavailable]).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_body_of_a_success_is_an_error() {
    let kind = error(200, "InternalError").on("CompleteMultipartUpload").per_mille(1000).times(3);
    assert_right_or_reported(vec![kind]).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_vanishes_is_begun_anew() {
    let kind = error(404, "NoSuchUpload").on("UploadPart").per_mille(1000).times(2);
    assert_right_or_reported(vec![kind]).await.assert_nothing_doubled();
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_stay_are_reported_and_stop_nothing_else() {
    for kind in [error(403, "AccessDenied").on("GetObject"), error(400, "InvalidRequest").on("PutObject")] {
        let ending = assert_right_or_reported(vec![kind]).await;
        let finished = ending.finished.assert_exit(2);
        let failed = finished.total("failed");
        assert!(failed > 0, "{}", finished.all());
        assert_eq!(finished.total("copied") + failed, SMALL + 2, "{}", finished.all());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_that_was_named_is_copied_though_the_first_look_at_it_fails() {
    let world = World::start(Options::default()).await;
    put_objects(&world, seed());
    let counter = world.server.faults().add(FaultRule::new(FaultKind::Status500).on("HeadObject").times(1));
    let finished = world.copy("s3://src/small/07", "s3://dst/there/").switch("--no-server-side").run().await;
    assert_eq!(counter.count(), 1);
    // Taken for a folder, it would be an empty one, and nothing to copy would be called a success.
    assert!(finished.code != Some(0) || world.there() == ["there/07"], "{}", finished.all());
}
