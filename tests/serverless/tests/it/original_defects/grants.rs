//! Defect 12: "GET mode grants the wrong bucket." The emulator enforces no policies, so the template itself is read.

use std::collections::BTreeSet;

use serde_json::Value;
use serverless::Resolved;

use crate::template::template;

const BUCKETS: [&str; 2] = ["arn:aws:s3:::created", "arn:aws:s3:::given"];
const OBJECTS: [&str; 2] = ["arn:aws:s3:::created/*", "arn:aws:s3:::given/*"];

/// Where lists of keys are.
const LISTS: &str = "arn:aws:s3:::lists/daily/*";

/// A stack with a bucket that it creates and one that it is given.
fn stack(job_type: &str) -> [(&str, &str); 3] {
    [("JobType", job_type), ("NewBucketName", "created"), ("OwnBucketArns", BUCKETS[1])]
}

fn texts(value: &Value) -> BTreeSet<String> {
    let one_or_more = value.as_array().map_or_else(|| vec![value.clone()], Clone::clone);
    one_or_more.iter().map(|value| value.as_str().expect("a text").to_owned()).collect()
}

/// Every action on S3 that a policy allows, with what it is allowed on.
fn grants(policy: &Value) -> Vec<(String, BTreeSet<String>)> {
    let statements = policy["Statement"].as_array().expect("statements");
    let of_statement = |statement: &Value| {
        let resources = texts(&statement["Resource"]);
        texts(&statement["Action"]).into_iter().map(move |action| (action, resources.clone())).collect::<Vec<_>>()
    };
    let allowed = statements.iter().filter(|statement| statement["Effect"] == "Allow").flat_map(of_statement);
    allowed.filter(|(action, _)| action.starts_with("s3:")).collect()
}

/// What the worker may do with S3 in its own account.
fn of_the_worker(stack: &Resolved<'_>) -> Vec<(String, BTreeSet<String>)> {
    let role = stack.properties("WorkerRole");
    for policy in ["WorkerPolicy", "WorkerBucketsPolicy"] {
        let managed = texts(&role["ManagedPolicyArns"]);
        assert!(managed.contains(&format!("the {policy}")), "the worker's role lacks {policy}: {role}");
    }
    let policies = ["WorkerPolicy", "WorkerBucketsPolicy"].map(|policy| stack.properties(policy));
    policies.iter().flat_map(|policy| grants(&policy["PolicyDocument"])).collect()
}

/// What the jobsender may do with it.
fn of_the_jobsender(stack: &Resolved<'_>) -> Vec<(String, BTreeSet<String>)> {
    let role = stack.properties("JobsenderRole");
    let policies = role["Policies"].as_array().expect("policies");
    policies.iter().flat_map(|policy| grants(&policy["PolicyDocument"])).collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_12_in_get_mode_the_own_buckets_are_written_and_in_put_mode_read() {
    let Some(template) = template().await else { return };
    let writes = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
    let reads = ["s3:GetObject"];
    let get = ("GET", &writes[..], &["s3:GetObjectVersion"][..]);
    for (job_type, may, may_not) in [get, ("PUT", &reads[..], &writes[..])] {
        let parameters = stack(job_type);
        let stack = Resolved::new(&template, &parameters);
        let grants = of_the_worker(&stack);
        for action in may {
            let on: Vec<_> = grants.iter().filter(|(granted, _)| granted == action).map(|(_, on)| on.clone()).collect();
            assert_eq!(on, [set(&OBJECTS)], "{job_type}: {action}");
        }
        for action in may_not {
            assert!(!grants.iter().any(|(granted, _)| granted == action), "{job_type}: {action} is granted");
        }
        let list = ("s3:ListBucket".to_owned(), set(&BUCKETS));
        assert!(grants.contains(&list), "{job_type}: {grants:?}");
        for function in ["WorkerFunction", "JobsenderFunction"] {
            let variables = &stack.properties(function)["Environment"]["Variables"];
            assert_eq!(variables["JobType"], job_type, "{function}");
        }
        // Only a source tells of its new objects.
        let notified = &stack.properties("Bucket")["NotificationConfiguration"];
        assert_eq!(notified.is_object(), job_type == "PUT", "{job_type}: {notified}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_12_the_jobsender_lists_the_own_buckets_in_both_modes_and_writes_nothing() {
    let Some(template) = template().await else { return };
    for job_type in ["GET", "PUT"] {
        let grants = of_the_jobsender(&Resolved::new(&template, &stack(job_type)));
        assert_eq!(grants, [("s3:ListBucket".to_owned(), set(&BUCKETS))], "{job_type}");
    }
    // With none of its own it may do nothing with S3 at all.
    let bare = Resolved::new(&template, &[]);
    assert!(!bare.condition("HasOwnBuckets"));
    assert!(!bare.properties("JobsenderRole").to_string().contains("\"s3:"), "S3 is granted");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_key_lists_the_jobsender_reads_own_lists_in_put_mode_and_looks_at_own_objects_in_both() {
    let Some(template) = template().await else { return };
    for (job_type, reads_lists) in [("PUT", true), ("GET", false)] {
        let parameters = [&stack(job_type)[..], &[("KeyListArns", LISTS)]].concat();
        let grants = of_the_jobsender(&Resolved::new(&template, &parameters));
        let mut expected = vec![("s3:ListBucket".to_owned(), set(&BUCKETS))];
        if reads_lists {
            expected.push(("s3:GetObject".to_owned(), set(&[LISTS])));
        }
        expected.push(("s3:GetObject".to_owned(), set(&OBJECTS)));
        assert_eq!(grants, expected, "{job_type}");
    }
}
