//! Who may give orders to the stack, by the policies of its queues and of its key.

use serverless::{ACCOUNT, Request, Resolved, Template, Verdict, verdict};

use crate::template::template;

const QUEUES: [&str; 5] = ["EventsQueue", "JobsQueue", "SegmentsQueue", "ScanQueue", "ParkedQueue"];
const SEND: &str = "sqs:SendMessage";
const DECRYPT: &str = "kms:Decrypt";
const OPERATOR: &str = "arn:aws:iam::111122223333:role/operators";
const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:uploads";
const PARAMETERS: [(&str, &str); 5] = [
    ("NewBucketName", "new-bucket"),
    ("OwnBucketArns", "arn:aws:s3:::old-bucket"),
    ("OperatorPrincipals", "arn:aws:iam::111122223333:user/ann,arn:aws:iam::111122223333:role/operators"),
    (
        "EventSourceArns",
        "arn:aws:sns:us-east-1:111122223333:uploads,arn:aws:events:us-east-1:111122223333:rule/uploads",
    ),
    ("SsmParameterCredentials", "s3_migration_credentials"),
];

/// What the policy of each queue says to a request.
fn of_queues(resolved: &Resolved<'_>, request: &Request) -> Vec<Verdict> {
    let policy = |queue: &&str| resolved.properties(&format!("{queue}Policy"))["PolicyDocument"].clone();
    QUEUES.iter().map(|queue| verdict(&policy(queue), request)).collect()
}

fn principal(arn: &str) -> Request {
    Request::of_principal(SEND, arn)
}

fn stack_roles(resolved: &Resolved<'_>) -> Vec<String> {
    let of_fleet = format!("arn:aws:iam::{ACCOUNT}:role/longhaul/longhaul/fleet-Role-0A1B2C");
    vec![resolved.arn("WorkerRole"), resolved.arn("JobsenderRole"), of_fleet]
}

#[tokio::test]
async fn nobody_sends_but_the_roles_of_the_stack_and_its_operators() {
    let Some(template) = template().await else { return };
    for parameters in [&PARAMETERS[..], &PARAMETERS[..2]] {
        let resolved = Resolved::new(&template, parameters);
        for arn in stack_roles(&resolved) {
            assert_eq!(of_queues(&resolved, &principal(&arn)), [Verdict::Silent; 5], "{arn}");
        }
        let operator = if parameters.len() > 2 { Verdict::Silent } else { Verdict::Denied };
        for arn in [OPERATOR, "arn:aws:iam::111122223333:user/ann"] {
            assert_eq!(of_queues(&resolved, &principal(arn)), [operator; 5], "{arn}");
        }
        let strangers = [
            "arn:aws:iam::111122223333:role/administrators",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:role/longhaul/other/fleet-Role-0A1B2C",
            "arn:aws:iam::111122223333:role/operators-of-others",
            "arn:aws:iam::444455556666:role/operators",
            "arn:aws:iam::444455556666:role/longhaul/longhaul/fleet-Role-0A1B2C",
        ];
        for arn in strangers {
            assert_eq!(of_queues(&resolved, &principal(arn)), [Verdict::Denied; 5], "{arn}");
        }
        assert_eq!(of_queues(&resolved, &Request::anonymous(SEND)), [Verdict::Denied; 5]);
    }
}

#[tokio::test]
async fn services_send_events_only_and_only_for_what_is_named() {
    let Some(template) = template().await else { return };
    let resolved = Resolved::new(&template, &PARAMETERS);
    let service =
        |name: &str, source: &str| Request::of_service(SEND, &format!("{name}.amazonaws.com"), ACCOUNT, source);
    let only_events = [Verdict::Allowed, Verdict::Silent, Verdict::Silent, Verdict::Silent, Verdict::Silent];
    let allowed = [
        ("s3", "arn:aws:s3:::new-bucket"),
        ("s3", "arn:aws:s3:::old-bucket"),
        ("sns", TOPIC),
        ("events", "arn:aws:events:us-east-1:111122223333:rule/uploads"),
    ];
    for (name, source) in allowed {
        assert_eq!(of_queues(&resolved, &service(name, source)), only_events, "{name} for {source}");
    }
    let refused = [
        ("s3", "arn:aws:s3:::foreign-bucket"),
        ("sns", "arn:aws:sns:us-east-1:111122223333:others"),
        ("sns", "arn:aws:sns:us-east-1:444455556666:uploads"),
        ("events", "arn:aws:events:us-east-1:111122223333:rule/uploads-of-others"),
        ("lambda", TOPIC),
    ];
    for (name, source) in refused {
        assert_eq!(of_queues(&resolved, &service(name, source)), [Verdict::Silent; 5], "{name} for {source}");
    }
    let foreign = service("s3", "arn:aws:s3:::old-bucket").with("aws:SourceAccount", "444455556666");
    assert_eq!(of_queues(&resolved, &foreign), [Verdict::Silent; 5], "a bucket of another account");
    let in_get_mode = [("JobType", "GET"), PARAMETERS[1], PARAMETERS[3]];
    let none = Resolved::new(&template, &in_get_mode);
    for (name, source) in allowed {
        assert_eq!(of_queues(&none, &service(name, source)), [Verdict::Silent; 5], "{name} in GET mode");
    }
}

#[tokio::test]
async fn nobody_sends_without_tls() {
    let Some(template) = template().await else { return };
    let resolved = Resolved::new(&template, &PARAMETERS);
    let worker = principal(&resolved.arn("WorkerRole")).with("aws:SecureTransport", "false");
    let bucket = Request::of_service(SEND, "s3.amazonaws.com", ACCOUNT, "arn:aws:s3:::old-bucket");
    for request in [worker, bucket.with("aws:SecureTransport", "false")] {
        assert_eq!(of_queues(&resolved, &request), [Verdict::Denied; 5]);
    }
}

/// What the policy of the key says to a use of it by SSM, for the credentials.
fn of_key(template: &Template, request: Request) -> Verdict {
    let resolved = Resolved::new(template, &PARAMETERS);
    verdict(&resolved.properties("CredentialsKey")["KeyPolicy"], &request)
}

fn by_ssm(action: &str, arn: &str) -> Request {
    let parameter = format!("arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/s3_migration_credentials");
    let request = Request::of_principal(action, arn).with("kms:ViaService", "ssm.us-east-1.amazonaws.com");
    request.with("kms:EncryptionContext:PARAMETER_ARN", &parameter)
}

#[tokio::test]
async fn only_the_stack_and_its_operators_read_the_credentials_and_only_through_the_parameter_store() {
    let Some(template) = template().await else { return };
    let mut readers = stack_roles(&Resolved::new(&template, &PARAMETERS));
    // A stack of this name that was deleted and made again finds the same SecureString, and has roles with other names.
    let again = ["Worker", "Jobsender"].map(|name| format!("arn:aws:iam::{ACCOUNT}:role/longhaul-{name}Role-9Z8Y7X"));
    readers.extend([OPERATOR.to_owned()].into_iter().chain(again));
    for arn in &readers {
        assert_eq!(of_key(&template, by_ssm(DECRYPT, arn)), Verdict::Allowed, "{arn}");
        let direct = Request::of_principal(DECRYPT, arn);
        assert_eq!(of_key(&template, direct), Verdict::Silent, "{arn}, without SSM");
        let other = format!("arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/other");
        let other = by_ssm(DECRYPT, arn).with("kms:EncryptionContext:PARAMETER_ARN", &other);
        assert_eq!(of_key(&template, other), Verdict::Silent, "{arn}, another parameter");
    }
    let administrator = "arn:aws:iam::111122223333:role/administrators";
    assert_eq!(of_key(&template, by_ssm(DECRYPT, administrator)), Verdict::Silent);
    // Whoever deploys puts them, and administrators manage the key.
    assert_eq!(of_key(&template, by_ssm("kms:Encrypt", administrator)), Verdict::Allowed);
    for action in ["kms:PutKeyPolicy", "kms:DescribeKey", "kms:ScheduleKeyDeletion"] {
        assert_eq!(of_key(&template, Request::of_principal(action, administrator)), Verdict::Allowed, "{action}");
    }
    for action in ["kms:Encrypt", "kms:CreateGrant", "kms:ReEncryptFrom", "kms:GenerateDataKey"] {
        assert_eq!(of_key(&template, Request::of_principal(action, administrator)), Verdict::Silent, "{action}");
    }
}

#[tokio::test]
async fn the_key_of_the_credentials_outlives_the_stack() {
    let Some(template) = template().await else { return };
    let key = &template.json()["Resources"]["CredentialsKey"];
    assert_eq!(
        (&key["DeletionPolicy"], &key["UpdateReplacePolicy"]),
        (&"RetainExceptOnCreate".into(), &"Retain".into())
    );
    assert_eq!(key["Properties"]["EnableKeyRotation"], true);
}
