//! Adapters for Amazon S3 and for what speaks its protocol, and for the services around it.
//!
//! [`connect()`] makes an [`S3Bucket`], which is a source and a destination; [`account()`] makes many of one account.
//! What a provider does otherwise than Amazon stands in [`Provider`], and nowhere else. Nothing here retries a store:
//! the engine does.
//!
//! [`Cloud`] holds all clients of a deployed stack: queues ([`SqsQueue`], [`ParkedQueue`]), the ledger
//! ([`DynamoLedger`]) and parameters ([`Parameters`]). Their calls are small and are repeated by the SDK.
//! [`WorkerSettings`] and [`JobsenderSettings`] read the environment.

pub mod dynamodb;
pub mod lambda;
pub mod s3;
pub mod sdk;
pub mod settings;
pub mod sqs;
pub mod stack;

pub use dynamodb::{DynamoLedger, OpenRecords, Order, key_text};
pub use lambda::time_left;
pub use s3::address::ConnectError;
pub use s3::{
    Account, ConnectOptions, EndpointError, Keys, Named, Provider, S3Bucket, Sharing, account, connect, is_same_bucket,
};
pub use sdk::{Requests, SystemClock, runtime};
pub use settings::{
    BucketParaError, CredentialsError, DefaultDestination, IgnoreListError, JobType, JobsenderSettings, OtherAccount,
    ParameterError, Parameters, SettingsError, SettingsProblem, StackError, StackParameter, WorkerQueues,
    WorkerSettings, parse_routes,
};
pub use sqs::{ParkedMessage, ParkedQueue, SqsQueue, arn_name};
pub use stack::{
    Cloud, CloudOptions, Connected, Connection, Heard, Notification, StackJobsender, StackStores, StackWorker,
    connect_bucket,
};
