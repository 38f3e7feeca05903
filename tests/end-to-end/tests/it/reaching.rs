//! How stores are reached: through a proxy, with a CA of one's own, without credentials, for the right region; and the
//! operators' commands on them.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use end_to_end::World;
use test_s3::{Options, When};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::shared::{run, said};

/// A proxy that knows CONNECT and counts what goes through it.
async fn proxy() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let counter = counter.clone();
            tokio::spawn(async move { tunnel(client, &counter).await });
        }
    });
    (address, count)
}

async fn tunnel(client: TcpStream, counter: &AtomicUsize) -> Option<()> {
    let mut client = BufReader::new(client);
    let mut request = String::new();
    client.read_line(&mut request).await.ok()?;
    let target = request.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    let mut line = String::new();
    while client.read_line(&mut line).await.ok()? > 2 {
        line.clear();
    }
    counter.fetch_add(1, Ordering::Relaxed);
    let mut server = TcpStream::connect(target).await.ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.ok()?;
    Some(())
}

async fn world_over_tls() -> (World, String) {
    let world = World::start(Options { tls: true, ..Options::default() }).await;
    world.put("src", "a/b.txt", "over the line");
    let ca = world.path("ca.pem");
    fs::write(&ca, world.server.ca_pem().expect("a CA with TLS")).expect("a file");
    (world, ca.to_str().expect("a plain path").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_a_certificate_of_its_own_is_reached_with_its_ca_and_not_without() {
    let (world, ca) = world_over_tls().await;
    let trusting = world.haul().set("--ca-bundle", &ca).run().await.assert_exit(0);
    assert_eq!(trusting.total("copied"), 1);
    let by_variable = world.haul().set("--compare", "none").env("AWS_CA_BUNDLE", &ca).run().await.assert_exit(0);
    assert_eq!(by_variable.total("copied"), 1);
    world.haul().set("--max-retries", "0").run().await.assert_exit(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn https_proxy_is_honoured_and_no_proxy_too() {
    let (world, ca) = world_over_tls().await;
    let (address, count) = proxy().await;
    let cli = world.haul().set("--ca-bundle", &ca).env("HTTPS_PROXY", &address);
    cli.clone().run().await.assert_exit(0);
    let through = count.load(Ordering::Relaxed);
    assert!(through > 0, "nothing went through the proxy");
    cli.set("--compare", "none").env("NO_PROXY", "127.0.0.1").run().await.assert_exit(0);
    assert_eq!(count.load(Ordering::Relaxed), through, "the exception was not honoured");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_bucket_is_read_without_credentials() {
    let world = World::start(Options::default()).await;
    world.put("src", "open.txt", "for all");
    world.store().set_public("src", true);
    let folder = world.make_folder("there");
    let cli = world.copy("s3://src", &folder).switch("--no-sign-request");
    let cli = cli.env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "");
    cli.run().await.assert_exit(0);
    assert_eq!(fs::read(folder.join("open.txt")).expect("the copy"), b"for all");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_region_is_named_with_what_to_do() {
    let world = World::start(Options { region: Some("cn-northwest-1".into()), ..Options::default() }).await;
    world.put("src", "a", "b");
    let refused = world.haul().run().await.assert_exit(1);
    let all = refused.all();
    assert!(all.contains("--from-region") && all.contains("cn-northwest-1"), "{all}");
    let right = world.haul().set("--from-region", "cn-northwest-1").set("--to-region", "cn-northwest-1");
    right.run().await.assert_exit(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_uploads_are_listed_and_aborted_own_ones_first() {
    let world = World::start(Options::default()).await;
    world.store().put_synthetic_with_crc("src", "big", 1, 40 << 20);
    let hold = world.server.hold("CompleteMultipartUpload", When::BeforeEffect);
    let mut life = world.haul().spawn();
    life.until("Complete", hold.reached()).await;
    life.kill().await;
    // The held request never comes through.
    let (endpoint, ledger) = (world.server.endpoint(), world.ledger().display().to_string());
    let place = ["s3://dst", "--endpoint", &endpoint, "--ledger", &ledger];
    let list = run(&world, &[&["uploads", "list"][..], &place].concat());
    assert!(said(&list).contains("big") && said(&list).contains("1 unfinished"), "{}", said(&list));
    let status = run(&world, &["status", "--ledger", &ledger]);
    assert!(said(&status).contains("completing"), "{}", said(&status));
    let unasked = run(&world, &[&["uploads", "abort"][..], &place].concat());
    assert_eq!(unasked.status.code(), Some(1), "{}", said(&unasked));
    assert_eq!(world.store().uploads("dst").len(), 1, "aborted without a yes");
    let aborted = run(&world, &[&["uploads", "abort", "--yes"][..], &place].concat());
    assert_eq!(aborted.status.code(), Some(0), "{}", said(&aborted));
    assert_eq!(world.store().uploads("dst"), []);
    drop(hold);
    world.haul().run().await.assert_exit(0);
    assert_eq!(world.store().sha256("dst", "big"), world.store().sha256("src", "big"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ls_shows_every_key_and_completions_are_for_the_shell() {
    let world = World::start(Options::default()).await;
    for key in ["a//b", "ü", "dir/"] {
        world.put("src", key, "");
    }
    let listed = run(&world, &["ls", "s3://src", "--endpoint", &world.server.endpoint()]);
    for key in ["a//b", "ü", "dir/"] {
        assert!(said(&listed).contains(key), "{}", said(&listed));
    }
    assert!(said(&run(&world, &["completions", "bash"])).contains("_longhaul"));
}
