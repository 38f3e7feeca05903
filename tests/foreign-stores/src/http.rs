//! Plain requests without a signature.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{net::TcpStream, task::JoinSet};

/// All but what separates the parts of a key.
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/');

/// What a store answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// A connection to a store.
#[derive(Debug)]
pub struct Connection {
    host: String,
    sender: SendRequest<Full<Bytes>>,
    // Moves the bytes for as long as the connection is held.
    _driver: JoinSet<()>,
}

impl Connection {
    /// Connects to an endpoint such as `http://127.0.0.1:8333`.
    ///
    /// # Panics
    /// If nobody listens there.
    pub async fn open(endpoint: &str) -> Self {
        let host = endpoint.strip_prefix("http://").expect("a test's endpoint is plain http").to_owned();
        let stream = TcpStream::connect(&host).await.unwrap_or_else(|error| panic!("{endpoint}: {error}"));
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a connection that is open");
        let mut driver = JoinSet::new();
        driver.spawn(async {
            // Whoever waits for an answer is told of the end too.
            let _ = connection.await;
        });
        Self { host, sender, _driver: driver }
    }

    /// Sends a request, and reads the answer to its end.
    ///
    /// # Panics
    /// If the request cannot be sent, or the answer breaks off.
    pub async fn ask(&mut self, method: Method, path: &str, body: Bytes) -> Answer {
        let request = Request::builder().method(method).uri(path).header("host", &self.host);
        let request = request.body(Full::new(body)).expect("a request with a plain path");
        let sender = &mut self.sender;
        let exchange = async {
            sender.ready().await?;
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            Ok::<_, hyper::Error>(Answer { status, body: answer.into_body().collect().await?.to_bytes() })
        };
        exchange.await.unwrap_or_else(|error| panic!("{}{path}: {error}", self.host))
    }
}

/// The path of an object.
#[must_use]
pub fn path(bucket: &str, key: &str) -> String {
    format!("/{bucket}/{}", utf8_percent_encode(key, IN_PATHS))
}
