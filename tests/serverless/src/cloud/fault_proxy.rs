//! A proxy before one service of the emulator: it remembers what was asked, and treats chosen requests badly.
//!
//! SQS, DynamoDB and SSM all speak JSON in POST requests whose `x-amz-target` names the operation. The emulator checks
//! no signatures, so that a request may be changed on its way.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    client,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue},
    http::request::Parts,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use test_s3::connections::{accept, serve};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What is done with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Treatment {
    /// It is passed on, with the changes that were made to it.
    PassOn,
    /// The entries with these ids are not passed on; the answer names them as failed, with this code.
    FailEntries {
        /// The ids.
        ids: Vec<String>,
        /// The code, such as `InternalError`.
        code: String,
        /// Whose fault it is said to be.
        blame: Blame,
    },
    /// It is not passed on, and answered with this.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The body; an error has its name in `__type`.
        body: Value,
    },
}

/// Whose fault a failed entry is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The caller's: to send it again is useless.
    Sender,
    /// The service's.
    Service,
}

/// A request, as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The operation, such as `PutItem`.
    pub operation: String,
    /// The body.
    pub body: Value,
}

type Treat = Box<dyn FnMut(&mut Value) -> Treatment + Send>;

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    rules: Vec<(String, Treat)>,
}

struct Proxy {
    upstream: String,
    state: Mutex<State>,
}

/// The proxy. Dropping it closes it.
pub struct FaultProxy {
    proxy: Arc<Proxy>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts it on a free port of 127.0.0.1, before the emulator at this endpoint.
    ///
    /// # Panics
    /// If there is no free port, or the endpoint is none.
    pub async fn start(endpoint: &str) -> Self {
        let upstream = endpoint.strip_prefix("http://").expect("the emulator speaks http").to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let proxy = Arc::new(Proxy { upstream, state: Mutex::default() });
        let served = Arc::clone(&proxy);
        let accepting = tokio::spawn(accept(listener, move |stream| connection(stream, Arc::clone(&served))));
        Self { proxy, address, accepting }
    }

    /// What stands in `AWS_ENDPOINT_URL_SQS` and the like.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in the order of arrival.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.proxy.state().asked.clone()
    }

    /// The bodies of the requests of one operation.
    #[must_use]
    pub fn bodies(&self, operation: &str) -> Vec<Value> {
        let asked = self.asked().into_iter().filter(|asked| asked.operation == operation);
        asked.map(|asked| asked.body).collect()
    }

    /// Lets `treat` change every request of this operation and say what is done with it. The first rule of an operation
    /// counts.
    pub fn treat(&self, operation: &str, treat: impl FnMut(&mut Value) -> Treatment + Send + 'static) {
        self.proxy.state().rules.push((operation.to_owned(), Box::new(treat)));
    }

    /// Fails, so many times, the entries of `SendMessageBatch` whose body holds this text.
    pub fn fail_entries(&self, text: &str, code: &str, blame: Blame, times: u32) {
        let (text, code, mut left) = (text.to_owned(), code.to_owned(), times);
        self.treat("SendMessageBatch", move |request| {
            let ids = ids_of_entries(request, &text);
            if ids.is_empty() || left == 0 {
                return Treatment::PassOn;
            }
            left -= 1;
            Treatment::FailEntries { ids, code: code.clone(), blame }
        });
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn treatment(&self, operation: &str, body: &mut Value) -> Treatment {
        let mut state = self.state();
        state.asked.push(Asked { operation: operation.to_owned(), body: body.clone() });
        let rule = state.rules.iter_mut().find(|(of, _)| of == operation);
        rule.map_or(Treatment::PassOn, |(_, treat)| treat(body))
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let mut body = serde_json::from_slice(&bytes).unwrap_or_default();
        match self.treatment(&operation(&parts), &mut body) {
            Treatment::PassOn => self.pass_on(parts, body).await,
            Treatment::Answer { status, body } => Ok(answer(status, &body)),
            Treatment::FailEntries { ids, code, blame } => {
                let failed = take_entries(&mut body, &ids, &code, blame);
                if body["Entries"].as_array().is_none_or(Vec::is_empty) {
                    return Ok(answer(200, &json!({ "Successful": [], "Failed": failed })));
                }
                let (parts, bytes) = self.pass_on(parts, body).await?.into_parts();
                let bytes = bytes.collect().await.map_or_else(|never| match never {}, |all| all.to_bytes());
                let mut told: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                told["Failed"] = Value::Array(failed);
                Ok(answer(parts.status.as_u16(), &told))
            }
        }
    }

    async fn pass_on(&self, mut parts: Parts, body: Value) -> Result<Response<Full<Bytes>>, hyper::Error> {
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.insert(HOST, HeaderValue::from_str(&self.upstream).expect("a host and a port"));
        let Ok(stream) = TcpStream::connect(&self.upstream).await else {
            return Ok(answer(502, &json!({ "__type": "ServiceUnavailable" })));
        };
        let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer, since nothing else is asked over it.
        tokio::spawn(connection);
        let request = Request::from_parts(parts, Full::new(Bytes::from(body.to_string())));
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let bytes = body.collect().await?.to_bytes();
        Ok(Response::from_parts(parts, Full::new(bytes)))
    }
}

fn operation(parts: &Parts) -> String {
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

fn ids_of_entries(request: &Value, text: &str) -> Vec<String> {
    let entries = request["Entries"].as_array().into_iter().flatten();
    let named = entries.filter(|entry| entry["MessageBody"].as_str().is_some_and(|body| body.contains(text)));
    named.filter_map(|entry| entry["Id"].as_str().map(str::to_owned)).collect()
}

/// Takes these entries out of a batch, and gives what the answer says of them.
fn take_entries(request: &mut Value, ids: &[String], code: &str, blame: Blame) -> Vec<Value> {
    let is_taken = |entry: &Value| entry["Id"].as_str().is_some_and(|id| ids.iter().any(|taken| taken == id));
    if let Some(entries) = request["Entries"].as_array_mut() {
        entries.retain(|entry| !is_taken(entry));
    }
    let (message, by_sender) = ("as the test wishes", blame == Blame::Sender);
    let failed = |id: &String| json!({ "Id": id, "Code": code, "Message": message, "SenderFault": by_sender });
    ids.iter().map(failed).collect()
}

fn answer(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status of HTTP");
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}

async fn connection(stream: TcpStream, proxy: Arc<Proxy>) {
    serve(stream, |request| proxy.handle(request)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_entry_is_taken_out_of_the_batch_and_named_in_the_answer() {
        let entry = |id: &str, body: &str| json!({ "Id": id, "MessageBody": body });
        let mut request = json!({ "QueueUrl": "q", "Entries": [entry("0", "a"), entry("1", "b")] });
        let ids = ids_of_entries(&request, "b");
        let failed = take_entries(&mut request, &ids, "InternalError", Blame::Service);
        assert_eq!(request, json!({ "QueueUrl": "q", "Entries": [entry("0", "a")] }));
        assert_eq!((&failed[0]["Id"], &failed[0]["SenderFault"]), (&json!("1"), &json!(false)));
    }
}
