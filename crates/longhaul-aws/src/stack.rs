//! A deployed stack put together: clients, stores, worker, jobsender and notifications.

pub mod clients;
pub mod jobsender;
pub mod notification;
pub mod stores;
pub mod worker;

pub use clients::{Cloud, CloudOptions};
pub use jobsender::StackJobsender;
pub use notification::{Connected, Connection, Heard, Notification, connect_bucket};
pub use stores::StackStores;
pub use worker::StackWorker;
