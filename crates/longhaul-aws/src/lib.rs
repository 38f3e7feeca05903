//! Adapters for Amazon S3 and for what speaks its protocol, and for the services around it.
//!
//! [`connect()`] makes an [`S3Bucket`], which is a source and a destination; [`account()`] makes many of one account.
//! What a provider does otherwise than Amazon stands in [`provider`], and nowhere else. Nothing here retries a store:
//! the engine does.
//!
//! [`Cloud`] holds all clients of a deployed stack: queues ([`SqsQueue`], [`ParkedQueue`]), the ledger
//! ([`DynamoLedger`]) and parameters ([`Parameters`]). Their calls are small and are repeated by the SDK.
//! [`WorkerSettings`] and [`JobsenderSettings`] read the environment.

pub mod bucket;
pub mod connect;
pub mod provider;

mod account;
mod answer;
mod body;
mod bucket_para;
pub mod checkip;
mod clock;
mod cloud;
mod credentials;
mod destination;
mod dynamo;
mod dynamo_batch;
mod dynamo_item;
mod endpoint;
mod failure;
mod guard;
mod http;
mod jobsender_settings;
pub mod lambda_log;
mod list_objects;
mod list_parts;
mod notification;
mod pages;
mod parked;
mod parking;
mod reach;
mod records;
mod requests;
mod same_bucket;
mod service_failure;
mod service_time;
mod settings;
mod source;
mod sqs;
mod ssm;
mod stack;
mod stack_jobsender;
mod stack_worker;
mod surroundings;
mod time_left;
mod translate;
mod uploads;
mod versions;
mod whole_xml;
mod worker_settings;

pub use account::{Account, account};
pub use bucket::S3Bucket;
pub use bucket_para::{BucketParaError, BucketRoute, parse_routes};
pub use clock::SystemClock;
pub use cloud::{Cloud, CloudOptions};
pub use connect::{ConnectError, ConnectOptions, Keys, Sharing, connect};
pub use credentials::{CredentialsError, OtherAccount};
pub use dynamo::DynamoLedger;
pub use dynamo_item::key_text;
pub use endpoint::EndpointError;
pub use jobsender_settings::JobsenderSettings;
pub use notification::{Connected, Connection, Heard, Notification, connect_bucket};
pub use parked::{ParkedMessage, ParkedQueue};
pub use provider::Provider;
pub use reach::Named;
pub use records::{OpenRecords, Order};
pub use requests::Requests;
pub use same_bucket::is_same_bucket;
pub use settings::{JobType, SettingsError, SettingsProblem};
pub use sqs::{SqsQueue, arn_name};
pub use ssm::{IgnoreListError, ParameterError, Parameters};
pub use stack::{StackError, StackParameter};
pub use stack_jobsender::StackJobsender;
pub use stack_worker::StackWorker;
pub use surroundings::StackStores;
pub use time_left::time_left;
pub use worker_settings::{DefaultDestination, WorkerQueues, WorkerSettings};
