//! The emulator itself: what is started here ends with its handle.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use emulator::{Emulator, required, required_python};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(30);

/// A function that never asks for work, and listens so that one can see whether it lives.
const IDLE: &str = "import os, socket, time
server = socket.create_server(('127.0.0.1', 0))
open(r'FILE.new', 'w').write(str(server.getsockname()[1]))
os.rename(r'FILE.new', r'FILE')
time.sleep(600)
";

/// Makes a function of a package and invokes it without waiting for it.
const INVOKE: &str = "import base64, boto3, json, sys
request = json.load(sys.stdin)
client = boto3.client('lambda')
client.create_function(FunctionName='idle', Runtime='provided.al2023', Handler='bootstrap',
    Role='arn:aws:iam::000000000000:role/idle', Code={'ZipFile': bytes(request)})
client.invoke(FunctionName='idle', InvocationType='Event', Payload=b'{}')
json.dump(None, sys.stdout)
";

async fn within<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < LIMIT, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn listens(port: u16) -> bool {
    TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).is_ok()
}

fn port_of(emulator: &Emulator) -> u16 {
    let endpoint = emulator.endpoint();
    let port = endpoint.rsplit(':').next().expect("an endpoint ends in a port");
    port.parse().expect("a port is a number")
}

/// Starts the idle function, and says where it listens.
async fn start_idle_function(emulator: &Emulator, folder: &Path) -> u16 {
    let python = emulator.python().run("import json, sys; json.dump(sys.executable, sys.stdout)", &json!(null)).await;
    let file = folder.join("port");
    let script = IDLE.replace("FILE", file.to_str().expect("a plain path"));
    let program = folder.join("program");
    fs::write(&program, format!("#!{}\n{script}", python.as_str().expect("a path"))).expect("a file can be written");
    let package = emulator.package(&program).await;
    emulator.python().run(INVOKE, &json!(package)).await;
    let port = within("the function runs", || fs::read_to_string(&file).ok()).await;
    port.parse().expect("a port is a number")
}

#[tokio::test]
async fn an_emulator_and_its_functions_end_with_the_handle() {
    let Some(emulator) = required().await else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ports = [port_of(&emulator), start_idle_function(&emulator, folder.path()).await];
    assert!(ports.into_iter().all(listens));
    drop(emulator);
    within("all have ended", || ports.into_iter().all(|port| !listens(port)).then_some(())).await;
}

#[tokio::test]
async fn emulators_started_at_once_are_apart() {
    const LIST: &str = "import boto3, json, sys
name = json.load(sys.stdin)
if name: boto3.client('sqs').create_queue(QueueName=name)
json.dump(boto3.client('sqs').list_queues().get('QueueUrls', []), sys.stdout)";
    let (Some(one), Some(other)) = tokio::join!(required(), required()) else { return };
    let queue = format!("{}/000000000000/queue", one.endpoint());
    assert_eq!(one.python().run(LIST, &json!("queue")).await, json!([queue]));
    assert_eq!(other.python().run(LIST, &json!("")).await, json!([]));
}

#[tokio::test]
async fn python_has_the_packages_that_tests_rely_on() {
    let Some(python) = required_python().await else { return };
    let script = "import json, boto3, yaml, samtranslator.yaml_helper; print(json.dumps('all there'))";
    assert_eq!(python.run(script, &json!(null)).await, json!("all there"));
}
