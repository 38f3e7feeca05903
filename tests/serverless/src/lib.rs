//! Runs the Lambdas as Lambda runs them, and looks from outside at what they do.
//!
//! Two ways, from small to whole:
//! - A [`Function`] is one process of a binary, beside a fake of Lambda's Runtime API, with any deadline, any event,
//!   and a kill at any time. A [`Cloud`] around it holds its queues, table and parameters, and both accounts' S3.
//!   [`deliver`] does what the mapping from a queue to a function does.
//! - A [`Stack`] is the template of `infra/`, deployed in an emulator: schedules, notifications and mappings are its
//!   own.
//!
//! A [`FaultProxy`] in front of one of the emulator's services remembers what a function asks of it, and treats chosen
//! requests badly. [`Metrics`] says what CloudWatch would have counted in log lines. The binaries are not built from
//! here: see [`Program`].

mod account;
mod clients;
mod cloud;
mod command;
mod delivery;
mod deployable;
mod desk;
mod environment;
mod fault_proxy;
mod function;
mod metrics;
mod parameters;
mod pattern;
mod policy;
mod program;
mod queue;
mod resolved;
mod runtime_api;
mod s3_event;
mod sqs_event;
mod stack;
mod table;
mod template;
mod waiting;
mod work_off;

pub use account::{
    OTHER_ACCESS_KEY_ID, OTHER_REGION, OTHER_SECRET_ACCESS_KEY, other_account, other_client, other_credentials,
    own_account,
};
pub use clients::Clients;
pub use cloud::{Cloud, OTHER_BUCKET, OWN_BUCKET, Setup};
pub use command::{Ended, Longhaul, Running, STACK};
pub use delivery::{Delivery, deliver};
pub use environment::Environment;
pub use fault_proxy::{Asked, Blame, FaultProxy, Treatment};
pub use function::Function;
pub use metrics::{Datum, MetricFilter, Metrics};
pub use parameters::{BUCKET_PARA, CREDENTIALS, IGNORE_LIST, Parameters};
pub use pattern::{FieldPath, Pattern, PatternError};
pub use policy::{Request, Verdict, verdict};
pub use program::{Program, longhaul};
pub use queue::{Depth, Queue};
pub use resolved::{ACCOUNT, Resolved, STACK_NAME};
pub use runtime_api::{Answer, FUNCTION_ARN, Invocation, RuntimeApi};
pub use s3_event::{S3Record, notification, test_event};
pub use sqs_event::{made_up, sqs_event};
pub use stack::Stack;
pub use table::{Row, Table};
pub use template::Template;
pub use waiting::{LIMIT, found_within, until, within};
pub use work_off::work_off;
