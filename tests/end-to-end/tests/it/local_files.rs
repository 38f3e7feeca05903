//! Files of this machine that are not what they say.

use end_to_end::World;
use test_s3::Options;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_says_it_is_empty_and_is_not_is_named_and_ends_the_run_with_an_error() {
    let world = World::start(Options::default()).await;
    let finished = world.copy("/proc/version", "s3://dst/there/").run().await.assert_exit(2);
    assert_eq!((finished.outcome("version"), finished.reason("version")), ("failed".into(), "unsupported".into()));
    assert_eq!(world.store().sha256("dst", "there/version"), None);
}
