//! Lambda's Runtime API: the four routes under `/2018-06-01/runtime/` that a function's process talks to.
//!
//! One API serves one process: what a killed process had in hand is never given to another by mistake.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use test_s3::connections::{accept, serve};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

use crate::{
    lambda::desk::{Accepted, Desk, Work},
    waiting::LIMIT,
};

/// The function that every invocation says it is.
pub const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:longhaul";

const PREFIX: &str = "/2018-06-01/runtime/";
const TRACE_ID: &str = "Root=1-00000000-000000000000000000000001;Parent=0000000000000001;Sampled=0";

/// What came of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// What the function returned.
    Response(Value),
    /// The function said that it failed, and how.
    Error(Value),
    /// Nothing came before the deadline.
    TimedOut,
    /// The process ended first.
    Exited,
}

impl Answer {
    /// What the function returned.
    ///
    /// # Panics
    /// If it returned nothing.
    #[must_use]
    pub fn response(self) -> Value {
        match self {
            Self::Response(value) => value,
            Self::Error(_) | Self::TimedOut | Self::Exited => panic!("the function did not respond: {self:?}"),
        }
    }
}

/// The API, and what it was told. Dropping it closes it.
#[derive(Debug)]
pub struct RuntimeApi {
    desk: Arc<Desk>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl RuntimeApi {
    /// Starts it on a free port of 127.0.0.1, on the runtime this is called in.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk::default());
        let served = Arc::clone(&desk);
        let accepting = tokio::spawn(accept(listener, move |stream| connection(stream, Arc::clone(&served))));
        Ok(Self { desk, address, accepting })
    }

    /// What the process finds in `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Puts work before the process, which has so long for it from the moment it takes it.
    #[must_use]
    pub fn begin(&self, payload: &Value, deadline: Duration) -> Invocation {
        let (took, taken) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let payload = Bytes::from(payload.to_string());
        let id = self.desk.offer(Work { payload, deadline, took, reply });
        Invocation { id, deadline, taken: Some(taken), answer }
    }

    /// Puts work before the process and waits for what comes of it.
    ///
    /// # Panics
    /// If the process does not take it within [`LIMIT`].
    pub async fn invoke(&self, payload: &Value, deadline: Duration) -> Answer {
        self.begin(payload, deadline).answer().await
    }

    /// When the process first asked for work: the end of its start.
    #[must_use]
    pub fn first_poll(&self) -> Option<Instant> {
        self.desk.first_poll()
    }

    /// Resolves when the process has asked for work.
    pub async fn polled(&self) {
        self.desk.polled().await;
    }

    /// The error with which the process said that it cannot start.
    #[must_use]
    pub fn init_error(&self) -> Option<Value> {
        self.desk.init_error()
    }

    /// Says that the process is no more: what it has not answered ends as [`Answer::Exited`], now and later.
    pub fn process_ended(&self) {
        self.desk.close();
    }

    pub(crate) fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Work that was put before a process.
#[derive(Debug)]
pub struct Invocation {
    id: String,
    deadline: Duration,
    taken: Option<oneshot::Receiver<()>>,
    answer: oneshot::Receiver<Answer>,
}

impl Invocation {
    /// The request id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Resolves when the process has taken the work, or has ended.
    ///
    /// # Panics
    /// If it does neither within [`LIMIT`].
    pub async fn taken(&mut self) {
        if let Some(taken) = &mut self.taken {
            let waited = timeout(LIMIT, taken).await;
            assert!(waited.is_ok(), "nobody asked for work within {LIMIT:?}");
            self.taken = None;
        }
    }

    /// Waits for what comes of it, at most to the deadline.
    ///
    /// # Panics
    /// If the process does not take the work within [`LIMIT`].
    pub async fn answer(mut self) -> Answer {
        self.taken().await;
        match timeout(self.deadline, self.answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Answer::Exited,
            Err(_) => Answer::TimedOut,
        }
    }
}

async fn connection(stream: TcpStream, desk: Arc<Desk>) {
    serve(stream, |request| route(&desk, request)).await;
}

async fn route(desk: &Desk, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route: Vec<&str> = path.strip_prefix(PREFIX).map(|rest| rest.split('/').collect()).unwrap_or_default();
    match (&method, route.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => Ok(next(desk).await),
        (&Method::POST, ["invocation", id, "response"]) => {
            Ok(accepted(desk.reply(id, Answer::Response(body(request).await?))))
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            Ok(accepted(desk.reply(id, Answer::Error(body(request).await?))))
        }
        (&Method::POST, ["init", "error"]) => {
            desk.cannot_start(body(request).await?);
            Ok(accepted(Accepted::Yes))
        }
        _ => Ok(response(StatusCode::NOT_FOUND, Bytes::new())),
    }
}

async fn next(desk: &Desk) -> Response<Full<Bytes>> {
    let assignment = desk.next().await;
    let mut response = response(StatusCode::OK, assignment.payload);
    let headers = [
        ("lambda-runtime-aws-request-id", assignment.id),
        ("lambda-runtime-deadline-ms", assignment.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", FUNCTION_ARN.to_owned()),
        ("lambda-runtime-trace-id", TRACE_ID.to_owned()),
    ];
    for (name, value) in headers {
        let value = HeaderValue::from_str(&value).expect("ids and numbers can be headers");
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}

fn accepted(accepted: Accepted) -> Response<Full<Bytes>> {
    match accepted {
        Accepted::Yes => response(StatusCode::ACCEPTED, json!({ "status": "OK" }).to_string().into()),
        Accepted::UnknownId => {
            let error = json!({ "errorMessage": "Invalid request ID", "errorType": "InvalidRequestID" });
            response(StatusCode::BAD_REQUEST, error.to_string().into())
        }
    }
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What is no JSON is kept as text.
async fn body(request: Request<Incoming>) -> Result<Value, hyper::Error> {
    let bytes = request.into_body().collect().await?.to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    Ok(serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
}
