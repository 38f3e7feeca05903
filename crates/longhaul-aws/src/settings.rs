//! What a stack is told: environment, parameters, routes, ignore list and credentials.
//!
//! Invariants: all mistakes are told at once, by name, and no value of a secret is ever shown.

pub mod bucket_para;
pub mod credentials;
pub mod environment;
pub mod jobsender_settings;
pub mod parameters;
pub mod stack_parameter;
pub mod worker_settings;

pub use bucket_para::{BucketParaError, parse_routes};
pub use credentials::{CredentialsError, OtherAccount};
pub use environment::{JobType, SettingsError, SettingsProblem};
pub use jobsender_settings::JobsenderSettings;
pub use parameters::{IgnoreListError, ParameterError, Parameters};
pub use stack_parameter::{StackError, StackParameter};
pub use worker_settings::{DefaultDestination, WorkerQueues, WorkerSettings};
