//! x
use crate::{args::DemoArgs, failure::{Exit, Failure}};
pub async fn run(_args: DemoArgs, _json: bool) -> Result<Exit, Failure> { Ok(Exit::Done) }
