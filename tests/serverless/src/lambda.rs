//! A function as Lambda runs it: a process, a fake of the Runtime API beside it, and what the mapping from a queue gives it.

mod delivery;
mod desk;
mod function;
mod program;
mod runtime_api;
mod s3_event;
mod sqs_event;
mod work_off;

pub use delivery::{Delivery, deliver};
pub use function::Function;
pub use program::{Program, longhaul};
pub use runtime_api::{Answer, FUNCTION_ARN, Invocation, RuntimeApi};
pub use s3_event::{S3Record, notification, test_event};
pub use sqs_event::{made_up, sqs_event};
pub use work_off::work_off;
