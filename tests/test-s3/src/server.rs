//! The server: listens, serves connections, and ends with its handle.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    auth::{BucketRules, KeyPair, LocalHost},
    connections::{accept, serve},
    faults::Faults,
    front::Front,
    hold::{Hold, Holds, When},
    record::{Recorder, RequestRecord},
    service::Service,
    store::{Store, StoreOptions},
    tags::{Tagger, Tags},
    tls::Tls,
};

/// Whose behaviour is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Amazon S3.
    #[default]
    Aws,
    /// Google Cloud Storage: refuses trailers and checksum headers, ignores conditions on writes, knows no CRC64NVME.
    Gcs,
    /// A store that keeps conditions and knows no CRC64NVME.
    Plain,
    /// An emulator: keeps and repeats the checksums that it is sent, checks none, and computes none.
    Echo,
}

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Serve https with a certificate of [`Server::ca_pem`].
    pub tls: bool,
    /// The only access key that is known.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// When set, requests signed for another region are refused, and HeadBucket names it.
    pub region: Option<String>,
    /// 0 takes a free port.
    pub port: u16,
    /// Seeds faults and ids.
    pub seed: u64,
    /// The least size of a part that is not the last.
    pub min_part_size: u64,
    /// Whose behaviour is shown.
    pub dialect: Dialect,
    /// What its tags are.
    pub tags: Tags,
    /// Keep a record of every request.
    pub record: bool,
    /// Make ETags of the CRC64 instead of the MD5, which costs 1.7 seconds a GiB.
    pub cheap_etags: bool,
    /// A Complete of a completed upload succeeds again instead of answering NoSuchUpload.
    pub repeated_complete_succeeds: bool,
}

impl Default for Options {
    fn default() -> Self {
        let store = StoreOptions::default();
        Self {
            tls: false,
            access_key: "test".to_owned(),
            secret_key: "testsecret".to_owned(),
            region: None,
            port: 0,
            seed: store.seed,
            min_part_size: store.min_part_size,
            dialect: Dialect::Aws,
            tags: Tags::Md5,
            record: true,
            cheap_etags: store.cheap_etags,
            repeated_complete_succeeds: store.repeated_complete_succeeds,
        }
    }
}

/// A running server. Dropping it stops it.
pub struct Server {
    front: Arc<Front>,
    address: SocketAddr,
    ca_pem: Option<String>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Starts a server on 127.0.0.1, on the runtime this is called in.
    ///
    /// # Errors
    /// If the port is taken or no certificate can be made.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let tls = if options.tls { Some(Tls::new()?) } else { None };
        let (acceptor, ca_pem) = tls.map(|tls| (tls.acceptor, tls.ca_pem)).unzip();
        let front = Arc::new(front(options));
        let served = Arc::clone(&front);
        let serve = move |stream| connection(stream, acceptor.clone(), Arc::clone(&served));
        let accepting = tokio::spawn(accept(listener, serve));
        Ok(Self { front, address, ca_pem, accepting })
    }

    /// Such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The certificate authority to trust, when it serves https.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The objects behind it.
    #[must_use]
    pub fn store(&self) -> Arc<Store> {
        Arc::clone(&self.front.store)
    }

    /// The faults it injects.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.front.faults
    }

    /// Every request so far, in the order of arrival, if they are recorded.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.front.recorder.requests()
    }

    /// Forgets the requests and their counts.
    pub fn clear_requests(&self) {
        self.front.recorder.clear();
    }

    /// How many requests of the operation with this S3 name have arrived, recorded or not.
    #[must_use]
    pub fn count(&self, operation: &str) -> u64 {
        self.front.recorder.count(operation)
    }

    /// How many parts were stored so far, recorded or not.
    #[must_use]
    pub fn accepted_parts(&self) -> u64 {
        self.front.recorder.accepted_parts()
    }

    /// Resolves when so many parts were stored since the server began.
    pub async fn wait_for_parts(&self, count: u64) {
        self.front.recorder.wait_for_parts(count).await;
    }

    /// Resolves when `holds` is true of the requests recorded.
    pub async fn wait_for(&self, holds: impl FnMut(&[RequestRecord]) -> bool) {
        self.front.recorder.wait_for(holds).await;
    }

    /// Stops the next request of `operation` at this point.
    #[must_use]
    pub fn hold(&self, operation: &str, when: When) -> Hold {
        self.hold_after(operation, when, 0)
    }

    /// Stops a request of `operation` at this point once `passes` others have gone by.
    #[must_use]
    pub fn hold_after(&self, operation: &str, when: When, passes: u64) -> Hold {
        self.front.holds.add(operation, when, passes)
    }

    /// Closes the port and all connections, and waits until that is done.
    pub async fn stop(mut self) {
        self.accepting.abort();
        // It ends as cancelled, which is what was asked for.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn front(options: Options) -> Front {
    let store = Arc::new(Store::new(StoreOptions {
        seed: options.seed,
        min_part_size: options.min_part_size,
        cheap_etags: options.cheap_etags,
        repeated_complete_succeeds: options.repeated_complete_succeeds,
    }));
    let tags = Tagger::new(options.tags, options.seed);
    let service = Service::new(Arc::clone(&store), options.dialect, tags, options.region.clone());
    Front {
        service: s3_service(service, &store, options.access_key, options.secret_key),
        store,
        recorder: Arc::new(Recorder::new(options.record)),
        faults: Arc::new(Faults::new(options.seed)),
        holds: Holds::default(),
        dialect: options.dialect,
        region: options.region,
    }
}

fn s3_service(service: Service, store: &Arc<Store>, access_key: String, secret_key: String) -> S3Service {
    let mut builder = S3ServiceBuilder::new(service);
    builder.set_auth(KeyPair { access_key, secret_key });
    builder.set_access(BucketRules { store: Arc::clone(store) });
    builder.set_host(LocalHost);
    builder.build()
}

async fn connection(stream: TcpStream, acceptor: Option<TlsAcceptor>, front: Arc<Front>) {
    let answer = move |request| {
        let front = Arc::clone(&front);
        async move { front.handle(request).await }
    };
    match acceptor {
        None => serve(stream, answer).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, answer).await;
            }
        }
    }
}
