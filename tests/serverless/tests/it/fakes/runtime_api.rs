//! The fake of the Runtime API itself, asked as a runtime asks it.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use serverless::{Answer, RuntimeApi};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const MINUTE: Duration = Duration::from_secs(60);

/// What was answered to a request.
struct Reply {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
}

async fn ask(api: &RuntimeApi, method: &str, path: &str, body: &str) -> Reply {
    let mut stream = TcpStream::connect(api.address()).await.unwrap();
    let head = format!("{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: runtime\r\nConnection: close\r\n");
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Reply { status, headers, body: serde_json::from_str(body).unwrap_or_default() }
}

async fn take(api: &RuntimeApi) -> (String, Reply) {
    let reply = ask(api, "GET", "invocation/next", "").await;
    (reply.headers["lambda-runtime-aws-request-id"].clone(), reply)
}

#[tokio::test]
async fn work_is_taken_with_its_deadline_and_answered() {
    let api = RuntimeApi::start().await.unwrap();
    let invocation = api.begin(&json!({ "a": 1 }), MINUTE);
    let (id, reply) = take(&api).await;
    assert_eq!((reply.status, reply.body), (200, json!({ "a": 1 })));
    assert_eq!(id, invocation.id());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let deadline: u128 = reply.headers["lambda-runtime-deadline-ms"].parse().unwrap();
    assert!((now + 50_000..=now + 60_000).contains(&deadline), "{deadline} is not a minute after {now}");
    let accepted = ask(&api, "POST", &format!("invocation/{id}/response"), "[2]").await;
    assert_eq!(accepted.status, 202);
    assert_eq!(invocation.answer().await, Answer::Response(json!([2])));
}

#[tokio::test]
async fn a_question_waits_until_there_is_work() {
    let api = RuntimeApi::start().await.unwrap();
    let work = async {
        api.polled().await;
        api.begin(&json!("late"), MINUTE)
    };
    let ((_, reply), _invocation) = tokio::join!(take(&api), work);
    assert_eq!(reply.body, json!("late"));
}

#[tokio::test]
async fn errors_are_told_apart_from_responses() {
    let api = RuntimeApi::start().await.unwrap();
    let invocation = api.begin(&json!(null), MINUTE);
    let (id, _) = take(&api).await;
    let error = json!({ "errorType": "Wrong", "errorMessage": "as the test wishes" });
    ask(&api, "POST", &format!("invocation/{id}/error"), &error.to_string()).await;
    assert_eq!(invocation.answer().await, Answer::Error(error));
}

#[tokio::test]
async fn an_answer_to_work_that_is_not_in_hand_is_refused() {
    let api = RuntimeApi::start().await.unwrap();
    let refused = ask(&api, "POST", "invocation/nobody/response", "null").await;
    assert_eq!((refused.status, refused.body["errorType"].as_str()), (400, Some("InvalidRequestID")));
    assert_eq!(ask(&api, "GET", "nowhere", "").await.status, 404);
}

#[tokio::test]
async fn an_error_at_the_start_is_kept() {
    let api = RuntimeApi::start().await.unwrap();
    let error = json!({ "errorType": "Runtime.InitError" });
    assert_eq!(ask(&api, "POST", "init/error", &error.to_string()).await.status, 202);
    assert_eq!(api.init_error(), Some(error));
}

#[tokio::test]
async fn work_ends_with_its_deadline_or_with_the_process() {
    let api = RuntimeApi::start().await.unwrap();
    let late = api.begin(&json!(null), Duration::from_millis(50));
    let (_, answer) = tokio::join!(take(&api), late.answer());
    assert_eq!(answer, Answer::TimedOut);
    let in_hand = api.begin(&json!(null), MINUTE);
    take(&api).await;
    let waiting = api.begin(&json!(null), MINUTE);
    api.process_ended();
    let after = api.begin(&json!(null), MINUTE);
    for invocation in [in_hand, waiting, after] {
        assert_eq!(invocation.answer().await, Answer::Exited);
    }
}
