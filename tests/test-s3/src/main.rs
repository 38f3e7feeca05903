//! The server as a program, for demonstrations and for tests in other languages.
//!
//! Prints one line of JSON that says where it listens, and serves until its standard input closes, so that it ends
//! with its parent, or until it is told to terminate.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use test_s3::{KeyShape, Options, Server, SyntheticKeys, Versioning};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

const USAGE: &str = "usage: test-s3 [--tls] [--cheap-etags] [--no-record] [--port N] [--bucket NAME]... \
[--discard NAME]... [--synthetic BUCKET/KEY=SIZE]... [--synthetic-keys BUCKET=COUNT[:DIFF_EVERY[:awkward]]]...";

/// What the command line asks for.
#[derive(Default)]
struct Arguments {
    options: Options,
    buckets: Vec<String>,
    discards: Vec<String>,
    objects: Vec<(String, String, u64)>,
    listings: Vec<(String, SyntheticKeys)>,
}

impl Arguments {
    /// `None` if the arguments make no sense.
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut parsed = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--tls" => parsed.options.tls = true,
                "--cheap-etags" => parsed.options.cheap_etags = true,
                "--no-record" => parsed.options.record = false,
                "--port" => parsed.options.port = arguments.next()?.parse().ok()?,
                "--bucket" => parsed.buckets.push(arguments.next()?),
                "--discard" => parsed.discards.push(arguments.next()?),
                "--synthetic" => parsed.objects.push(parse_object(&arguments.next()?)?),
                "--synthetic-keys" => parsed.listings.push(parse_listing(&arguments.next()?)?),
                _ => return None,
            }
        }
        Some(parsed)
    }
}

fn parse_object(text: &str) -> Option<(String, String, u64)> {
    let (name, size) = text.rsplit_once('=')?;
    let (bucket, key) = name.split_once('/')?;
    Some((bucket.to_owned(), key.to_owned(), size.parse().ok()?))
}

/// No key differs where `DIFF_EVERY` is 0.
fn parse_listing(text: &str) -> Option<(String, SyntheticKeys)> {
    let (bucket, described) = text.split_once('=')?;
    let mut described = described.split(':');
    let mut keys = SyntheticKeys::new(described.next()?.parse().ok()?);
    keys.differing_every = described.next().map(str::parse).transpose().ok()?;
    keys.shape = match described.next() {
        None => KeyShape::Numbered,
        Some("awkward") => KeyShape::Awkward,
        Some(_) => return None,
    };
    described.next().is_none().then(|| (bucket.to_owned(), keys))
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1)) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, USAGE));
    };
    let server = Server::start(arguments.options.clone()).await?;
    prepare(&server, &arguments);
    let ca = write_ca(&server)?;
    announce(&server, ca.as_ref())?;
    let end = until_told().await;
    server.stop().await;
    if let Some(path) = ca {
        std::fs::remove_file(path)?;
    }
    end
}

fn prepare(server: &Server, arguments: &Arguments) {
    let store = server.store();
    for bucket in &arguments.buckets {
        store.create_bucket(bucket, Versioning::Never);
    }
    for bucket in &arguments.discards {
        store.create_bucket(bucket, Versioning::Never);
        store.set_discard(bucket, true);
    }
    for (seed, (bucket, key, size)) in (1..).zip(&arguments.objects) {
        store.create_bucket(bucket, Versioning::Never);
        store.put_synthetic(bucket, key, seed, *size);
    }
    for (bucket, keys) in &arguments.listings {
        store.synthetic_keys(bucket, keys.clone());
    }
}

fn write_ca(server: &Server) -> io::Result<Option<PathBuf>> {
    let Some(pem) = server.ca_pem() else { return Ok(None) };
    let path = std::env::temp_dir().join(format!("test-s3-{}-{}.pem", std::process::id(), server.port()));
    std::fs::write(&path, pem)?;
    Ok(Some(path))
}

fn announce(server: &Server, ca: Option<&PathBuf>) -> io::Result<()> {
    let endpoint = server.endpoint();
    let mut out = io::stdout().lock();
    match ca {
        Some(path) => writeln!(out, "{{\"endpoint\":\"{endpoint}\",\"ca\":\"{}\"}}", path.display())?,
        None => writeln!(out, "{{\"endpoint\":\"{endpoint}\"}}")?,
    }
    out.flush()
}

async fn until_told() -> io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let (closed, input_closed) = oneshot::channel();
    // A thread of its own, because the runtime would wait for a read of its own that never ends.
    std::thread::spawn(move || {
        let read = io::copy(&mut io::stdin().lock(), &mut io::sink());
        // Nobody listens any more if the program is ending anyway.
        let _ = closed.send(read);
    });
    tokio::select! {
        _ = terminated.recv() => Ok(()),
        _ = interrupted.recv() => Ok(()),
        _ = input_closed => Ok(()),
    }
}
