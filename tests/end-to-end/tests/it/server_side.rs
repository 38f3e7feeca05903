//! Objects beyond what CopyObject takes are copied part by part inside the store, and no byte passes through here.

use end_to_end::World;
use test_s3::Options;

#[tokio::test(flavor = "multi_thread")]
async fn an_object_beyond_5_gib_is_copied_in_parts_inside_the_store() {
    let world = World::start(Options { cheap_etags: true, ..Options::default() }).await;
    world.store().put_synthetic("src", "giant", 7, 6 << 30);
    world.store().set_discard("dst", true);
    let finished =
        world.copy("s3://src/giant", "s3://dst/giant").set("--part-size", "512MiB").run().await.assert_exit(0);
    let server = &world.server;
    assert_eq!(server.count("UploadPartCopy"), 12);
    assert_eq!((server.count("GetObject"), server.count("UploadPart"), server.count("CopyObject")), (0, 0, 0));
    let copy = world.store().get("dst", "giant").expect("the copy");
    assert_eq!(copy.size(), 6 << 30);
    // Nobody here has read a byte, and the source names no checksum: more than the size cannot be claimed.
    assert_eq!(finished.line("giant")["proof"]["level"], "size-only", "{}", finished.all());
}
