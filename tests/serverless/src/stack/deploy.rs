//! longhaul's template, deployed in an emulator with the binaries under test.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_s3::primitives::ByteStream;
use emulator::{Emulator, Python};
use serde_json::{Map, Value, json};

use crate::{
    cloud::Clients,
    lambda::{Answer, Program},
    stack::{deployable::deployable, template::Template},
};

const SCRIPT: &str = include_str!("stack.py");
const CODE_BUCKET: &str = "longhaul-code";
/// It takes a second or two.
const LIMIT: Duration = Duration::from_secs(120);

/// A deployed stack.
#[derive(Clone, Debug)]
pub struct Stack {
    python: Python,
    outputs: BTreeMap<String, String>,
    resources: BTreeMap<String, String>,
}

impl Stack {
    /// Deploys the template under this name, with these values of its parameters. What it needs beforehand, such as the
    /// credentials of the other account, is the test's to make. `src/stack/deployable.rs` tells what is left out.
    ///
    /// # Panics
    /// If the stack is not complete after two minutes, or the binaries are missing.
    pub async fn deploy(emulator: &Emulator, name: &str, parameters: &[(&str, &str)]) -> Self {
        let s3 = Clients::new(emulator).s3;
        s3.create_bucket().bucket(CODE_BUCKET).send().await.expect("a bucket for the code");
        for program in Program::ALL {
            let package = emulator.package(&program.binary()).await;
            put(&s3, &package_key(program), package).await;
        }
        let template = Template::read(emulator.python()).await;
        let code = |program| format!("s3://{CODE_BUCKET}/{}", package_key(program));
        let template = deployable(&template, parameters, code);
        // It is too long to be sent with the request.
        put(&s3, "template.json", template.to_string().into_bytes()).await;
        let created = create(emulator, name, parameters).await;
        check(&created, emulator);
        Self {
            python: emulator.python().clone(),
            outputs: texts(&created["outputs"]),
            resources: texts(&created["resources"]),
        }
    }

    /// The value of an output.
    ///
    /// # Panics
    /// If there is no such output.
    #[must_use]
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("no output {name} among {:?}", self.outputs))
    }

    /// The physical id of a resource.
    ///
    /// # Panics
    /// If there is no such resource.
    #[must_use]
    pub fn resource(&self, logical_id: &str) -> &str {
        self.resources.get(logical_id).unwrap_or_else(|| panic!("no resource {logical_id} among {:?}", self.resources))
    }

    /// The lines in a log group that are JSON objects. An invocation's lines are here once it has ended.
    pub async fn logs(&self, group: &str) -> Vec<Value> {
        let messages = self.run(&json!({ "do": "logs", "group": group })).await;
        let lines = messages.as_array().into_iter().flatten().filter_map(Value::as_str);
        lines.filter_map(|line| serde_json::from_str(line).ok()).filter(Value::is_object).collect()
    }

    /// Invokes a function and waits for what comes of it.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Answer {
        let mut answer = self.run(&json!({ "do": "invoke", "function": function, "payload": payload })).await;
        let payload = answer["payload"].take();
        if answer["error"].is_null() { Answer::Response(payload) } else { Answer::Error(payload) }
    }

    async fn run(&self, request: &Value) -> Value {
        self.python.run(SCRIPT, request).await
    }
}

fn package_key(program: Program) -> String {
    format!("{}.zip", program.name())
}

async fn put(s3: &aws_sdk_s3::Client, key: &str, bytes: Vec<u8>) {
    let put = s3.put_object().bucket(CODE_BUCKET).key(key).body(ByteStream::from(bytes)).send().await;
    put.unwrap_or_else(|error| panic!("{key} cannot be put into the emulator: {error:?}"));
}

async fn create(emulator: &Emulator, name: &str, parameters: &[(&str, &str)]) -> Value {
    let parameters: Map<String, Value> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let request = json!({
        "do": "create",
        "name": name,
        "template": format!("{}/{CODE_BUCKET}/template.json", emulator.endpoint()),
        "parameters": parameters,
        "seconds": LIMIT.as_secs(),
    });
    emulator.python().run(SCRIPT, &request).await
}

/// The end of the emulator's log is printed when it is dropped in a panic.
fn check(created: &Value, emulator: &Emulator) {
    let events = created["events"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let events: Vec<&str> = events.collect();
    let status = &created["status"];
    assert_eq!(status, "CREATE_COMPLETE", "on {}; what happened:\n{}", emulator.endpoint(), events.join("\n"));
}

fn texts(object: &Value) -> BTreeMap<String, String> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
