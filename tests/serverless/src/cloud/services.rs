//! Everything around a function: queues, table and parameters in an emulator, and the S3 of both accounts.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use emulator::{ACCESS_KEY_ID, Emulator, REGION, SECRET_ACCESS_KEY, required};
use serde_json::json;
use test_s3::{Options, Server, Versioning};

use crate::cloud::{
    account::{other_account, own_account},
    clients::Clients,
    environment::Environment,
    parameters::{BUCKET_PARA, CREDENTIALS, IGNORE_LIST, Parameters},
    queue::Queue,
    table::Table,
};

/// A bucket of the functions' own account. It keeps no versions.
pub const OWN_BUCKET: &str = "own-bucket";
/// A bucket of the other account. It keeps all versions, so that nothing is written twice unseen.
pub const OTHER_BUCKET: &str = "other-bucket";

/// How a cloud is made.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How long a received message stays hidden.
    pub visibility: Duration,
    /// How often a message is received before it is parked by SQS.
    pub max_receives: u32,
    /// The S3 of the own account.
    pub own: Options,
    /// The S3 of the other account.
    pub other: Options,
}

impl Default for Setup {
    /// As the template: hidden for the functions' time-out and two minutes, sixty receives.
    fn default() -> Self {
        Self {
            visibility: Duration::from_secs(1020),
            max_receives: 60,
            own: Options::default(),
            other: Options::default(),
        }
    }
}

impl Setup {
    /// As the template, for large objects: their ETags are made without MD5, which takes long.
    #[must_use]
    pub fn cheap() -> Self {
        let options = Options { cheap_etags: true, ..Options::default() };
        Self { own: options.clone(), other: options, ..Self::default() }
    }
}

/// An account's worth of services for functions that are started by hand.
pub struct Cloud {
    /// The SDK's clients.
    pub clients: Clients,
    /// The S3 of the functions' own account. The emulator's own S3 is not used.
    pub own: Server,
    /// The S3 of the other account.
    pub other: Server,
    /// S3 notifications.
    pub events: Queue,
    /// Jobs.
    pub jobs: Queue,
    /// Segments of giant objects.
    pub segments: Queue,
    /// Key ranges to compare.
    pub scan: Queue,
    /// What cannot succeed: parked by a worker, or received too often.
    pub parked: Queue,
    /// The table of records.
    pub table: Table,
    /// The SSM parameters. The credentials of the other account are set, the route from [`OWN_BUCKET`] to
    /// [`OTHER_BUCKET`] too, and the ignore list holds a comment only.
    pub parameters: Parameters,
    // The last, so that it ends after all that talks to it.
    emulator: Emulator,
}

impl Cloud {
    /// The cloud of a test; `None`, and said so, where there is no Python.
    pub async fn required() -> Option<Self> {
        Self::required_as(Setup::default()).await
    }

    /// The same, made in another way.
    pub async fn required_as(setup: Setup) -> Option<Self> {
        let emulator = required().await?;
        Some(Self::make(emulator, setup).await)
    }

    async fn make(emulator: Emulator, setup: Setup) -> Self {
        let clients = Clients::new(&emulator);
        let parked = Queue::create(&clients.sqs, "parked", &[]).await;
        let attributes = attributes(&setup, &parked);
        let queue = async |name: &'static str| Queue::create(&clients.sqs, name, &attributes).await;
        let [events, jobs, segments, scan] =
            [queue("events").await, queue("jobs").await, queue("segments").await, queue("scan").await];
        let table = Table::create(&clients.dynamodb, "longhaul").await;
        let own = own_account(setup.own).await;
        own.store().create_bucket(OWN_BUCKET, Versioning::Never);
        let other = other_account(setup.other).await;
        other.store().create_bucket(OTHER_BUCKET, Versioning::Enabled);
        let parameters = Parameters::new(&clients.ssm);
        set_parameters(&parameters, &other).await;
        Self { clients, own, other, events, jobs, segments, scan, parked, table, parameters, emulator }
    }

    /// The emulator.
    #[must_use]
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// The environment of a worker in PUT mode, with only what has no default or must differ from it.
    #[must_use]
    pub fn worker_environment(&self) -> Environment {
        self.account_environment()
            .with("sqs_queue_events", self.events.url())
            .with("sqs_queue_jobs", self.jobs.url())
            .with("sqs_queue_segments", self.segments.url())
            .with("Des_bucket_default", OTHER_BUCKET)
            .with("Des_prefix_default", "")
    }

    /// The environment of a jobsender in PUT mode, with only what has no default or must differ from it.
    #[must_use]
    pub fn jobsender_environment(&self) -> Environment {
        self.account_environment().with("sqs_queue", self.jobs.url())
    }

    fn account_environment(&self) -> Environment {
        Environment::from([
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_ENDPOINT_URL", self.emulator.endpoint()),
            ("AWS_ENDPOINT_URL_S3", self.own.endpoint()),
            ("RUST_BACKTRACE", "1".to_owned()),
            ("table_queue_name", self.table.name().to_owned()),
            ("sqs_queue_parked", self.parked.url().to_owned()),
            ("ssm_parameter_credentials", CREDENTIALS.to_owned()),
            ("ssm_parameter_bucket", BUCKET_PARA.to_owned()),
            ("ssm_parameter_ignore_list", IGNORE_LIST.to_owned()),
            ("JobType", "PUT".to_owned()),
        ])
    }
}

fn attributes(setup: &Setup, parked: &Queue) -> [(QueueAttributeName, String); 2] {
    let redrive = json!({ "deadLetterTargetArn": parked.arn(), "maxReceiveCount": setup.max_receives });
    [
        (QueueAttributeName::VisibilityTimeout, setup.visibility.as_secs().to_string()),
        (QueueAttributeName::RedrivePolicy, redrive.to_string()),
    ]
}

async fn set_parameters(parameters: &Parameters, other: &Server) {
    parameters.set_other_account(other).await;
    let route = json!({ "src_bucket": OWN_BUCKET, "src_prefix": "", "des_bucket": OTHER_BUCKET, "des_prefix": "" });
    parameters.set_routes(&json!([route])).await;
    parameters.set_ignore_list("# One pattern a line.").await;
}
