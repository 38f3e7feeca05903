//! The walk: what a newcomer types, and why.

use emulator::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use serverless::{OTHER_ACCESS_KEY_ID, OTHER_REGION, OTHER_SECRET_ACCESS_KEY};

use crate::place::{NEW, NEW_COPIES, OLD, OLD_COPIES, Place, STACK, THEIRS};

/// The object that the walk begins with.
pub const HELLO: &str = "hello.txt";
/// What it holds, without the end of its line.
pub const GREETING: &str = "Hello, other account";
/// A message that no worker understands.
pub const NONSENSE: &str = "this is no job";

/// One step of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An object is put into the new bucket.
    Put,
    /// Its copy is in the other account.
    Copied,
    /// The jobsender finds what was there before.
    Compare,
    /// The table remembers every copy.
    Table,
    /// What cannot succeed is parked.
    Parked,
    /// The log tells of every object.
    Log,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 6] = [Self::Put, Self::Copied, Self::Compare, Self::Table, Self::Parked, Self::Log];

    /// What it shows.
    fn words(self) -> String {
        match self {
            Self::Put => format!("Put a file into your bucket {NEW}. S3 notifies the queue, and a worker copies it."),
            Self::Copied => {
                format!("A moment later its copy is in {THEIRS} of the other account, with keys of its own.")
            }
            Self::Compare => format!(
                "What was in {OLD} before arrives by a comparison: every minute here, every hour by default, or now. \
                 The file notes.tmp stays where it is, since the ignore list says *.tmp."
            ),
            Self::Table => {
                "The table remembers every copy: state, size, source, destination, version of the source.".into()
            }
            Self::Parked => {
                "What cannot succeed is parked with its reason, never lost. Send the workers nonsense.".into()
            }
            Self::Log => {
                "The log has one line of JSON for each object; the dashboard's metrics are made of these.".into()
            }
        }
    }

    /// What to type.
    fn commands(self, place: &Place) -> Vec<String> {
        let aws = format!("aws --endpoint-url {}", place.endpoint());
        let theirs = format!(
            "AWS_ACCESS_KEY_ID={OTHER_ACCESS_KEY_ID} AWS_SECRET_ACCESS_KEY={OTHER_SECRET_ACCESS_KEY} \
             aws --endpoint-url {} --region {OTHER_REGION}",
            place.other.endpoint()
        );
        let output = |name: &str| place.stack.output(name);
        match self {
            Self::Put => {
                vec![format!("echo '{GREETING}' > {HELLO}"), format!("{aws} s3 cp {HELLO} s3://{NEW}/{HELLO}")]
            }
            Self::Copied => vec![
                format!("{theirs} s3 ls --recursive s3://{THEIRS}"),
                format!("{theirs} s3 cp s3://{THEIRS}/{NEW_COPIES}/{HELLO} -"),
            ],
            Self::Compare => vec![
                format!("{aws} lambda invoke --function-name {} report.json", output("JobsenderFunctionName")),
                "cat report.json".to_owned(),
                format!("{theirs} s3 ls --recursive s3://{THEIRS}/{OLD_COPIES}/"),
            ],
            Self::Table => vec![format!(
                "{aws} dynamodb scan --table-name {} --output text \
                 --query 'Items[?State].[State.S, Size.N, srcKey.S, desKey.S, versionId.S]'",
                output("TableName")
            )],
            Self::Parked => vec![
                format!("{aws} sqs send-message --queue-url {} --message-body '{NONSENSE}'", output("JobsQueueUrl")),
                format!(
                    "{aws} sqs receive-message --queue-url {} --visibility-timeout 0 --wait-time-seconds 5 \
                     --message-attribute-names All",
                    output("ParkedQueueUrl")
                ),
            ],
            Self::Log => vec![format!(
                "{aws} logs filter-log-events --log-group-name {} --output text --query 'events[].[message]'",
                output("WorkerLogGroup")
            )],
        }
    }
}

/// Prints the whole walk.
pub fn print(place: &Place) {
    let (own, other) = (place.endpoint(), place.other.endpoint());
    println!(
        "
Everything is on this machine:
  your account       {own}   S3, SQS, Lambda, DynamoDB, SSM, logs: the stack {STACK}
  the other account  {other}   S3 of {OTHER_REGION}, with keys of its own

In another terminal, tell the AWS command line (aws) who you are; these keys are good for nothing else:

  unset AWS_PROFILE AWS_SESSION_TOKEN
  export AWS_ACCESS_KEY_ID={ACCESS_KEY_ID} AWS_SECRET_ACCESS_KEY={SECRET_ACCESS_KEY}
  export AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION} AWS_PAGER=
  # The emulator computes wrong checksums of files uploaded in parts, and longhaul would refuse them: send none.
  export AWS_REQUEST_CHECKSUM_CALCULATION=when_required
"
    );
    for (number, step) in (1..).zip(Step::ALL) {
        println!("{number}. {}\n", step.words());
        for command in step.commands(place) {
            println!("  {command}");
        }
        println!();
    }
}
