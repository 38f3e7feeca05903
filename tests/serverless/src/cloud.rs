//! Everything around a function: queues, table and parameters in an emulator, the S3 of both accounts, and a proxy that
//! treats chosen requests badly.

mod account;
mod clients;
mod environment;
mod fault_proxy;
mod parameters;
mod queue;
mod services;
mod table;

pub use account::{
    OTHER_ACCESS_KEY_ID, OTHER_REGION, OTHER_SECRET_ACCESS_KEY, other_account, other_client, other_credentials,
    own_account,
};
pub use clients::Clients;
pub use environment::Environment;
pub use fault_proxy::{Asked, Blame, FaultProxy, Treatment};
pub use parameters::{BUCKET_PARA, CREDENTIALS, IGNORE_LIST, Parameters};
pub use queue::{Depth, Queue};
pub use services::{Cloud, OTHER_BUCKET, OWN_BUCKET, Setup};
pub use table::{Row, Table};
