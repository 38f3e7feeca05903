//! Starts an emulator of AWS for tests: SQS, DynamoDB, SSM, S3 with notifications, CloudFormation, and functions that
//! are real processes. It needs neither an account nor a container, only `python3`.
//!
//! [`required`] gives a test its own [`Emulator`], which ends with its handle, its functions included. The first test
//! that asks installs the packages of `requirements.txt` into `.tools/emulator`; all later ones use them. `make test` has
//! [`install`] do that before. [`Python`] runs scripts among these packages, where the workspace has no crate for the purpose.

mod health;
mod package;
mod process;
mod python;
mod required;

pub use process::{ACCESS_KEY_ID, ACCOUNT_ID, Emulator, REGION, SECRET_ACCESS_KEY};
pub use python::Python;
pub use python_tools::NotHere;
pub use required::{install, required, required_python};
