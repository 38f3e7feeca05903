//! longhaul's template: read, filled in as CloudFormation does it, deployed in an emulator; and the commands of a stack.

mod command;
mod deploy;
mod deployable;
mod policy;
mod resolved;
mod template;

pub use command::{Ended, Longhaul, Running, STACK};
pub use deploy::Stack;
pub use policy::{Request, Verdict, verdict};
pub use resolved::{ACCOUNT, Resolved, STACK_NAME};
pub use template::Template;
