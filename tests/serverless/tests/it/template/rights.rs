//! Who may do what: each function through a role of its own, on what it works with and nothing more.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use serverless::Template;

use crate::template::{all_cases, functions, list, template};

/// What has no resource of its own that a policy could name.
const UNBOUND: [&str; 2] = ["xray:", "ec2:"];

/// The statements of all roles and policies that allow something.
fn allowed(template: &Template) -> Vec<&Value> {
    let inline = template.resources("AWS::IAM::Role").flat_map(|(_, role)| list(&role["Properties"]["Policies"]));
    let managed = template.resources("AWS::IAM::ManagedPolicy").map(|(_, policy)| &policy["Properties"]);
    let statements = inline.chain(managed).flat_map(|policy| all_cases(&policy["PolicyDocument"]["Statement"]));
    statements.filter(|statement| statement["Effect"] == "Allow").collect()
}

fn actions(statement: &Value) -> Vec<&str> {
    all_cases(&statement["Action"]).into_iter().filter_map(Value::as_str).collect()
}

/// All texts in a value, however deep.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text.as_str()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Objects of a bucket that is named are no wildcard, nor are the pieces that such names are joined of.
fn is_of_one_bucket(text: &str) -> bool {
    let rest = text.strip_suffix(',').unwrap_or(text);
    rest == "/*" || (rest.ends_with("/*") && rest.contains(":s3:::${") && !rest.contains(":::*"))
}

/// Any key of the account, but only through one service, and for one parameter.
fn is_key_of_the_credentials(statement: &Value, text: &str) -> bool {
    let condition = &statement["Condition"]["StringEquals"];
    let services = texts(&condition["kms:ViaService"]);
    let parameter = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/${SsmParameterCredentials}";
    text == "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/*"
        && !services.is_empty()
        && services.iter().all(|service| service.starts_with("ssm."))
        && condition["kms:EncryptionContext:PARAMETER_ARN"] == json!({ "Fn::Sub": parameter })
        && actions(statement) == ["kms:Decrypt"]
}

#[tokio::test]
async fn every_function_has_a_role_of_its_own_which_only_lambda_takes() {
    let Some(template) = template().await else { return };
    let functions = functions(&template);
    let role = |function: &Value| function["Role"]["Fn::GetAtt"][0].as_str().map(str::to_owned);
    let roles: BTreeSet<String> = functions.iter().filter_map(|(_, function)| role(function)).collect();
    assert_eq!(roles.len(), functions.len());
    let made: BTreeSet<String> = template.resources("AWS::IAM::Role").map(|(id, _)| id.to_owned()).collect();
    assert_eq!(roles, made);
    let lambda = json!([{
        "Effect": "Allow",
        "Principal": { "Service": "lambda.amazonaws.com" },
        "Action": "sts:AssumeRole",
    }]);
    for (id, role) in template.resources("AWS::IAM::Role") {
        assert_eq!(role["Properties"]["AssumeRolePolicyDocument"]["Statement"], lambda, "{id}");
    }
}

#[tokio::test]
async fn no_right_is_wider_than_what_it_is_for() {
    let Some(template) = template().await else { return };
    let allowed = allowed(&template);
    assert!(allowed.len() > 10, "only {} statements were found", allowed.len());
    for statement in allowed {
        let actions = actions(statement);
        assert!(!actions.is_empty() && !actions.iter().any(|action| action.contains('*')), "{statement}");
        assert!(statement["NotAction"].is_null() && statement["NotResource"].is_null(), "{statement}");
        if actions.iter().all(|action| UNBOUND.iter().any(|service| action.starts_with(service))) {
            continue;
        }
        for text in texts(&statement["Resource"]).into_iter().filter(|text| text.contains('*')) {
            let bounded = is_of_one_bucket(text) || is_key_of_the_credentials(statement, text);
            assert!(bounded, "{text} in {statement}");
        }
    }
}

/// The texts of an `Action` in one of both modes.
fn in_mode(statement: &Value, branch: usize) -> BTreeSet<&str> {
    let by_mode = &statement["Action"]["Fn::If"];
    assert_eq!(by_mode[0], "PutMode", "{statement}");
    all_cases(&by_mode[branch]).into_iter().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn own_buckets_are_only_read_in_put_mode_and_only_the_worker_writes_them_in_get_mode() {
    let Some(template) = template().await else { return };
    let writes = |action: &&str| ["s3:Put", "s3:Delete", "s3:Abort"].iter().any(|verb| action.starts_with(verb));
    let writing: Vec<&Value> =
        allowed(&template).into_iter().filter(|statement| actions(statement).iter().any(writes)).collect();
    let [objects] = writing.as_slice() else { panic!("{} statements allow to write", writing.len()) };
    assert!(in_mode(objects, 1).iter().all(|action| action.starts_with("s3:GetObject")), "{objects}");
    let in_get_mode =
        ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:GetObject", "s3:DeleteObject"];
    assert_eq!(in_mode(objects, 2), BTreeSet::from(in_get_mode));
    let workers = template.resources("AWS::IAM::ManagedPolicy").find(|(id, _)| *id == "WorkerBucketsPolicy");
    let statements = workers.map(|(_, policy)| all_cases(&policy["Properties"]["PolicyDocument"]["Statement"]));
    assert!(statements.is_some_and(|statements| statements.contains(objects)));
}

#[tokio::test]
async fn only_own_buckets_of_this_account_may_notify_the_queue_of_events() {
    let Some(template) = template().await else { return };
    let policies = template.resources("AWS::SQS::QueuePolicy");
    let statements = policies.flat_map(|(_, policy)| all_cases(&policy["Properties"]["PolicyDocument"]["Statement"]));
    let allowed: Vec<&Value> = statements.filter(|statement| statement["Effect"] == "Allow").collect();
    let [notify, passed_on] = allowed.as_slice() else { panic!("{} statements let others in", allowed.len()) };
    assert_eq!(passed_on["Principal"], json!({ "Service": ["sns.amazonaws.com", "events.amazonaws.com"] }));
    assert_eq!(passed_on["Condition"], json!({ "ArnLike": { "aws:SourceArn": { "Ref": "EventSourceArns" } } }));
    assert_eq!(notify["Principal"], json!({ "Service": "s3.amazonaws.com" }));
    assert_eq!(notify["Action"], "sqs:SendMessage");
    let condition = &notify["Condition"];
    assert_eq!(condition["StringEquals"]["aws:SourceAccount"], json!({ "Ref": "AWS::AccountId" }));
    let sources = texts(&condition["ArnLike"]["aws:SourceArn"]);
    assert!(sources.contains(&"arn:${AWS::Partition}:s3:::${NewBucketName}"), "{sources:?}");
    assert!(sources.contains(&"OwnBucketArns") && !sources.iter().any(|source| source.contains('*')), "{sources:?}");
}

#[tokio::test]
async fn the_jobsender_may_send_take_and_park_ranges() {
    let Some(template) = template().await else { return };
    let role = template.resources("AWS::IAM::Role").find(|(id, _)| *id == "JobsenderRole");
    let (_, role) = role.expect("there is a role of the jobsender");
    let policies = list(&role["Properties"]["Policies"]).into_iter();
    let statements: Vec<&Value> =
        policies.flat_map(|policy| all_cases(&policy["PolicyDocument"]["Statement"])).collect();
    let rights = |queue: &str| -> BTreeSet<&str> {
        let of_queue = statements.iter().filter(|statement| statement["Resource"] == crate::template::arn_of(queue));
        of_queue.flat_map(|statement| actions(statement)).collect()
    };
    let needed = ["Receive", "Delete", "Send"].map(|verb| format!("sqs:{verb}Message"));
    let ranges = rights("ScanQueue");
    assert!(needed.iter().all(|action| ranges.contains(action.as_str())), "{ranges:?}");
    assert!(ranges.contains("sqs:ChangeMessageVisibility") && ranges.contains("sqs:GetQueueAttributes"), "{ranges:?}");
    assert!(rights("ParkedQueue").contains("sqs:SendMessage"));
}
