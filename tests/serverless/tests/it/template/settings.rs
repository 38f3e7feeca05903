//! Settings: every one of the original's has a parameter with the original's default, and reaches its function.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use serverless::Template;

use crate::template::{functions, template};

/// What the worker reads from its environment.
const WORKER: [&str; 27] = [
    "table_queue_name",
    "Des_bucket_default",
    "Des_prefix_default",
    "StorageClass",
    "ssm_parameter_credentials",
    "ssm_parameter_bucket",
    "ssm_parameter_ignore_list",
    "checkip_url",
    "JobType",
    "MaxRetry",
    "MaxThread",
    "MaxParallelFile",
    "JobTimeout",
    "UpdateVersionId",
    "GetObjectWithVersionId",
    "sqs_queue_events",
    "sqs_queue_jobs",
    "sqs_queue_segments",
    "sqs_queue_parked",
    "MaxReceives",
    "DeletePolicy",
    "ChunkSize",
    "SegmentSize",
    "MultipartThreshold",
    "Bandwidth",
    "Verify",
    "MarkCopies",
];

/// What the jobsender reads from its environment.
const JOBSENDER: [&str; 17] = [
    "sqs_queue",
    "sqs_queue_scan",
    "sqs_queue_parked",
    "table_queue_name",
    "ssm_parameter_bucket",
    "ssm_parameter_ignore_list",
    "ssm_parameter_credentials",
    "JobType",
    "MaxRetry",
    "StorageClass",
    "JobsenderCompareVersionId",
    "Compare",
    "ScanRanges",
    "GateMaxAgeHours",
    "MaxReceives",
    "JobTimeout",
    "MultipartThreshold",
];

/// The original's settings that are variables: their parameters, and their defaults.
const ORIGINAL: [(&str, &str, &str); 14] = [
    ("Des_bucket_default", "DesBucketDefault", ""),
    ("Des_prefix_default", "DesPrefixDefault", ""),
    ("StorageClass", "StorageClass", "STANDARD"),
    ("ssm_parameter_credentials", "SsmParameterCredentials", "s3_migration_credentials"),
    ("ssm_parameter_bucket", "SsmParameterBucket", "s3_migration_bucket_para"),
    ("ssm_parameter_ignore_list", "SsmParameterIgnoreList", "s3_migrate_ignore_list"),
    ("checkip_url", "CheckipUrl", ""),
    ("JobType", "JobType", "PUT"),
    ("MaxRetry", "MaxRetry", "20"),
    ("MaxThread", "MaxThread", "50"),
    ("MaxParallelFile", "MaxParallelFile", "1"),
    ("JobTimeout", "JobTimeout", "870"),
    ("UpdateVersionId", "UpdateVersionId", "False"),
    ("GetObjectWithVersionId", "GetObjectWithVersionId", "False"),
];

/// Those that are none, or not the worker's.
const ORIGINAL_STACK: [(&str, &str); 5] = [
    ("JobsenderCompareVersionId", "False"),
    ("MaxReceives", "60"),
    ("MemorySize", "1024"),
    ("ScheduleExpression", "rate(1 hour)"),
    ("MetricNamespace", "s3_migrate"),
];

/// The variables of a function.
fn environment<'a>(template: &'a Template, id: &str) -> BTreeMap<&'a str, &'a Value> {
    let function = functions(template).into_iter().find(|(function, _)| *function == id);
    let (_, properties) = function.unwrap_or_else(|| panic!("there is no {id}"));
    let variables = properties["Environment"]["Variables"].as_object().into_iter().flatten();
    variables.map(|(name, value)| (name.as_str(), value)).collect()
}

fn default(template: &Template, parameter: &str) -> Option<String> {
    match &template.json()["Parameters"][parameter]["Default"] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[tokio::test]
async fn every_function_has_all_variables_that_it_reads() {
    let Some(template) = template().await else { return };
    for (id, wanted) in [("WorkerFunction", WORKER.as_slice()), ("JobsenderFunction", JOBSENDER.as_slice())] {
        let given = environment(&template, id);
        let missing: Vec<_> = wanted.iter().filter(|name| !given.contains_key(**name)).collect();
        assert!(missing.is_empty(), "{id} lacks {missing:?}");
    }
}

#[tokio::test]
async fn every_setting_of_the_original_is_a_parameter_with_its_default() {
    let Some(template) = template().await else { return };
    let variables = environment(&template, "WorkerFunction");
    for (variable, parameter, value) in ORIGINAL {
        assert_eq!(variables.get(variable), Some(&&json!({ "Ref": parameter })));
        assert_eq!(default(&template, parameter).as_deref(), Some(value), "{parameter}");
    }
    for (parameter, value) in ORIGINAL_STACK {
        assert_eq!(default(&template, parameter).as_deref(), Some(value), "{parameter}");
    }
    let variables = environment(&template, "JobsenderFunction");
    assert_eq!(variables["JobsenderCompareVersionId"], &json!({ "Ref": "JobsenderCompareVersionId" }));
    for parameter in ["JobsenderCompareVersionId", "UpdateVersionId", "GetObjectWithVersionId"] {
        assert_eq!(template.json()["Parameters"][parameter]["AllowedValues"], json!(["True", "False"]), "{parameter}");
    }
}

#[tokio::test]
async fn the_credentials_are_never_in_the_template() {
    let Some(template) = template().await else { return };
    let made = template.resources("AWS::SSM::Parameter").map(|(_, parameter)| &parameter["Properties"]["Name"]);
    let made: BTreeSet<String> = made.map(Value::to_string).collect();
    let named = ["SsmParameterBucket", "SsmParameterIgnoreList"].map(|name| json!({ "Ref": name }));
    let stack = json!({ "Fn::Sub": "/longhaul/${AWS::StackName}" });
    assert_eq!(made, named.into_iter().chain([stack]).map(|name| name.to_string()).collect::<BTreeSet<_>>());
}

/// The commands read this parameter instead of the functions' environments.
#[tokio::test]
async fn what_the_commands_read_is_what_the_functions_have() {
    let Some(template) = template().await else { return };
    let parameter = template.resources("AWS::SSM::Parameter").find(|(id, _)| *id == "StackParameter");
    let (_, parameter) = parameter.expect("there is a parameter of the stack");
    let text = parameter["Properties"]["Value"]["Fn::Sub"][0].as_str().expect("a text with names in it");
    let stack: Value = serde_json::from_str(text).expect("JSON, whatever the names stand for");
    assert_eq!(stack["version"], 1);
    for (name, id) in [("worker", "WorkerFunction"), ("jobsender", "JobsenderFunction")] {
        let told: BTreeMap<&str, Value> =
            stack[name].as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let reference = |value: &Value| value["Ref"].as_str().map(|named| json!(format!("${{{named}}}")));
        let given = environment(&template, id).into_iter();
        let given: BTreeMap<&str, Value> =
            given.map(|(name, value)| (name, reference(value).unwrap_or_else(|| value.clone()))).collect();
        assert_eq!(told, given, "{id}");
    }
}
